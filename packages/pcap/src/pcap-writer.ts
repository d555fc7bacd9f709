import { type CaptureHeader, encodeCaptureHeader, recordHeaderBytes } from "./capture-header.js";
import { nanosecondsPerUnit, viewOf } from "./record-batch.js";

/** A packet to be written. */
export interface PacketToWrite {
  /** Nanoseconds since the epoch. */
  timestampNs: bigint;
  /** The packet from its link layer header on. */
  data: Uint8Array;
  /** Bytes the packet had on the wire. Default: the length of `data`. */
  originalLength?: number;
}

/** Writes classic pcap piece by piece: `header()` once, then a `record()` for each packet. */
export class PcapWriter {
  private readonly captureHeader: CaptureHeader;

  constructor(header: CaptureHeader) {
    this.captureHeader = header;
  }

  /** The file header: the first 24 bytes of the file. */
  header(): Uint8Array {
    return encodeCaptureHeader(this.captureHeader);
  }

  /**
   * One record. Nanoseconds are cut off to the file's resolution. Throws a RangeError on a time before 1970 or after February 2106, and
   * on data longer than the snaplen (0 is no limit) or `originalLength`.
   */
  record({ timestampNs, data, originalLength = data.length }: PacketToWrite): Uint8Array {
    const { byteOrder, snaplen } = this.captureHeader;
    const seconds = timestampNs / 1_000_000_000n;
    if (timestampNs < 0n || seconds > 0xffff_ffffn)
      throw new RangeError(`timestampNs ${timestampNs} does not fit a pcap record`);
    if (snaplen > 0 && data.length > snaplen)
      throw new RangeError(`packet of ${data.length} bytes is over the snaplen of ${snaplen}`);
    checkOriginalLength(originalLength, data.length);
    const little = byteOrder === "little";
    const bytes = new Uint8Array(recordHeaderBytes + data.length);
    const view = viewOf(bytes);
    const fraction = Number(timestampNs % 1_000_000_000n) / nanosecondsPerUnit(this.captureHeader);
    view.setUint32(0, Number(seconds), little);
    view.setUint32(4, Math.floor(fraction), little);
    view.setUint32(8, data.length, little);
    view.setUint32(12, originalLength, little);
    bytes.set(data, recordHeaderBytes);
    return bytes;
  }
}

/** Throws a RangeError unless a packet of `originalLength` on the wire can have `capturedLength` bytes here. */
export function checkOriginalLength(originalLength: number, capturedLength: number): void {
  if (!Number.isInteger(originalLength) || originalLength < capturedLength || originalLength > 0xffff_ffff)
    throw new RangeError(`originalLength ${originalLength} is not in ${capturedLength}..4294967295`);
}
