import { stat } from "node:fs/promises";
import { versionOf } from "./file-version.js";
import type { IndexFile } from "./index-file.js";
import type { StoredFile } from "./list-files.js";
import { type BlockTable, PacketFile } from "./packet-file.js";

/** The most files that are remembered, and blocks in all of them: 128 GiB of packets in some 15 MiB of memory. */
const mostFiles = 4096;
const mostBlocks = 128 * 1024;

/** A packet file as it is now. */
export interface KnownFile {
  readonly version: string;
  readonly size: number;
  readonly table: BlockTable;
}

interface Entry {
  readonly table: BlockTable;
  /** The last position in the file's index, and the version of that. */
  last?: { readonly version: string; readonly position: number };
}

/** What was read of finished files, by their versions, so that repeated queries don't read it again. */
export class TableCache {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #blocks = 0;

  get(version: string): BlockTable | undefined {
    const entry = this.#entries.get(version);
    if (entry === undefined) return undefined;
    this.#entries.delete(version);
    this.#entries.set(version, entry);
    return entry.table;
  }

  set(version: string, table: BlockTable): void {
    this.#drop(version);
    this.#entries.set(version, { table });
    this.#blocks += table.blocks.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= mostFiles && this.#blocks <= mostBlocks) return;
      this.#drop(oldest);
    }
  }

  /** The block table of a file, which is opened only if it is not known. Rejects where the file can't be read. */
  async read(stored: StoredFile): Promise<KnownFile> {
    if (!stored.isUnfinished) {
      const stats = await stat(stored.packetsPath);
      const version = versionOf(stats);
      const table = this.get(version);
      if (table !== undefined) return { version, size: stats.size, table };
    }
    const file = await PacketFile.open(stored.packetsPath);
    try {
      const { version, size } = file;
      const table = await file.readTable(!stored.isUnfinished);
      if (!stored.isUnfinished) this.set(version, table);
      return { version, size, table };
    } finally {
      await file.close();
    }
  }

  /** The last position in the index of a packet file. Throws DamageError. */
  async lastPosition(version: string, index: IndexFile): Promise<number> {
    const entry = this.#entries.get(version);
    if (entry?.last?.version === index.version) return entry.last.position;
    const position = await index.lastPosition();
    if (entry !== undefined) entry.last = { version: index.version, position };
    return position;
  }

  #drop(version: string): void {
    this.#blocks -= this.#entries.get(version)?.table.blocks.length ?? 0;
    this.#entries.delete(version);
  }
}
