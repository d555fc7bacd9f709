/** Read buffers that outlive one file: a fresh one each read costs more in garbage collection than the read itself. */
export class BufferPool {
  readonly bufferBytes: number;
  readonly #maxKept: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /**
   * @param bufferBytes size of the buffers that are kept
   * @param maxKept how many are kept while nobody uses them
   */
  constructor(bufferBytes: number, maxKept: number) {
    this.bufferBytes = bufferBytes;
    this.#maxKept = maxKept;
  }

  /** Gives a buffer of exactly so many bytes; its content is anything. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const kept = bytes === this.bufferBytes ? this.#free.pop() : undefined;
    return kept ?? new Uint8Array(bytes);
  }

  /** Takes a buffer back. Only when nobody can hold a view of it: the next file is read into it. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === this.bufferBytes && this.#free.length < this.#maxKept) this.#free.push(buffer);
  }
}
