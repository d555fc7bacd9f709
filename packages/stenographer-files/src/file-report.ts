import type { BlockProblem } from "./block-reader.js";
import type { Damage } from "./damage.js";
import { blockBytes } from "./format.js";
import type { StoredFile } from "./list-files.js";
import type { BlockTable } from "./packet-file.js";

/** Who is told what is wrong with files. */
export interface Notices {
  readonly thread: number;
  readonly files: readonly StoredFile[];
  /** The longest that a packet waits in its block, in microseconds: so long before its file's name it may lie. */
  readonly blockAgeUs: number;
  /** Takes what is found wrong. */
  readonly onDamage: (damage: Damage) => void;
  /** Takes the times between which packets are lost, in microseconds. */
  readonly onLost: (fromUs: number, toUs: number) => void;
}

/** Tells what is wrong with the blocks of a file. */
export class FileReport {
  constructor(
    private readonly stored: StoredFile,
    private readonly table: BlockTable,
    private readonly notices: Notices,
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
    this.notices.onDamage({
      part: "packets",
      thread: this.notices.thread,
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
    const { files, blockAgeUs, onLost } = this.notices;
    const next = files.find(({ createdUs }) => createdUs > this.stored.createdUs);
    const startUs = this.stored.createdUs - blockAgeUs;
    onLost(Math.max(fromUs, startUs), Math.min(toUs, Math.max(next?.createdUs ?? toUs, fromUs)));
  }
}
