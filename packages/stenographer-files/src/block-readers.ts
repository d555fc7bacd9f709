import { Bell } from "./bell.js";
import type { BlockReader } from "./block-reader.js";

/** Block readers, made as they are needed, and no more than so many, so that an answer takes no more memory than theirs. */
export class BlockReaders {
  readonly #free: BlockReader[] = [];
  readonly #given = new Bell();

  constructor(
    private readonly make: () => BlockReader,
    private left: number,
  ) {}

  /** One that is free, if there is one. */
  tryTake(): BlockReader | undefined {
    if (this.#free.length > 0 || this.left === 0) return this.#free.pop();
    this.left--;
    return this.make();
  }

  /** Waits for one that is free. One caller at a time. Rejects when the signal aborts. */
  async take(signal: AbortSignal): Promise<BlockReader> {
    let reader = this.tryTake();
    while (reader === undefined) {
      await this.#given.heard(signal);
      reader = this.#free.pop();
    }
    return reader;
  }

  /** Those that are free, and no more of them. */
  drain(): BlockReader[] {
    this.left = 0;
    return this.#free.splice(0);
  }

  give(reader: BlockReader): void {
    this.#free.push(reader);
    this.#given.ring();
  }
}
