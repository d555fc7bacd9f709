import { type BlockHeader, readBlockHeader } from "./block-header.js";
import { RecordMaker } from "./block-records.js";
import { dropStrayBlocks } from "./block-sequence.js";
import type { PacketSpan } from "./coverage.js";
import { asynchronousAccess, diskSeekBytes, type FileAccess, type OpenFile } from "./file-access.js";
import { versionOf } from "./file-version.js";
import { blockBytes, blockHeaderBytes } from "./format.js";
import { finish, type PromiseOrValue, type Steps, wait } from "./steps.js";

/** A block's header, or what is wrong with it. */
export type BlockEntry = BlockHeader | string;

/** How far a packet's time may lie outside what the blocks around it say, in microseconds: kernels stamp before they open a block. */
const slackUs = 100_000;

/** What a packet file says of its blocks: its table of contents. */
export class BlockTable {
  constructor(
    readonly blocks: readonly BlockEntry[],
    /** Bytes of an incomplete block at the end. */
    readonly restBytes: number,
    /** Blocks whose header's times are not to be believed. */
    private readonly doubtful: ReadonlySet<number> = new Set(),
  ) {}

  get packets(): number {
    return this.blocks.reduce((sum, block) => sum + (typeof block === "string" ? 0 : block.packets), 0);
  }

  /**
   * The times that a block's packets lie between, in microseconds: those of its own header, widened to its neighbours', so
   * that no single damaged time hides a packet.
   */
  bounds(index: number): { readonly fromUs: number; readonly toUs: number } {
    let fromUs = Number.POSITIVE_INFINITY;
    let toUs = Number.NEGATIVE_INFINITY;
    const own = this.doubtful.has(index) ? undefined : this.blocks[index];
    if (typeof own === "object") {
      fromUs = Math.min(own.firstUs, own.lastUs);
      toUs = Math.max(own.firstUs, own.lastUs);
    }
    const before = this.nearest(index, -1);
    const behind = this.nearest(index, 1);
    if (before !== undefined) fromUs = Math.min(fromUs, before.lastUs);
    else if (own === undefined || typeof own === "string") fromUs = 0;
    if (behind !== undefined) toUs = Math.max(toUs, behind.firstUs);
    else if (own === undefined || typeof own === "string") toUs = Number.POSITIVE_INFINITY;
    return { fromUs: fromUs - slackUs, toUs: toUs + slackUs };
  }

  /** What its blocks before `end` span. Undefined: they have no packets, or none of them can be read. */
  span(end = this.blocks.length): PacketSpan | undefined {
    const first = this.nearest(-1, 1);
    const last = this.nearest(end, -1);
    if (first === undefined || last === undefined) return undefined;
    const [from, to] = [this.blocks.indexOf(first), this.blocks.lastIndexOf(last)];
    if (from >= end) return undefined;
    const isNumbered = first.sequence > from && last.sequence > 0;
    // A damaged time must not reach over the block behind, which is not read.
    const next = this.nearest(end - 1, 1);
    const isInOrder = next !== undefined && next.firstUs >= last.firstUs;
    return {
      firstUs: first.firstUs,
      lastUs: isInOrder ? Math.min(last.lastUs, next.firstUs - 1) : last.lastUs,
      firstSequence: isNumbered ? first.sequence - from : 0,
      lastSequence: isNumbered ? last.sequence + end - 1 - to : 0,
    };
  }

  /** The number that a block should have, by the one before it. Undefined: there is none, or the file has no numbers. */
  dueSequence(index: number): number | undefined {
    for (let i = index - 1; i >= 0; i--) {
      const block = this.blocks[i];
      if (typeof block === "object") return block.sequence > 0 ? block.sequence + index - i : undefined;
    }
    return undefined;
  }

  private nearest(index: number, step: -1 | 1): BlockHeader | undefined {
    for (let i = index + step; i >= 0 && i < this.blocks.length; i += step) {
      const block = this.blocks[i];
      if (typeof block === "object" && block.packets > 0 && !this.doubtful.has(i)) return block;
    }
    return undefined;
  }
}

const headersAtOnce = 64;

/** One of Stenographer's packet files, open for reading. */
export class PacketFile {
  private constructor(
    private readonly file: OpenFile,
    readonly size: number,
    readonly version: string,
  ) {}

  static open(path: string, access: FileAccess = asynchronousAccess): PromiseOrValue<PacketFile> {
    return finish(PacketFile.#open(path, access));
  }

  static *#open(path: string, access: FileAccess): Steps<PacketFile> {
    const file = yield* wait(access.open(path));
    try {
      const stats = yield* wait(file.stat());
      return new PacketFile(file, stats.size, versionOf(stats));
    } catch (error) {
      yield* wait(file.close());
      throw error;
    }
  }

  /**
   * Reads the headers of all blocks; of the first and the last one the packets, whose times nothing else vouches for.
   *
   * @param isFinished whether the newest block is to be believed
   */
  readTable(isFinished = true): PromiseOrValue<BlockTable> {
    return finish(this.#readTable(isFinished));
  }

  /** What a seek costs now, in bytes that could be read in sequence instead. */
  get seekBytes(): number {
    return this.file.seekBytes ?? diskSeekBytes;
  }

  /** Fills `bytes` from `offset` of the file on. False: the file ends before. */
  read(bytes: Uint8Array, at: number, length: number, offset: number): PromiseOrValue<boolean> {
    return finish(this.#read(bytes, at, length, offset));
  }

  close(): PromiseOrValue<void> {
    return this.file.close();
  }

  *#readTable(isFinished: boolean): Steps<BlockTable> {
    const whole = Math.floor(this.size / blockBytes);
    const restBytes = this.size % blockBytes;
    const count = whole + (restBytes > 0 ? 1 : 0);
    const blocks: BlockEntry[] = new Array(count);
    const headers = Buffer.alloc(headersAtOnce * blockHeaderBytes);
    const view = new DataView(headers.buffer, headers.byteOffset, headers.length);
    for (let first = 0; first < count; first += headersAtOnce) {
      const length = Math.min(headersAtOnce, count - first);
      headers.fill(0);
      const reads = Array.from({ length }, (_, i) => {
        const offset = (first + i) * blockBytes;
        return this.file.read(headers, i * blockHeaderBytes, blockHeaderBytes, offset);
      });
      yield* wait(Promise.all(reads));
      for (let i = 0; i < length; i++) blocks[first + i] = readBlockHeader(view, i * blockHeaderBytes);
    }
    const last = blocks[whole];
    // A file cut in the middle of a block: what is in use of it may still be there.
    if (restBytes > 0 && typeof last === "object" && last.usedBytes > restBytes) {
      blocks[whole] = `the file ends ${last.usedBytes - restBytes} bytes before its block does`;
    }
    // The newest block of a file that is being written may be stale memory.
    const newest = isFinished ? [] : blocks.splice(-1);
    dropStrayBlocks(blocks);
    blocks.push(...newest);
    const doubtful = new Set<number>();
    for (const edge of new Set([0, count - 1])) {
      const block = blocks[edge];
      if (typeof block !== "object" || block.packets === 0) continue;
      const timed = yield* this.#withPacketTimes(edge, block);
      // Whoever reads the block finds the problem again, and says where.
      if (timed === undefined) doubtful.add(edge);
      else blocks[edge] = timed;
    }
    return new BlockTable(blocks, restBytes, doubtful);
  }

  *#read(bytes: Uint8Array, at: number, length: number, offset: number): Steps<boolean> {
    for (let done = 0; done < length; ) {
      const { bytesRead } = yield* wait(this.file.read(bytes, at + done, length - done, offset + done));
      if (bytesRead === 0) return false;
      done += bytesRead;
    }
    return true;
  }

  /** A block with the times of its packets instead of its header's. Undefined: something is wrong with it. */
  *#withPacketTimes(index: number, block: BlockHeader): Steps<BlockHeader | undefined> {
    const bytes = new Uint8Array(block.usedBytes);
    if (!(yield* this.#read(bytes, 0, bytes.length, index * blockBytes))) return undefined;
    const maker = new RecordMaker({ resolution: "nanoseconds", restoreVlanTags: false });
    if (maker.makeBlock(bytes, new DataView(bytes.buffer), block, undefined) !== undefined) return undefined;
    return { ...block, firstUs: maker.firstUs, lastUs: maker.lastUs };
  }
}
