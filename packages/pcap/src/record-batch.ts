import type { CaptureHeader } from "./capture-header.js";
import { recordHeaderBytes } from "./capture-header.js";

/**
 * The records one chunk completed, in classic pcap form.
 *
 * `bytes` and `offsets` are views that live until the next pull: copy what you keep. Stages own the batch they are handed: they
 * compact `offsets` in place and lower `count`, so that nothing is allocated per packet. They never write into `bytes`.
 */
export interface RecordBatch {
  /** Byte order and resolution of the record headers in `bytes`. */
  readonly header: CaptureHeader;
  /** The records lie in here, header and data, raw as they came; other bytes may lie between them. */
  readonly bytes: Uint8Array;
  /** Where record i's 16-byte header starts in `bytes`, ascending; valid for i < count. */
  readonly offsets: Uint32Array;
  /** How many records there are. */
  count: number;
}

/** A capture being read: its header, and its records in batches, to be iterated once. */
export interface Capture {
  readonly header: CaptureHeader;
  /** Leaving the loop (break, return, throw), or calling the iterator's `return`, closes what it is read from. */
  readonly batches: AsyncIterable<RecordBatch>;
}

/** Takes batches and gives batches; a chain of them reads like a sentence under `pipe`. */
export type BatchStage = (batches: AsyncIterable<RecordBatch>) => AsyncIterable<RecordBatch>;

/** Reads one record of a batch after another without allocating; the fields are those of the last `seek`. */
export class RecordCursor {
  /** Seconds since the epoch, unsigned. */
  seconds = 0;
  /** Nanoseconds within the second, whatever the file's resolution is. */
  nanoseconds = 0;
  /** Bytes of the packet that are here. */
  capturedLength = 0;
  /** Bytes the packet had on the wire. */
  originalLength = 0;
  /** Where the record's header starts in `batch.bytes`. */
  offset = 0;
  /** Where the packet's data starts in `batch.bytes`. */
  frameOffset = 0;

  private readonly offsets: Uint32Array;
  private readonly view: DataView;
  private readonly little: boolean;
  private readonly nanosecondsPerUnit: number;

  constructor(batch: RecordBatch) {
    this.offsets = batch.offsets;
    this.view = viewOf(batch.bytes);
    this.little = batch.header.byteOrder === "little";
    this.nanosecondsPerUnit = nanosecondsPerUnit(batch.header);
  }

  /** Moves to record `index`, which must be lower than the batch's `count`. */
  seek(index: number): void {
    const offset = this.offsets[index] as number; // the caller keeps index < count
    const { view, little } = this;
    this.offset = offset;
    this.frameOffset = offset + recordHeaderBytes;
    this.seconds = view.getUint32(offset, little);
    this.nanoseconds = view.getUint32(offset + 4, little) * this.nanosecondsPerUnit;
    this.capturedLength = view.getUint32(offset + 8, little);
    this.originalLength = view.getUint32(offset + 12, little);
  }
}

/** What one unit of a record's second time field is worth. */
export function nanosecondsPerUnit(header: CaptureHeader): number {
  return header.resolution === "nanoseconds" ? 1 : 1000;
}

/** A DataView over the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
