import { CaptureError } from "./capture-error.js";

/** Byte order of the headers of a capture; packet data has none. */
export type ByteOrder = "little" | "big";

/** What the second time field of a record counts. */
export type TimestampResolution = "microseconds" | "nanoseconds";

/** The 24-byte file header of classic pcap, decoded (draft-ietf-opsawg-pcap, section 4). */
export interface CaptureHeader {
  readonly byteOrder: ByteOrder;
  readonly resolution: TimestampResolution;
  /** The most bytes a packet was captured with; 0 where the writer set no limit. */
  readonly snaplen: number;
  /** See `LinkType`. */
  readonly linkType: number;
  /** Bytes of frame check sequence at the end of each packet, 0 to 30 and even; absent where the file does not say. */
  readonly fcsBytes?: number;
}

/** Size of the file header. */
export const captureHeaderBytes = 24;

/** Size of the header before each packet's data. */
export const recordHeaderBytes = 16;

/** The largest capture length libpcap believes for nearly all link types (MAXIMUM_SNAPLEN in pcap-int.h). */
export const maximumSnaplen = 262_144;

const microsecondMagic = 0xa1b2c3d4;
const nanosecondMagic = 0xa1b23c4d;
/** Alexey Kuznetzov's patched libpcap of the 1990s: longer record headers. */
const patchedMagic = 0xa1b2cd34;

// Layout of the last field, from its top: 4 bits FCS length in 16-bit words, R, P ("the FCS length is there"), 10 reserved, 16 link type.
const fcsPresent = 0x0400_0000;
const reservedBits = 0x0bff_0000;

/** Encodes the 24 bytes a pcap file starts with. Throws a RangeError on a link type over 65535 or a bad `fcsBytes`. */
export function encodeCaptureHeader(header: CaptureHeader): Uint8Array {
  const { linkType, snaplen, fcsBytes } = header;
  if (!Number.isInteger(linkType) || linkType < 0 || linkType > 0xffff)
    throw new RangeError(`link type ${linkType} is not in 0..65535`);
  if (!Number.isInteger(snaplen) || snaplen < 0 || snaplen > 0xffff_ffff)
    throw new RangeError(`snaplen ${snaplen} is not in 0..4294967295`);
  if (fcsBytes !== undefined && (fcsBytes < 0 || fcsBytes > 30 || fcsBytes % 2 !== 0))
    throw new RangeError(`fcsBytes ${fcsBytes} is not an even number in 0..30`);
  const little = header.byteOrder === "little";
  const bytes = new Uint8Array(captureHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.resolution === "nanoseconds" ? nanosecondMagic : microsecondMagic, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, snaplen, little);
  const fcs = fcsBytes === undefined ? 0 : ((fcsBytes / 2) << 28) | fcsPresent;
  view.setUint32(20, (linkType | fcs) >>> 0, little);
  return bytes;
}

/** Whether the four bytes at `offset` start a classic pcap file, patched kinds included. */
export function startsClassicPcap(bytes: Uint8Array, offset: number): boolean {
  return readMagic(bytes, offset) !== undefined;
}

/** Decodes the file header at `offset`. Throws a CaptureError: "unknown-format", "unsupported" or "corrupt". */
export function parseCaptureHeader(bytes: Uint8Array, offset = 0): CaptureHeader {
  const start = readMagic(bytes, offset);
  if (start === undefined)
    throw new CaptureError("unknown-format", 0, "not a pcap file: unknown first bytes");
  if (start.magic === patchedMagic)
    throw new CaptureError(
      "unsupported",
      0,
      "modified pcap (magic a1b2cd34) is not supported; convert it with editcap -F pcap",
    );
  const little = start.byteOrder === "little";
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, captureHeaderBytes);
  const major = view.getUint16(4, little);
  const minor = view.getUint16(6, little);
  if (major !== 2 || minor !== 4)
    throw new CaptureError(
      "unsupported",
      4,
      `pcap version ${major}.${minor} at byte 4 is not supported, only 2.4`,
    );
  const network = view.getUint32(20, little);
  // The draft asks readers to refuse reserved bits; libpcap would take ten of them for a link type of another class.
  if ((network & reservedBits) !== 0)
    throw new CaptureError(
      "unsupported",
      20,
      `link type field 0x${network.toString(16).padStart(8, "0")} at byte 20 has reserved bits set`,
    );
  return {
    byteOrder: start.byteOrder,
    resolution: start.magic === nanosecondMagic ? "nanoseconds" : "microseconds",
    snaplen: view.getUint32(16, little),
    linkType: network & 0xffff,
    ...((network & fcsPresent) !== 0 && { fcsBytes: (network >>> 28) * 2 }),
  };
}

/** Whether records under `a` can stand under `b` byte for byte: only snaplen and FCS may differ. */
export function sameRecordFormat(a: CaptureHeader, b: CaptureHeader): boolean {
  return a.byteOrder === b.byteOrder && a.resolution === b.resolution && a.linkType === b.linkType;
}

function readMagic(
  bytes: Uint8Array,
  offset: number,
): { readonly magic: number; readonly byteOrder: ByteOrder } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 4);
  for (const byteOrder of ["little", "big"] as const) {
    const magic = view.getUint32(0, byteOrder === "little");
    if (magic === microsecondMagic || magic === nanosecondMagic || magic === patchedMagic)
      return { magic, byteOrder };
  }
  return undefined;
}
