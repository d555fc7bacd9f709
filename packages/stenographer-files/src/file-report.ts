import type { BlockProblem } from "./block-reader.js";
import type { FilesQuery, Notices } from "./files-reader.js";
import { blockBytes } from "./format.js";
import type { StoredFile } from "./list-files.js";
import type { BlockTable } from "./packet-file.js";

/** Tells what is wrong with the blocks of a file. */
export class FileReport {
  constructor(
    private readonly stored: StoredFile,
    private readonly table: BlockTable,
    private readonly query: Pick<FilesQuery, "thread" | "files" | "blockAgeUs"> &
      Pick<Notices, "onDamage" | "onLost">,
  ) {}

  /** What the headers of these blocks say. */
  headers(wanted: readonly number[]): void {
    for (const block of wanted) {
      const entry = this.table.blocks[block];
      if (typeof entry === "string") {
        this.damaged(block, { what: entry, offset: 0 });
        this.lost(block);
        continue;
      }
      const due = this.table.dueSequence(block);
      if (due !== undefined && entry !== undefined && entry.sequence !== due) {
        this.damaged(block, { what: `block number ${entry.sequence} where ${due} is due`, offset: 24 });
        this.lost(block);
      }
    }
  }

  damaged(block: number, { what, offset }: BlockProblem): void {
    this.query.onDamage({
      part: "packets",
      thread: this.query.thread,
      file: this.stored.name,
      block,
      offset: block * blockBytes + offset,
      what,
      losesPackets: true,
    });
  }

  /** A block's packets are. */
  lost(block: number): void {
    const { fromUs, toUs } = this.table.bounds(block);
    const { files, blockAgeUs, onLost } = this.query;
    const next = files.find(({ createdUs }) => createdUs > this.stored.createdUs);
    const startUs = this.stored.createdUs - blockAgeUs;
    onLost(Math.max(fromUs, startUs), Math.min(toUs, Math.max(next?.createdUs ?? toUs, fromUs)));
  }
}
