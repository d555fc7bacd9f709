import type { BlockTable } from "./packet-file.js";

/** The most files that are remembered, and blocks in all of them: 128 GiB of packets in some 15 MiB of memory. */
const mostFiles = 4096;
const mostBlocks = 128 * 1024;

/** Block tables of finished files, by the files' versions, so that repeated queries don't read them again. */
export class TableCache {
  /** Least recently used first. */
  readonly #tables = new Map<string, BlockTable>();
  #blocks = 0;

  get(version: string): BlockTable | undefined {
    const table = this.#tables.get(version);
    if (table !== undefined) {
      this.#tables.delete(version);
      this.#tables.set(version, table);
    }
    return table;
  }

  set(version: string, table: BlockTable): void {
    this.#drop(version);
    this.#tables.set(version, table);
    this.#blocks += table.blocks.length;
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= mostFiles && this.#blocks <= mostBlocks) return;
      this.#drop(oldest);
    }
  }

  #drop(version: string): void {
    this.#blocks -= this.#tables.get(version)?.blocks.length ?? 0;
    this.#tables.delete(version);
  }
}
