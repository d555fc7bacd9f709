import type { CaptureHeader } from "./capture-header.js";
import { copyBytes } from "./copy-bytes.js";
import type { RecordBatch } from "./record-batch.js";

const fullBytes = 128 * 1024;

/** Collects short runs of interleaved records, so that they go out in batches of a useful size. */
export class MergeBuffer {
  count = 0;

  private readonly header: CaptureHeader;
  private bytes = new Uint8Array(16 * 1024);
  private used = 0;
  private offsets = new Uint32Array(512);

  constructor(header: CaptureHeader) {
    this.header = header;
  }

  get full(): boolean {
    return this.used >= fullBytes;
  }

  /** Copies a record that lies at `bytes[start, end)`, in the format of `header`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(this.bytes, this.used, bytes, start, end);
    this.offsets[this.count++] = this.used;
    this.used += end - start;
  }

  /** What was collected, good until the next `add`. */
  take(): RecordBatch {
    const { header, offsets, count } = this;
    const bytes = this.bytes.subarray(0, this.used);
    this.count = 0;
    this.used = 0;
    return { header, bytes, offsets, count };
  }

  private reserve(size: number): void {
    if (this.used + size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.used + size, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    if (this.count === this.offsets.length) {
      const larger = new Uint32Array(this.count * 2);
      larger.set(this.offsets);
      this.offsets = larger;
    }
  }
}
