import { CaptureError } from "./capture-error.js";
import {
  type CaptureHeader,
  captureHeaderBytes,
  maximumSnaplen,
  parseCaptureHeader,
  recordHeaderBytes,
  startsClassicPcap,
} from "./capture-header.js";
import { startsPcapng } from "./pcapng-framing.js";
import { nanosecondsPerUnit, viewOf } from "./record-batch.js";
import { corruptLength, unknownFormat } from "./unreadable.js";

/** What a walk tells as it goes. An error thrown here ends the walk. */
export interface WalkVisitor {
  /** The file header, before the first record. */
  fileHeader(header: CaptureHeader): void;
  /** A record, as soon as its header is there. `endOffset` is where it will end, in bytes from the start of the file. */
  record(seconds: number, nanoseconds: number, endOffset: number): void;
}

/**
 * Walks from record to record of a classic pcap file that comes in pieces of any size.
 *
 * For whoever checks a file and passes its bytes on as they came: it reads headers, never data, and keeps nothing but a header
 * that straddles pieces. To have whole records in hand, use `CaptureDecoder`.
 */
export class RecordWalk {
  private readonly visitor: WalkVisitor;
  private little: boolean | undefined;
  private unitNanoseconds = 1;
  private received = 0;
  private packets = 0;
  /** Data of the record that the walk is in, still to come. */
  private dataLeft = 0;
  /** The beginning of a header that straddles pieces. */
  private readonly straddling = new Uint8Array(captureHeaderBytes);
  private readonly straddlingView = viewOf(this.straddling);
  private straddled = 0;
  private end = 0;
  /** The bytes of the last push: cut at many places, they come many times. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view = viewOf(this.bytes);

  constructor(visitor: WalkVisitor) {
    this.visitor = visitor;
  }

  /** Where the last whole record ends, or the file header where there is none yet, in bytes from the start of the file. */
  get wholeBytes(): number {
    return this.end;
  }

  /**
   * Takes the next bytes, `bytes[start, end)`, and gives where in `bytes` that ends which was begun before, or the file header or
   * record that they begin with: where the first cut between records would lie. Undefined: all of it lies inside one record.
   *
   * Throws a CaptureError "unknown-format", "unsupported" or "corrupt", and what the visitor throws.
   */
  push(bytes: Uint8Array, start = 0, end = bytes.length): number | undefined {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    const { view } = this;
    const fileOffset = this.received - start;
    let firstEnd: number | undefined;
    let at = start;
    while (at < end) {
      if (this.dataLeft === 0) {
        const need = this.little === undefined ? captureHeaderBytes : recordHeaderBytes;
        if (this.straddled === 0 && end - at >= need) {
          this.readHeader(view, at, fileOffset + at);
          at += need;
        } else {
          const step = Math.min(need - this.straddled, end - at);
          this.straddling.set(bytes.subarray(at, at + step), this.straddled);
          this.straddled += step;
          at += step;
          if (this.straddled < need) break;
          this.straddled = 0;
          this.readHeader(this.straddlingView, 0, fileOffset + at - need);
        }
      }
      const step = Math.min(this.dataLeft, end - at);
      this.dataLeft -= step;
      at += step;
      if (this.dataLeft === 0) {
        this.end = fileOffset + at;
        firstEnd ??= at;
      }
    }
    this.received += end - start;
    return firstEnd;
  }

  private readHeader(view: DataView, at: number, fileOffset: number): void {
    const { little } = this;
    if (little === undefined) {
      this.readFileHeader(view, at);
      return;
    }
    this.packets++;
    const capturedLength = view.getUint32(at + 8, little);
    if (capturedLength > maximumSnaplen)
      throw corruptLength(fileOffset, this.packets, capturedLength, maximumSnaplen);
    this.dataLeft = capturedLength;
    this.visitor.record(
      view.getUint32(at, little),
      view.getUint32(at + 4, little) * this.unitNanoseconds,
      fileOffset + recordHeaderBytes + capturedLength,
    );
  }

  private readFileHeader(view: DataView, at: number): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, captureHeaderBytes);
    if (startsPcapng(bytes, 0)) throw new CaptureError("unsupported", 0, "it is pcapng, not classic pcap");
    if (!startsClassicPcap(bytes, 0)) throw unknownFormat(bytes);
    const header = parseCaptureHeader(bytes);
    this.little = header.byteOrder === "little";
    this.unitNanoseconds = nanosecondsPerUnit(header);
    this.visitor.fileHeader(header);
  }
}
