import { copyBytes } from "./copy-bytes.js";

const firstBufferBytes = 64 * 1024;

/** Collects bytes up to a bound and hands them out, as memory of its own or as memory that is used again. */
export class ChunkBuffer {
  /** Bytes collected since the last flush. */
  used = 0;

  private readonly maxBytes: number;
  private readonly reuseMemory: boolean;
  private buffer: Uint8Array;
  /** A small result does not pay for a large bound; once one chunk was full, the next will be too. */
  private nextBytes: number;

  constructor(maxBytes: number, reuseMemory: boolean) {
    this.maxBytes = maxBytes;
    this.reuseMemory = reuseMemory;
    this.nextBytes = Math.min(maxBytes, firstBufferBytes);
    this.buffer = new Uint8Array(0);
  }

  /** Bytes that still fit; negative when something over the bound was appended. */
  get room(): number {
    return this.maxBytes - this.used;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const { used } = this;
    const total = used + end - start;
    if (total > this.buffer.length) this.grow(total);
    copyBytes(this.buffer, used, bytes, start, end);
    this.used = total;
  }

  /** What was collected. The buffer starts again, empty; elsewhere, or over what it just gave. */
  flush(): Uint8Array {
    const { buffer, used } = this;
    if (this.reuseMemory) {
      this.used = 0;
      return buffer.subarray(0, used);
    }
    // A nearly empty buffer is not worth keeping alive for its reader.
    const chunk = used * 2 < buffer.length ? buffer.slice(0, used) : buffer.subarray(0, used);
    this.buffer = new Uint8Array(0);
    this.used = 0;
    this.nextBytes = buffer.length;
    return chunk;
  }

  private grow(size: number): void {
    const wanted = Math.max(this.nextBytes, this.buffer.length * 2);
    const larger = new Uint8Array(Math.max(size, Math.min(wanted, this.maxBytes)));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }
}
