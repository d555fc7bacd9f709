import type { CaptureError } from "./capture-error.js";
import type { CaptureHeader } from "./capture-header.js";
import type { RecordBatch } from "./record-batch.js";

/** A unit of which the scan has let go the beginning, though not the end. */
export interface OpenUnit {
  readonly streamOffset: number;
  readonly length: number;
}

/** How one file format is cut into records. The decoder feeds it bytes; it never sees where a chunk ends inside a record. */
export interface Framing {
  /** Known once the format's own header was scanned; in pcapng that of the first packet's interface. */
  readonly header: CaptureHeader | undefined;
  /** What ended the scan early; the records before it are still there to take. */
  readonly failure: CaptureError | undefined;
  /** What the scan stopped at, for messages: "record", "file header", "block". */
  readonly unit: string;
  /** Bytes the unit where the scan stopped needs, as far as its beginning tells; never over the ceiling. */
  readonly need: number;
  /** Bytes to throw away unread before the next scan; the decoder takes them over and sets this back to 0. */
  skip: number;
  /** What is being skipped: the decoder's bytes in hand are its tail. */
  readonly openUnit: OpenUnit | undefined;
  /** Called before the scans of one push; what was taken from the push before is no longer needed. */
  begin(): void;
  /** Takes every whole unit in `bytes[from, to)` and returns where it stopped. `streamOffset` is that of `bytes[0]`. */
  scan(bytes: Uint8Array, from: number, to: number, streamOffset: number): number;
  /** The records of a scan over the carry buffer, if they lie in there. */
  takeCarried(bytes: Uint8Array): RecordBatch | undefined;
  /** The records of the scans of this push. */
  take(bytes: Uint8Array): RecordBatch | undefined;
  /** Called when the stream has ended: no packet comes that a header could be waiting for. */
  end(): void;
}
