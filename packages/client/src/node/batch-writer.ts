/** Where the batches go: a node:fs FileHandle. */
export interface BatchSink {
  /** Writes all of it at the current position. */
  writeFile(bytes: Uint8Array): Promise<void>;
}

const batchBytes = 262_144;

/** Gathers small pieces so that each write is worth its system call, and gathers on while the disk writes. */
export class BatchWriter {
  readonly #sink: BatchSink;
  /** One is filled while the other is written. */
  #batch = new Uint8Array(batchBytes);
  #spare = new Uint8Array(batchBytes);
  #filled = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(sink: BatchSink) {
    this.#sink = sink;
  }

  /** Takes a piece, and needs its memory until it resolves. Rejects with what an earlier write failed with, too. */
  async write(piece: Uint8Array): Promise<void> {
    if (this.#filled + piece.length > batchBytes) await this.#writeBatch();
    if (piece.length >= batchBytes) {
      await this.#writeNext(piece);
      return this.#underWay;
    }
    this.#batch.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  /** Resolves when all is written. */
  async flush(): Promise<void> {
    await this.#writeBatch();
    await this.#underWay;
  }

  async #writeBatch(): Promise<void> {
    if (this.#filled === 0) return;
    await this.#writeNext(this.#batch.subarray(0, this.#filled));
    [this.#batch, this.#spare] = [this.#spare, this.#batch];
    this.#filled = 0;
  }

  /** Starts a write when the one before has ended. */
  async #writeNext(bytes: Uint8Array): Promise<void> {
    await this.#underWay;
    this.#underWay = this.#sink.writeFile(bytes);
    this.#underWay.catch(() => {}); // whoever waits for it is told
  }
}
