import { DamageError } from "./damage.js";
import type { OpenFile } from "./file-access.js";
import {
  BlockEntries,
  checked,
  compareKeys,
  type Handle,
  readBytes,
  readChecked,
  readHandle,
} from "./leveldb-block.js";
import type { Steps } from "./steps.js";

const magic = 0xdb4775248b80fb57n;
const footerBytes = 48;
/** An index block names one data block of 4 KiB and more in some 30 bytes: this is for data beyond 2 GiB. */
const mostIndexBlockBytes = 16 * 1024 * 1024;
/** The longest value: every packet of a 4 GiB file, at four bytes. */
const mostDataBlockBytes = 256 * 1024 * 1024;
/** What a table's arrays take without anything in them. */
const leastBytes = 1024;
/** Bytes at the end that are read at once: mostly the table of contents lies in them. */
const tailBytes = 8 * 1024;

/**
 * A leveldb table's table of contents: where each of its blocks lies, and the last key in it. In flat memory of some 20 bytes a block, so
 * that it can be kept.
 */
export class TableContents {
  /** The last position that the table names, once it was looked for. */
  lastPosition: number | undefined;

  private constructor(
    private readonly keys: Uint8Array,
    /** Where each key begins in `keys`, and behind them where the last one ends. */
    private readonly keyStarts: Uint32Array,
    private readonly offsets: Float64Array,
    private readonly sizes: Uint32Array,
  ) {}

  /** Reads it from the end of a table. Throws DamageError. */
  static *read(file: OpenFile, size: number): Steps<TableContents> {
    if (size < footerBytes) throw new DamageError(`an index of ${size} bytes`, 0);
    const tail = yield* readBytes(file, Math.max(0, size - tailBytes), Math.min(size, tailBytes));
    const footer = tail.subarray(-footerBytes);
    if (footer.readBigUInt64LE(footerBytes - 8) !== magic) {
      throw new DamageError("no leveldb table's end", size - 8);
    }
    const cursor = { at: 0, end: footerBytes - 8 };
    const metaindex = readHandle(footer, cursor, size);
    const contents = readHandle(footer, cursor, size);
    if (metaindex === undefined || contents === undefined || contents.size > mostIndexBlockBytes) {
      throw new DamageError("a damaged footer", size - footerBytes);
    }
    const at = contents.offset - (size - tail.length);
    const block = at < 0 ? yield* readChecked(file, contents) : checked(tail.subarray(at), contents);
    return TableContents.parse(block, contents.offset, size);
  }

  private static parse(block: Buffer, fileOffset: number, fileBytes: number): TableContents {
    let count = 0;
    let keyBytes = 0;
    for (const entries = new BlockEntries(block, fileOffset); entries.next(); count++)
      keyBytes += entries.keyBytes;
    const keys = new Uint8Array(keyBytes);
    const keyStarts = new Uint32Array(count + 1);
    const [offsets, sizes] = [new Float64Array(count), new Uint32Array(count)];
    const entries = new BlockEntries(block, fileOffset);
    for (let i = 0, start = 0; entries.next(); i++) {
      const { valueAt, valueBytes } = entries;
      const handle = readHandle(block, { at: valueAt, end: valueAt + valueBytes }, fileBytes);
      if (handle === undefined || handle.size > mostDataBlockBytes) {
        throw new DamageError("a block outside the file", fileOffset + valueAt);
      }
      keys.set(entries.key.subarray(0, entries.keyBytes), start);
      start += entries.keyBytes;
      keyStarts[i + 1] = start;
      offsets[i] = handle.offset;
      sizes[i] = handle.size;
    }
    return new TableContents(keys, keyStarts, offsets, sizes);
  }

  /** Blocks of the table. */
  get blocks(): number {
    return this.sizes.length;
  }

  /** About what it takes of memory. */
  get bytes(): number {
    return leastBytes + this.keys.length + 16 * this.blocks;
  }

  block(index: number): Handle {
    return { offset: this.offsets[index] as number, size: this.sizes[index] as number }; // the caller's index < blocks
  }

  /** The first block that may have `key`, or keys behind it. */
  firstBlock(key: Uint8Array): number {
    let low = 0;
    let high = this.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [start, end] = [this.keyStarts[middle], this.keyStarts[middle + 1]]; // middle < blocks
      if (compareKeys(key, key.length, this.keys, start, end) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
