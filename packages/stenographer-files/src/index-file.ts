import { DamageError } from "./damage.js";
import type { OpenFile } from "./file-access.js";
import { versionOf } from "./file-version.js";
import { keyKind } from "./format.js";
import {
  BlockEntries,
  checkBlock,
  compareKeys,
  type Handle,
  longestKey,
  pieceBytes,
  readBytes,
  readChecked,
  readEntry,
} from "./leveldb-block.js";
import { finish, type PromiseOrValue, type Steps, wait } from "./steps.js";
import { TableContents } from "./table-contents.js";

/** Of blocks, most of which have 4 KiB. */
const mostKnownBytes = 1024 * 1024;

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
  /** Blocks that were read and checked before: terms are sized first and looked up then. */
  readonly #known = new Map<number, Buffer>();
  #knownBytes = 0;

  private constructor(
    private readonly file: OpenFile,
    /** To be given to `open` when the same file is opened again. */
    readonly contents: TableContents,
    /** The same as long as the file is. */
    readonly version: string,
  ) {}

  /**
   * Reads the table of contents, unless it is known. The file stays the caller's to close.
   *
   * @param known what `contents` was when the file was open in the version that it has
   */
  static open(
    file: OpenFile,
    known: (version: string) => TableContents | undefined = () => undefined,
  ): PromiseOrValue<IndexFile> {
    return finish(IndexFile.#open(file, known));
  }

  static *#open(file: OpenFile, known: (version: string) => TableContents | undefined): Steps<IndexFile> {
    const stats = yield* wait(file.stat());
    const version = versionOf(stats);
    const contents = known(version);
    if (contents !== undefined) return new IndexFile(file, contents, version);
    const index = new IndexFile(file, yield* TableContents.read(file, stats.size), version);
    yield* index.#checkVersion();
    return index;
  }

  /** Calls `take` with the keys from `first` to `last`, both included, in order, until it gives false. */
  range(first: Uint8Array, last: Uint8Array, take: (postings: Postings) => boolean): PromiseOrValue<void> {
    return finish(this.#range(first, last, take));
  }

  /**
   * Calls `take` with the positions of keys, ascending within each, some at a time. Short ones that lie near each other, as those of a
   * net's addresses do, are read together.
   */
  positions(found: readonly Postings[], take: (positions: Uint32Array) => void): PromiseOrValue<void> {
    return finish(this.#positions(found, take));
  }

  /** The last position of any packet with an IP protocol: the packet file must reach beyond it. -1: there is none. */
  lastPosition(): PromiseOrValue<number> {
    return this.contents.lastPosition ?? finish(this.#findLastPosition());
  }

  *#range(first: Uint8Array, last: Uint8Array, take: (postings: Postings) => boolean): Steps<void> {
    const { contents } = this;
    for (let i = contents.firstBlock(first); i < contents.blocks; i++) {
      const handle = contents.block(i);
      if (handle.size > pieceBytes) {
        if (!(yield* this.#longPostings(handle, first, last, take))) return;
        continue;
      }
      const block = this.#known.get(i) ?? (yield* this.#readBlock(i, handle));
      const entries = new BlockEntries(block, handle.offset);
      while (entries.next()) {
        const { key, keyBytes, valueAt, valueBytes } = entries;
        if (compareKeys(key, keyBytes, last) > 0) return;
        if (compareKeys(key, keyBytes, first) < 0) continue;
        if (!take(postings(keyOf(entries), handle.offset + valueAt, valueBytes))) return;
      }
    }
  }

  *#all(first: Uint8Array, last: Uint8Array): Steps<Postings[]> {
    const found: Postings[] = [];
    yield* this.#range(first, last, (postings) => found.push(postings) > 0);
    return found;
  }

  *#positions(found: readonly Postings[], take: (positions: Uint32Array) => void): Steps<void> {
    for (let i = 0; i < found.length; ) {
      const first = found[i] as Postings; // i < length
      let behind = i + 1;
      let end = endOf(first);
      for (let next = found[behind]; next !== undefined; next = found[++behind]) {
        if (next.offset < end || endOf(next) - first.offset > pieceBytes) break;
        end = endOf(next);
      }
      if (behind === i + 1) yield* this.#longPositions(first, take);
      else {
        const bytes = yield* readBytes(this.file, first.offset, end - first.offset);
        for (const { offset, count } of found.slice(i, behind)) {
          const own = Buffer.allocUnsafeSlow(4 * count);
          bytes.copy(own, 0, offset - first.offset);
          take(decoded(own, offset, -1));
        }
      }
      i = behind;
    }
  }

  *#longPositions({ offset, count }: Postings, take: (positions: Uint32Array) => void): Steps<void> {
    let previous = -1;
    const perPiece = pieceBytes / 4;
    for (let done = 0; done < count; done += perPiece) {
      const length = Math.min(perPiece, count - done);
      const at = offset + 4 * done;
      const positions = decoded(yield* readBytes(this.file, at, 4 * length), at, previous);
      previous = positions[length - 1] ?? previous;
      take(positions);
    }
  }

  *#findLastPosition(): Steps<number> {
    const kind = keyKind.protocol;
    let last = -1;
    for (const { offset, count } of yield* this.#all(Uint8Array.of(kind, 0), Uint8Array.of(kind, 255))) {
      if (count === 0) continue;
      last = Math.max(last, (yield* readBytes(this.file, offset + 4 * (count - 1), 4)).readUInt32BE());
    }
    this.contents.lastPosition = last;
    return last;
  }

  *#checkVersion(): Steps<void> {
    const key = Uint8Array.of(keyKind.version);
    const [version] = yield* this.#all(key, key);
    if (version === undefined) throw new DamageError("an index without its version", 0);
    const { offset, count } = version;
    const major = count === 2 ? (yield* readBytes(this.file, offset, 4)).readUInt32BE() : 0;
    if (major !== 2) throw new DamageError(`an index of version ${major}`, offset);
  }

  *#readBlock(index: number, handle: Handle): Steps<Buffer> {
    const block = yield* readChecked(this.file, handle);
    // What is wrong behind the keys that are wanted makes them doubtful, too.
    const entries = new BlockEntries(block, handle.offset);
    while (entries.next()) countOf(entries.valueBytes, handle.offset + entries.valueAt);
    this.#knownBytes += block.length;
    if (this.#knownBytes <= mostKnownBytes) this.#known.set(index, block);
    return block;
  }

  /**
   * As range, in a block that is mostly one long value: only the lengths and keys are read, once the whole has proved good. False: no
   * more is wanted.
   */
  *#longPostings(
    block: Handle,
    first: Uint8Array,
    last: Uint8Array,
    take: (postings: Postings) => boolean,
  ): Steps<boolean> {
    yield* checkBlock(this.file, block);
    const tail = yield* readBytes(this.file, block.offset + block.size - 4, 4);
    const end = block.size - 4 - 4 * tail.readUInt32LE();
    if (end < 0) throw new DamageError("a damaged block", block.offset);
    const entry = { key: new Uint8Array(longestKey), keyBytes: 0, valueAt: 0, valueBytes: 0 };
    for (let at = 0; at < end; ) {
      const head = yield* readBytes(this.file, block.offset + at, Math.min(64, block.size - at));
      const order = readEntry(head, { at: 0, end: head.length }, entry);
      const next = at + entry.valueAt + entry.valueBytes;
      if (order === undefined || next > end) throw new DamageError("a damaged entry", block.offset + at);
      const { key, keyBytes, valueAt, valueBytes } = entry;
      const found = postings(keyOf(entry), block.offset + at + valueAt, valueBytes);
      if (compareKeys(key, keyBytes, last) > 0) return false;
      if (compareKeys(key, keyBytes, first) >= 0 && !take(found)) return false;
      at = next;
    }
    return true;
  }
}

function keyOf({ key, keyBytes }: { readonly key: Uint8Array; readonly keyBytes: number }): Uint8Array {
  return key.slice(0, keyBytes);
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

function postings(key: Uint8Array, offset: number, bytes: number): Postings {
  return { key, offset, count: countOf(bytes, offset) };
}

/** How many positions lie in so many bytes. */
function countOf(bytes: number, offset: number): number {
  if (bytes % 4 !== 0) throw new DamageError(`positions of ${bytes} bytes`, offset);
  return bytes / 4;
}
