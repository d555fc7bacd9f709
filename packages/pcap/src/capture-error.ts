/** What is wrong with a capture; branch on this, never on the text. */
export type CaptureErrorKind =
  /** The stream ended before it said anything: no bytes, or a pcapng without an interface. */
  | "empty"
  /** The first bytes are neither pcap nor pcapng. */
  | "unknown-format"
  /** The stream ended inside a header, a record or a block. */
  | "truncated"
  /** A field contradicts the format. */
  | "corrupt"
  /** Valid, or may be, but nothing this package reads. */
  | "unsupported"
  /** Packets of several link types where one file can hold only one. */
  | "mixed-link-types";

/** A capture that cannot be read on; `kind` says why and `byteOffset` where in the stream. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly kind: CaptureErrorKind;
  /** Bytes from the start of the stream to the place the message is about. */
  readonly byteOffset: number;

  constructor(kind: CaptureErrorKind, byteOffset: number, message: string) {
    super(message);
    this.kind = kind;
    this.byteOffset = byteOffset;
  }
}
