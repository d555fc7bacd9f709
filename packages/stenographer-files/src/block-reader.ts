import type { RecordBatch } from "@stenogrpc/pcap";
import type { BlockHeader } from "./block-header.js";
import { type RecordForm, RecordMaker, type TimeBounds } from "./block-records.js";
import { blockBytes, leastFrameOffset, mostRecordsPerBlock } from "./format.js";
import type { PacketFile } from "./packet-file.js";
import { gapBytes } from "./read-plan.js";
import { type Steps, wait } from "./steps.js";

/** A packet of usual size comes with the first read. */
const firstReadBytes = 2048;

/** What is wrong, and where in the block. */
export interface BlockProblem {
  readonly what: string;
  readonly offset: number;
}

/** Packets of a block that are wanted. */
export interface ChosenPackets {
  /** The block's number. */
  readonly index: number;
  readonly header: BlockHeader;
  /** Where they lie in the block, ascending. */
  readonly offsets: Uint32Array;
  /** Whether to read the block from the first of them on in one piece. */
  readonly inOnePiece: boolean;
  readonly bounds: TimeBounds;
  /** Takes what is wrong with them. */
  readonly problems: BlockProblem[];
}

/** Memory for one block, and for where its records lie. */
export interface BlockMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
}

/** Reads one block after another into the same memory. */
export class BlockReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #maker: RecordMaker;

  constructor(
    form: RecordForm,
    readonly memory: BlockMemory = {
      bytes: new Uint8Array(blockBytes),
      offsets: new Uint32Array(mostRecordsPerBlock),
    },
  ) {
    this.#bytes = memory.bytes;
    this.#view = new DataView(memory.bytes.buffer);
    this.#maker = new RecordMaker(form, memory.offsets);
  }

  /** All packets of a block: none of them where anything is wrong with it. The batch lives until the next read. */
  *readWhole(
    file: PacketFile,
    index: number,
    header: BlockHeader,
    bounds: TimeBounds,
    problems: BlockProblem[],
  ): Steps<RecordBatch> {
    const [bytes, view, maker] = [this.#bytes, this.#view, this.#maker];
    maker.clear();
    if (!(yield* wait(file.read(bytes, 0, header.usedBytes, index * blockBytes)))) {
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

  /**
   * The packets at some offsets of blocks, each one checked, of as many blocks as find room one behind another: of the first at least.
   * The batch lives until the next read.
   */
  *readSome(
    file: PacketFile,
    blocks: readonly ChosenPackets[],
  ): Steps<{ readonly batch: RecordBatch; readonly blocks: number }> {
    const [bytes, maker] = [this.#bytes, this.#maker];
    maker.clear();
    let done = 0;
    for (let filled = 0; done < blocks.length; done++) {
      const { count } = maker;
      const block = blocks[done] as ChosenPackets; // done < length
      const end = yield* this.#addSome(file, block, filled);
      if (end === undefined && done > 0) {
        maker.count = count; // whoever reads it again tells its problems
        break;
      }
      // The packets of one block find room, unless the index names some within others.
      if (end === undefined) block.problems.push({ what: "index positions within packets", offset: 0 });
      filled = end ?? blockBytes;
    }
    return { batch: maker.batch(bytes), blocks: done };
  }

  /** Adds a block's packets from `filled` on, and gives where they end. Undefined: there is too little room. */
  *#addSome(file: PacketFile, block: ChosenPackets, filled: number): Steps<number | undefined> {
    const [bytes, view, maker] = [this.#bytes, this.#view, this.#maker];
    const { offsets, header, bounds, problems } = block;
    const start = block.index * blockBytes;
    const end = header.usedBytes;
    let { inOnePiece } = block;
    /** Where the last good packet ends. */
    let fill = filled;
    for (let i = 0; i < offsets.length; ) {
      const from = offsets[i] as number; // i < length
      if (from + leastFrameOffset > end) {
        problems.push({ what: "an index position beyond what the block has", offset: from });
        i++;
        continue;
      }
      const behind = inOnePiece ? offsets.length : endOfRun(offsets, i);
      /** What a place in the block is more in `bytes`. */
      const shift = fill - from;
      let have = inOnePiece ? end : Math.min((offsets[behind - 1] as number) + firstReadBytes, end);
      if (have + shift > blockBytes) return undefined;
      if (!(yield* wait(file.read(bytes, fill, have - from, start + from)))) {
        // The file has become shorter: what is left of the block is read in runs.
        if (!inOnePiece) problems.push({ what: "the file ends in the packet", offset: from });
        i = inOnePiece ? i : behind;
        inOnePiece = false;
        continue;
      }
      for (; i < behind; i++) {
        const at = offsets[i] as number; // i < behind <= length
        if (maker.isFull) return undefined;
        if (at + leastFrameOffset > end) break;
        const packetEnd = at + this.#sizeAt(at + shift);
        // One that does not fit its block is no packet, which makeRecord() says.
        if (packetEnd > have && packetEnd <= end) {
          if (packetEnd + shift > blockBytes) return undefined;
          if (!(yield* wait(file.read(bytes, have + shift, packetEnd - have, start + have)))) {
            problems.push({ what: "the file ends in the packet", offset: at });
            i = behind;
            break;
          }
          have = packetEnd;
        }
        const isLast = view.getUint32(at + shift, true) === 0;
        const problem = maker.makeRecord(bytes, view, at + shift, end + shift, isLast, bounds);
        if (problem === undefined) fill = Math.max(fill, packetEnd + shift);
        else problems.push({ what: problem, offset: at });
      }
    }
    return fill;
  }

  #sizeAt(at: number): number {
    return this.#view.getUint16(at + 24, true) + this.#view.getUint32(at + 12, true);
  }
}

/** Where the offsets end that are read together with the one at `i`. */
function endOfRun(offsets: Uint32Array, i: number): number {
  let behind = i + 1;
  while (behind < offsets.length && (offsets[behind] as number) - (offsets[behind - 1] as number) <= gapBytes)
    behind++;
  return behind;
}
