import type { FileHandle } from "node:fs/promises";
import { crc32c, maskedCrc } from "./crc32c.js";
import { DamageError } from "./damage.js";
import { versionOf } from "./file-version.js";
import { keyKind } from "./format.js";

// The format: github.com/google/leveldb, doc/table_format.md.
const magic = 0xdb4775248b80fb57n;
const footerBytes = 48;
const trailerBytes = 5;
/** An index block names one data block of 4 KiB and more in some 30 bytes: this is for data beyond 2 GiB. */
const mostIndexBlockBytes = 16 * 1024 * 1024;
/** The longest value: every packet of a 4 GiB file, at four bytes. */
const mostDataBlockBytes = 256 * 1024 * 1024;
const pieceBytes = 256 * 1024;
/** Bytes at the end that are read at once: mostly the table of contents lies in them. */
const tailBytes = 32 * 1024;
/** Blocks of 4 KiB, some thirty keys in each. */
const mostKnownBlocks = 256;
/** Type and an IPv6 address. */
const longestKey = 17;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

interface TableBlock extends Handle {
  /** The last key in it. */
  readonly lastKey: Uint8Array;
}

/** A key's packets, still in the file. */
export interface Postings {
  readonly key: Uint8Array;
  /** How many there are. */
  readonly count: number;
  readonly offset: number;
}

/**
 * One of Stenographer's index files: a leveldb table from keys to positions of packets. Every block's checksum is
 * compared before anything in it is believed; all methods throw DamageError.
 */
export class IndexFile {
  /** What blocks have that were read and checked before: terms are sized first and looked up then. */
  private readonly known = new Map<TableBlock, readonly Postings[]>();

  private constructor(
    private readonly file: FileHandle,
    private readonly blocks: readonly TableBlock[],
    /** The same as long as the file is. */
    readonly version: string,
  ) {}

  /** Reads the table of contents. The file stays the caller's to close. */
  static async open(file: FileHandle): Promise<IndexFile> {
    const stats = await file.stat();
    const { size } = stats;
    if (size < footerBytes) throw new DamageError(`an index of ${size} bytes`, 0);
    const tail = await read(file, Math.max(0, size - tailBytes), Math.min(size, tailBytes));
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
    const bytes = at < 0 ? await readChecked(file, contents) : checked(tail.subarray(at), contents);
    const blocks: TableBlock[] = [];
    for (const entry of entriesOf(bytes, contents.offset)) {
      const handle = readHandle(bytes, { at: entry.valueAt, end: entry.valueAt + entry.valueBytes }, size);
      if (handle === undefined || handle.size > mostDataBlockBytes) {
        throw new DamageError("a block outside the file", contents.offset + entry.valueAt);
      }
      blocks.push({ lastKey: entry.key, ...handle });
    }
    const table = new IndexFile(file, blocks, versionOf(stats));
    await table.checkVersion();
    return table;
  }

  /** The keys from `first` to `last`, both included, in order. */
  async *range(first: Uint8Array, last: Uint8Array): AsyncGenerator<Postings, void, undefined> {
    for (let i = this.firstBlock(first); i < this.blocks.length; i++) {
      const block = this.blocks[i] as TableBlock; // i < length
      const known =
        this.known.get(block) ?? (block.size <= pieceBytes ? await this.readPostings(block) : undefined);
      if (known === undefined) {
        for await (const postings of this.longPostings(block)) {
          if (compareBytes(postings.key, last) > 0) return;
          if (compareBytes(postings.key, first) >= 0) yield postings;
        }
      } else {
        for (const postings of known) {
          if (compareBytes(postings.key, last) > 0) return;
          if (compareBytes(postings.key, first) >= 0) yield postings;
        }
      }
    }
  }

  /**
   * Calls `take` with the positions of keys, ascending within each, some at a time. Short ones that lie near each other, as those of a
   * net's addresses do, are read together.
   */
  async positions(found: readonly Postings[], take: (positions: Uint32Array) => void): Promise<void> {
    for (let i = 0; i < found.length; ) {
      const first = found[i] as Postings; // i < length
      let behind = i + 1;
      let end = endOf(first);
      for (let next = found[behind]; next !== undefined; next = found[++behind]) {
        if (next.offset < end || endOf(next) - first.offset > pieceBytes) break;
        end = endOf(next);
      }
      if (behind === i + 1) await this.longPositions(first, take);
      else {
        const bytes = await read(this.file, first.offset, end - first.offset);
        for (const { offset, count } of found.slice(i, behind)) {
          const own = Buffer.allocUnsafeSlow(4 * count);
          bytes.copy(own, 0, offset - first.offset);
          take(decoded(own, offset, -1));
        }
      }
      i = behind;
    }
  }

  private async longPositions(
    { offset, count }: Postings,
    take: (positions: Uint32Array) => void,
  ): Promise<void> {
    let previous = -1;
    const perPiece = pieceBytes / 4;
    for (let done = 0; done < count; done += perPiece) {
      const length = Math.min(perPiece, count - done);
      const at = offset + 4 * done;
      const positions = decoded(await read(this.file, at, 4 * length), at, previous);
      previous = positions[length - 1] ?? previous;
      take(positions);
    }
  }

  /** The last position of any packet with an IP protocol: the packet file must reach beyond it. -1: there is none. */
  async lastPosition(): Promise<number> {
    let last = -1;
    const kind = keyKind.protocol;
    for await (const { offset, count } of this.range(Uint8Array.of(kind, 0), Uint8Array.of(kind, 255))) {
      if (count === 0) continue;
      last = Math.max(last, (await read(this.file, offset + 4 * (count - 1), 4)).readUInt32BE());
    }
    return last;
  }

  private async checkVersion(): Promise<void> {
    const key = Uint8Array.of(keyKind.version);
    for await (const { offset, count } of this.range(key, key)) {
      const major = count === 2 ? (await read(this.file, offset, 4)).readUInt32BE() : 0;
      if (major !== 2) throw new DamageError(`an index of version ${major}`, offset);
      return;
    }
    throw new DamageError("an index without its version", 0);
  }

  private firstBlock(key: Uint8Array): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((this.blocks[middle] as TableBlock).lastKey, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private async readPostings(block: TableBlock): Promise<Postings[]> {
    const bytes = await readChecked(this.file, block);
    const read: Postings[] = [];
    for (const { key, valueAt, valueBytes } of entriesOf(bytes, block.offset)) {
      read.push(postings(key, block.offset + valueAt, valueBytes));
    }
    if (this.known.size < mostKnownBlocks) this.known.set(block, read);
    return read;
  }

  /** Of a block that is mostly one long value: only the lengths and keys are read, once the whole has proved good. */
  private async *longPostings(block: TableBlock): AsyncGenerator<Postings, void, undefined> {
    await checkBlock(this.file, block);
    const tail = await read(this.file, block.offset + block.size - 4, 4);
    const end = block.size - 4 - 4 * tail.readUInt32LE();
    let at = 0;
    let key: Uint8Array = new Uint8Array(0);
    while (at < end) {
      const head = await read(this.file, block.offset + at, Math.min(64, block.size - at));
      const entry = readEntry(head, 0, head.length, key);
      if (entry === undefined || at + entry.valueAt + entry.valueBytes > end) {
        throw new DamageError("a damaged entry", block.offset + at);
      }
      key = entry.key;
      yield postings(key, block.offset + at + entry.valueAt, entry.valueBytes);
      at += entry.valueAt + entry.valueBytes;
    }
  }
}

function endOf({ offset, count }: Postings): number {
  return offset + 4 * count;
}

/** Big-endian positions as numbers, in place. Throws DamageError where they do not ascend from `previous`. */
function decoded(bytes: Buffer, offset: number, previous: number): Uint32Array {
  bytes.swap32();
  const positions = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let last = previous;
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i] as number; // i < length
    if (position <= last) throw new DamageError("positions out of order", offset + 4 * i);
    last = position;
  }
  return positions;
}

/** Order of the keys: that of their bytes. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number); // i < both lengths
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function postings(key: Uint8Array, offset: number, bytes: number): Postings {
  if (bytes % 4 !== 0) throw new DamageError(`positions of ${bytes} bytes`, offset);
  return { key, offset, count: bytes / 4 };
}

interface Entry {
  readonly key: Uint8Array;
  readonly valueAt: number;
  readonly valueBytes: number;
}

/** The entries of a block that is here whole. */
function* entriesOf(block: Buffer, fileOffset: number): Generator<Entry> {
  const restarts = block.length < 4 ? -1 : block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - 4 * restarts;
  if (restarts < 0 || end < 0) throw new DamageError("a damaged block", fileOffset);
  let key: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < end; ) {
    const entry = readEntry(block, at, end, key);
    if (entry === undefined || entry.valueAt + entry.valueBytes > end) {
      throw new DamageError("a damaged entry", fileOffset + at);
    }
    if (at > 0 && compareBytes(entry.key, key) <= 0) {
      throw new DamageError("keys out of order", fileOffset + at);
    }
    key = entry.key;
    yield entry;
    at = entry.valueAt + entry.valueBytes;
  }
}

function readEntry(bytes: Buffer, at: number, end: number, previous: Uint8Array): Entry | undefined {
  const cursor = { at, end };
  const shared = readVarint(bytes, cursor);
  const fresh = readVarint(bytes, cursor);
  const valueBytes = readVarint(bytes, cursor);
  if (shared === undefined || fresh === undefined || valueBytes === undefined) return undefined;
  if (shared > previous.length || shared + fresh > longestKey || cursor.at + fresh > end) return undefined;
  const key = new Uint8Array(shared + fresh);
  key.set(previous.subarray(0, shared));
  key.set(bytes.subarray(cursor.at, cursor.at + fresh), shared);
  return { key, valueAt: cursor.at + fresh, valueBytes };
}

function readHandle(
  bytes: Buffer,
  cursor: { at: number; end: number },
  fileBytes: number,
): Handle | undefined {
  const offset = readVarint(bytes, cursor);
  const size = readVarint(bytes, cursor);
  if (offset === undefined || size === undefined || size < 4) return undefined;
  return offset + size + trailerBytes > fileBytes ? undefined : { offset, size };
}

/** Seven bits a byte, low ones first; undefined where it does not end, or is beyond what a file can hold. */
function readVarint(bytes: Buffer, cursor: { at: number; end: number }): number | undefined {
  let value = 0;
  for (let factor = 1; cursor.at < cursor.end && factor < 2 ** 49; factor *= 128) {
    const byte = bytes[cursor.at++] as number; // at < end <= length
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
  return undefined;
}

async function readChecked(file: FileHandle, handle: Handle): Promise<Buffer> {
  return checked(await read(file, handle.offset, handle.size + trailerBytes), handle);
}

/** A block that `bytes` begin with. */
function checked(bytes: Buffer, handle: Handle): Buffer {
  compareChecksum(crc32c(bytes, 0, 0, handle.size + 1), bytes.subarray(handle.size), handle);
  return bytes.subarray(0, handle.size);
}

/** As readChecked, for a block too long to hold. */
async function checkBlock(file: FileHandle, handle: Handle): Promise<void> {
  const end = handle.offset + handle.size + 1;
  let crc = 0;
  for (let at = handle.offset; at < end; at += pieceBytes) {
    crc = crc32c(await read(file, at, Math.min(pieceBytes, end - at)), crc);
  }
  compareChecksum(crc, await read(file, end - 1, trailerBytes), handle);
}

function compareChecksum(crc: number, trailer: Buffer, { offset, size }: Handle): void {
  if (trailer.readUInt32LE(1) !== maskedCrc(crc))
    throw new DamageError("a block with a wrong checksum", offset);
  // stenotype writes without compression; 1 would be snappy.
  if (trailer[0] !== 0) throw new DamageError(`a block of compression ${trailer[0]}`, offset + size);
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length); // not a part of a pool, so that it can be seen as words
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  if (bytesRead !== length) throw new DamageError("the index ends", offset + bytesRead);
  return bytes;
}
