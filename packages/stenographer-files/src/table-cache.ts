import { asynchronousAccess, type FileAccess, type OpenFile } from "./file-access.js";
import { versionOf } from "./file-version.js";
import { IndexFile } from "./index-file.js";
import type { StoredFile } from "./list-files.js";
import { type BlockTable, PacketFile } from "./packet-file.js";
import { RecentMap } from "./recent-map.js";
import { type Steps, wait } from "./steps.js";
import type { TableContents } from "./table-contents.js";

/** The most files that are remembered, and blocks in all of them: 128 GiB of packets in some 15 MiB of memory. */
const mostFiles = 4096;
const mostBlocks = 128 * 1024;
/** What the tables of contents of index files take: 5 MiB for a GiB of index. */
const mostContentsBytes = 16 * 1024 * 1024;

/** A packet file as it is now. */
export interface KnownFile {
  readonly version: string;
  readonly size: number;
  readonly table: BlockTable;
}

/** What was read of finished files, by their versions, so that repeated queries don't read it again. */
export class TableCache {
  readonly #tables = new RecentMap<BlockTable>(mostBlocks, ({ blocks }) =>
    Math.max(blocks.length, mostBlocks / mostFiles),
  );
  readonly #contents = new RecentMap<TableContents>(mostContentsBytes, ({ bytes }) => bytes);

  /** @param access how files are read */
  constructor(private readonly access: FileAccess = asynchronousAccess) {}

  get(version: string): BlockTable | undefined {
    return this.#tables.get(version);
  }

  set(version: string, table: BlockTable): void {
    this.#tables.set(version, table);
  }

  /** The block table of a file, which is opened only if it is not known. Throws where the file can't be read. */
  *read(stored: StoredFile): Steps<KnownFile> {
    if (!stored.isUnfinished) {
      const stats = yield* wait(this.access.stat(stored.packetsPath));
      const version = versionOf(stats);
      const table = this.get(version);
      if (table !== undefined) return { version, size: stats.size, table };
    }
    const file = yield* wait(PacketFile.open(stored.packetsPath, this.access));
    try {
      const { version, size } = file;
      const table = yield* wait(file.readTable(!stored.isUnfinished));
      if (!stored.isUnfinished) this.set(version, table);
      return { version, size, table };
    } finally {
      yield* wait(file.close());
    }
  }

  /** An index whose table of contents is read only if it is not known. Throws DamageError. */
  *openIndex(file: OpenFile): Steps<IndexFile> {
    const index = yield* wait(IndexFile.open(file, (version) => this.#contents.get(version)));
    this.#contents.set(index.version, index.contents);
    return index;
  }
}
