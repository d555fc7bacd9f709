/** Where the batches go: a node:fs FileHandle. */
export interface BatchSink {
  /** Writes all of it at the current position. */
  writeFile(bytes: Uint8Array): Promise<void>;
}

const batchBytes = 262_144;

/** Gathers small pieces so that each write is worth its system call. Large ones go as they are. */
export class BatchWriter {
  readonly #sink: BatchSink;
  readonly #batch = new Uint8Array(batchBytes);
  #filled = 0;

  constructor(sink: BatchSink) {
    this.#sink = sink;
  }

  async write(piece: Uint8Array): Promise<void> {
    if (this.#filled + piece.length > batchBytes) await this.flush();
    if (piece.length >= batchBytes) return this.#sink.writeFile(piece);
    this.#batch.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.#sink.writeFile(this.#batch.subarray(0, filled));
  }
}
