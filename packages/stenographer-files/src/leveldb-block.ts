import { crc32c, maskedCrc } from "./crc32c.js";
import { DamageError } from "./damage.js";
import type { OpenFile } from "./file-access.js";
import { type Steps, wait } from "./steps.js";

// The format: github.com/google/leveldb, doc/table_format.md.
const trailerBytes = 5;
/** Type and an IPv6 address. */
export const longestKey = 17;
/** A longer block is checked piece by piece. */
export const pieceBytes = 256 * 1024;

/** Where a block lies in a file. */
export interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * The entries of a block that is here whole, one after another: the fields are those of the last `next`. Nothing is allocated for an
 * entry. Throws DamageError where they are damaged, or their keys do not ascend.
 */
export class BlockEntries {
  /** The key, in its first `keyBytes` bytes. */
  readonly key = new Uint8Array(longestKey);
  keyBytes = 0;
  /** Where the value lies in the block. */
  valueAt = 0;
  valueBytes = 0;

  readonly #cursor: { at: number; readonly end: number };

  constructor(
    private readonly block: Buffer,
    private readonly fileOffset: number,
  ) {
    const restarts = block.length < 4 ? -1 : block.readUInt32LE(block.length - 4);
    const end = block.length - 4 - 4 * restarts;
    if (restarts < 0 || end < 0) throw new DamageError("a damaged block", fileOffset);
    this.#cursor = { at: 0, end };
  }

  next(): boolean {
    const cursor = this.#cursor;
    const { at, end } = cursor;
    if (at >= end) return false;
    const isFirst = at === 0;
    const order = readEntry(this.block, cursor, this);
    if (order === undefined || this.valueAt + this.valueBytes > end) {
      throw new DamageError("a damaged entry", this.fileOffset + at);
    }
    if (!isFirst && order <= 0) throw new DamageError("keys out of order", this.fileOffset + at);
    cursor.at = this.valueAt + this.valueBytes;
    return true;
  }
}

/** An entry's key and where its value lies. */
export interface EntryFields {
  readonly key: Uint8Array;
  keyBytes: number;
  valueAt: number;
  valueBytes: number;
}

/**
 * Reads the entry at the cursor over the one before it, whose key it may begin with. Gives how their keys compare: over 0 where they
 * ascend. Undefined: it is damaged.
 */
export function readEntry(
  bytes: Buffer,
  cursor: { at: number; readonly end: number },
  entry: EntryFields,
): number | undefined {
  const shared = readVarint(bytes, cursor);
  const fresh = readVarint(bytes, cursor);
  const valueBytes = readVarint(bytes, cursor);
  if (shared === undefined || fresh === undefined || valueBytes === undefined) return undefined;
  const { at, end } = cursor;
  const { key, keyBytes } = entry;
  if (shared > keyBytes || shared + fresh > longestKey || at + fresh > end) return undefined;
  let order = 0;
  for (let i = 0; i < fresh; i++) {
    const [to, byte] = [shared + i, bytes[at + i] as number]; // at + fresh <= end <= length
    if (order === 0 && to < keyBytes) order = byte - (key[to] as number); // to < keyBytes <= length
    key[to] = byte;
  }
  entry.keyBytes = shared + fresh;
  entry.valueAt = at + fresh;
  entry.valueBytes = valueBytes;
  return order === 0 ? entry.keyBytes - keyBytes : order;
}

/** A block's place as it is written; undefined where it does not lie in the file. */
export function readHandle(
  bytes: Buffer,
  cursor: { at: number; readonly end: number },
  fileBytes: number,
): Handle | undefined {
  const offset = readVarint(bytes, cursor);
  const size = readVarint(bytes, cursor);
  if (offset === undefined || size === undefined || size < 4) return undefined;
  return offset + size + trailerBytes > fileBytes ? undefined : { offset, size };
}

/** Seven bits a byte, low ones first; undefined where it does not end, or is beyond what a file can hold. */
function readVarint(bytes: Buffer, cursor: { at: number; readonly end: number }): number | undefined {
  let value = 0;
  for (let factor = 1; cursor.at < cursor.end && factor < 2 ** 49; factor *= 128) {
    const byte = bytes[cursor.at++] as number; // at < end <= length
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
  return undefined;
}

/** Order of keys, that of their bytes: of the first `aBytes` of `a` and all of `b`, from `bStart` to `bEnd`. */
export function compareKeys(
  a: Uint8Array,
  aBytes: number,
  b: Uint8Array,
  bStart = 0,
  bEnd = b.length,
): number {
  const length = Math.min(aBytes, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[bStart + i] as number); // i < both lengths
    if (difference !== 0) return difference;
  }
  return aBytes - (bEnd - bStart);
}

/** Reads a block, and compares its checksum. */
export function* readChecked(file: OpenFile, handle: Handle): Steps<Buffer> {
  return checked(yield* readBytes(file, handle.offset, handle.size + trailerBytes), handle);
}

/** A block that `bytes` begin with, its checksum compared. */
export function checked(bytes: Buffer, handle: Handle): Buffer {
  compareChecksum(crc32c(bytes, 0, 0, handle.size + 1), bytes.subarray(handle.size), handle);
  return bytes.subarray(0, handle.size);
}

/** As readChecked, for a block too long to hold. */
export function* checkBlock(file: OpenFile, handle: Handle): Steps<void> {
  const end = handle.offset + handle.size + 1;
  let crc = 0;
  for (let at = handle.offset; at < end; at += pieceBytes) {
    crc = crc32c(yield* readBytes(file, at, Math.min(pieceBytes, end - at)), crc);
  }
  compareChecksum(crc, yield* readBytes(file, end - 1, trailerBytes), handle);
}

function compareChecksum(crc: number, trailer: Buffer, { offset, size }: Handle): void {
  if (trailer.readUInt32LE(1) !== maskedCrc(crc)) {
    throw new DamageError("a block with a wrong checksum", offset);
  }
  // stenotype writes without compression; 1 would be snappy.
  if (trailer[0] !== 0) throw new DamageError(`a block of compression ${trailer[0]}`, offset + size);
}

/** Reads bytes that must be there. */
export function* readBytes(file: OpenFile, offset: number, length: number): Steps<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length); // not a part of a pool, so that it can be seen as words
  const { bytesRead } = yield* wait(file.read(bytes, 0, length, offset));
  if (bytesRead !== length) throw new DamageError("the index ends", offset + bytesRead);
  return bytes;
}
