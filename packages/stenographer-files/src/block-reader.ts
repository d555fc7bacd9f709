import type { RecordBatch } from "@stenogrpc/pcap";
import type { BlockHeader } from "./block-header.js";
import { type RecordForm, RecordMaker, type TimeBounds } from "./block-records.js";
import { blockBytes, leastFrameOffset } from "./format.js";
import type { PacketFile } from "./packet-file.js";
import { gapBytes } from "./read-plan.js";

/** A packet of usual size comes with the first read. */
const firstReadBytes = 2048;

/** What is wrong, and where in the block. */
export interface BlockProblem {
  readonly what: string;
  readonly offset: number;
}

/** Memory for one block and its records, used again and again. */
export class BlockReader {
  private readonly bytes = new Uint8Array(blockBytes);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly maker: RecordMaker;

  constructor(form: RecordForm) {
    this.maker = new RecordMaker(form);
  }

  /** All packets of a block: none of them where anything is wrong with it. The batch lives until the next read. */
  async readWhole(
    file: PacketFile,
    index: number,
    header: BlockHeader,
    bounds: TimeBounds,
    problems: BlockProblem[],
  ): Promise<RecordBatch> {
    this.maker.clear();
    const { bytes, view, maker } = this;
    if (!(await file.read(bytes, 0, header.usedBytes, index * blockBytes))) {
      problems.push({ what: "the file ends in the block", offset: 0 });
      return maker.batch(bytes);
    }
    const problem = maker.makeBlock(bytes, view, header, bounds);
    if (problem !== undefined) {
      problems.push({ what: problem, offset: maker.problemAt });
      maker.clear();
    }
    return maker.batch(bytes);
  }

  /** The packets at some offsets of a block, each one checked. The batch lives until the next read. */
  async readSome(
    file: PacketFile,
    index: number,
    header: BlockHeader,
    { offsets, inOnePiece }: { readonly offsets: Uint32Array; readonly inOnePiece: boolean },
    bounds: TimeBounds,
    problems: BlockProblem[],
  ): Promise<RecordBatch> {
    const { bytes, view, maker } = this;
    maker.clear();
    const start = index * blockBytes;
    const end = header.usedBytes;
    let have = inOnePiece && (await file.read(bytes, 0, end, start)) ? end : 0;
    for (let i = 0; i < offsets.length; ) {
      const from = offsets[i] as number; // i < length
      const behind = have === end ? offsets.length : endOfRun(offsets, i);
      if (have < end) {
        have = Math.min((offsets[behind - 1] as number) + firstReadBytes, end);
        if (from < end && !(await file.read(bytes, from, have - from, start + from))) {
          problems.push({ what: "an index position beyond what the block has", offset: from });
          i = behind;
          continue;
        }
      }
      for (; i < behind; i++) {
        const at = offsets[i] as number; // i < behind <= length
        if (at >= end) {
          problems.push({ what: "an index position beyond what the block has", offset: at });
          continue;
        }
        const need = at + leastFrameOffset > end ? end : Math.min(end, at + this.sizeAt(at));
        if (need > have) {
          if (!(await file.read(bytes, have, need - have, start + have))) break;
          have = need;
        }
        const isLast = view.getUint32(at, true) === 0;
        const problem = maker.makeRecord(bytes, view, at, end, isLast, bounds);
        if (problem !== undefined) problems.push({ what: problem, offset: at });
      }
      i = behind;
    }
    return maker.batch(bytes);
  }

  private sizeAt(at: number): number {
    return this.view.getUint16(at + 24, true) + this.view.getUint32(at + 12, true);
  }
}

/** Where the offsets end that are read together with the one at `i`. */
function endOfRun(offsets: Uint32Array, i: number): number {
  let behind = i + 1;
  while (behind < offsets.length && (offsets[behind] as number) - (offsets[behind - 1] as number) <= gapBytes)
    behind++;
  return behind;
}
