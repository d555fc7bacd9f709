import {
  type CaptureHeader,
  encodeCaptureHeader,
  recordHeaderBytes,
  sameRecordFormat,
} from "./capture-header.js";
import { copyBytes } from "./copy-bytes.js";
import { derive } from "./derive.js";
import { type RecordBatch, viewOf } from "./record-batch.js";

/** Bytes that chunks come together in where they have to be copied; a larger chunk comes alone. */
const copiedRunBytes = 256 * 1024;
/** The same where they lie in a batch in one piece, and cost no memory. */
const uncopiedRunBytes = 512 * 1024;

/**
 * Chunks of a pcap file, one behind the other. They are good until the next run is pulled, and not to be written into: their memory
 * is used again, or is that of the batch they came in.
 */
export interface ChunkRun {
  readonly bytes: Uint8Array;
  /** Where each chunk ends in `bytes`, ascending; there is one at least, and the last ends with `bytes`. */
  readonly ends: readonly number[];
}

/**
 * Writes the records as a pcap file in chunks of at most `maxChunkBytes`, cut between records; chunks that a batch holds come
 * together, up to 256 KiB of them, or 512 KiB where they lie there in one piece. So a small chunk costs no pull of its own.
 *
 * The first chunk starts with the file header, which stands alone when there is no record; so every prefix of the chunks is a valid
 * file. A record larger than the bound goes whole, in a chunk of its own. Chunks that lie in a batch in one piece are not copied. Batches
 * must be in the format of `header` (`conformTo` sees to it), or a TypeError is thrown. Throws a RangeError when `maxChunkBytes` is
 * under 1.
 */
export function chunkRuns(
  header: CaptureHeader,
  maxChunkBytes: number,
): (batches: AsyncIterable<RecordBatch>) => AsyncIterable<ChunkRun> {
  if (!Number.isInteger(maxChunkBytes) || maxChunkBytes < 1)
    throw new RangeError(`maxChunkBytes ${maxChunkBytes} is not a whole number of 1 or more`);
  const fileHeader = encodeCaptureHeader(header);
  return (batches) =>
    derive(batches, async function* (upstream) {
      const chunks = new ChunkCollector(maxChunkBytes);
      chunks.append(fileHeader, 0, fileHeader.length);
      for await (const batch of upstream) {
        if (!sameRecordFormat(batch.header, header))
          throw new TypeError(
            "chunks got records in another format than their header's: put conformTo() before",
          );
        for (let taken = 0; taken < batch.count; ) {
          taken = chunks.fill(batch, taken);
          const run = chunks.takeRun();
          if (run) yield run;
        }
      }
      chunks.close();
      const last = chunks.takeRun();
      if (last) yield last;
    });
}

/** Finds where chunks end; keeps in its own memory what does not lie together in one batch. */
class ChunkCollector {
  private readonly maxChunkBytes: number;
  private buffer = new Uint8Array(64 * 1024);
  private used = 0;
  /** Where the chunk that is being filled starts. */
  private start = 0;
  private ends: number[] = [];
  /** The chunks that are closed, where they lie together in their batch. */
  private uncopied: Uint8Array | undefined;

  constructor(maxChunkBytes: number) {
    this.maxChunkBytes = maxChunkBytes;
  }

  /** The chunks that are closed, good until the next `fill`; undefined where there are none. */
  takeRun(): ChunkRun | undefined {
    if (this.ends.length === 0) return undefined;
    const run = { bytes: this.uncopied ?? this.buffer.subarray(0, this.start), ends: this.ends };
    this.uncopied = undefined;
    this.ends = [];
    return run;
  }

  /** Takes records from number `first` on, until there are no more or the run is full; gives the number of the next. */
  fill(batch: RecordBatch, first: number): number {
    this.forgetRun();
    // The chunk that was begun comes alone, so that those behind it need no copy.
    const isBegun = this.used > 0;
    const { bytes, offsets, count } = batch;
    const view = viewOf(bytes);
    const little = batch.header.byteOrder === "little";
    // Records that lie one behind the other are taken as one slice.
    let sliceStart = offsets[first] as number; // the caller keeps first < count
    let sliceEnd = sliceStart;
    let next = first;
    for (; next < count; next++) {
      const offset = offsets[next] as number; // next < count
      if (offset !== sliceEnd) {
        // Too much to be copied to what comes behind the gap.
        if (this.used === 0 && this.start > copiedRunBytes) break;
        this.append(bytes, sliceStart, sliceEnd);
        sliceStart = sliceEnd = offset;
      }
      const recordBytes = recordHeaderBytes + view.getUint32(offset + 8, little);
      const end = this.used + sliceEnd - sliceStart;
      if (end > this.start && end + recordBytes - this.start > this.maxChunkBytes) {
        this.closeAt(end);
        const mostBytes = this.used > 0 ? copiedRunBytes : uncopiedRunBytes;
        if (isBegun || end + this.maxChunkBytes > mostBytes) break;
      }
      sliceEnd += recordBytes;
    }
    this.takeSlice(bytes, sliceStart, sliceEnd);
    return next;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const total = this.used + end - start;
    if (total > this.buffer.length) {
      const larger = new Uint8Array(Math.max(total, this.buffer.length * 2));
      larger.set(this.buffer.subarray(0, this.used));
      this.buffer = larger;
    }
    copyBytes(this.buffer, this.used, bytes, start, end);
    this.used = total;
  }

  /** Ends the last chunk. */
  close(): void {
    this.forgetRun();
    if (this.used > this.start) this.closeAt(this.used);
  }

  /** Takes the last slice of a run. Closed chunks that lie wholly in it stay where they are. */
  private takeSlice(bytes: Uint8Array, start: number, end: number): void {
    if (this.used > 0 || this.ends.length === 0) {
      this.append(bytes, start, end);
      return;
    }
    const closedEnd = start + this.start;
    this.uncopied = bytes.subarray(start, closedEnd);
    this.start = 0;
    this.append(bytes, closedEnd, end);
  }

  /** Starts again, with what is in the chunk that is not closed. */
  private forgetRun(): void {
    if (this.start === 0) return;
    this.buffer.copyWithin(0, this.start, this.used);
    this.used -= this.start;
    this.start = 0;
  }

  private closeAt(end: number): void {
    this.ends.push(end);
    this.start = end;
  }
}
