import { crc32c } from "./crc32c.js";

// The format: github.com/google/leveldb, doc/table_format.md.
const magic = 0xdb4775248b80fb57n;
const footerBytes = 48;
const restartInterval = 16;
const targetBlockBytes = 4096;
const uncompressed = 0;

/** Where a block lies in the file. */
interface Handle {
  readonly offset: number;
  readonly size: number;
}

/** Writes a leveldb table, without compression, as stenotype does. Entries come in bytewise order of their keys. */
export class LeveldbTableWriter {
  private offset = 0;
  private block = new BlockBuilder();
  private readonly index = new BlockBuilder();

  /** @param write takes the file's bytes, in order */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  add(key: Uint8Array, value: Uint8Array): void {
    this.block.add(key, value);
    if (this.block.bytes >= targetBlockBytes) this.endBlock();
  }

  end(): void {
    this.endBlock();
    const metaindex = this.writeBlock(new BlockBuilder());
    const index = this.writeBlock(this.index);
    const footer = Buffer.alloc(footerBytes);
    Buffer.concat([encodeHandle(metaindex), encodeHandle(index)]).copy(footer);
    footer.writeBigUInt64LE(magic, footerBytes - 8);
    this.write(footer);
  }

  private endBlock(): void {
    if (this.block.isEmpty) return;
    const last = this.block.lastKey;
    this.index.add(last, encodeHandle(this.writeBlock(this.block)));
    this.block = new BlockBuilder();
  }

  private writeBlock(builder: BlockBuilder): Handle {
    const content = builder.finish();
    const trailer = Buffer.alloc(5);
    trailer[0] = uncompressed;
    trailer.writeUInt32LE(masked(crc32c(trailer.subarray(0, 1), crc32c(content))), 1);
    this.write(content);
    this.write(trailer);
    const handle = { offset: this.offset, size: content.length };
    this.offset += content.length + trailer.length;
    return handle;
  }
}

/** leveldb stores checksums rotated and shifted, since data that contains its own checksum is hard on a CRC. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

class BlockBuilder {
  bytes = 0;
  lastKey: Uint8Array = new Uint8Array();
  private readonly parts: Uint8Array[] = [];
  private readonly restarts: number[] = [];
  private entries = 0;

  get isEmpty(): boolean {
    return this.entries === 0;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    let shared = 0;
    if (this.entries % restartInterval === 0) this.restarts.push(this.bytes);
    else shared = commonPrefix(this.lastKey, key);
    const lengths = [...varint(shared), ...varint(key.length - shared), ...varint(value.length)];
    this.append(Uint8Array.from(lengths));
    this.append(key.subarray(shared));
    this.append(value);
    this.lastKey = key;
    this.entries++;
  }

  finish(): Buffer {
    const restarts = this.isEmpty ? [0] : this.restarts;
    const tail = Buffer.alloc(4 * restarts.length + 4);
    for (const [i, at] of restarts.entries()) tail.writeUInt32LE(at, 4 * i);
    tail.writeUInt32LE(restarts.length, 4 * restarts.length);
    return Buffer.concat([...this.parts, tail]);
  }

  private append(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.bytes += bytes.length;
  }
}

/** Reads a leveldb table whole: its entries in order. */
export function* readLeveldbTable(file: Buffer): Generator<{ key: Buffer; value: Buffer }> {
  const footer = file.subarray(file.length - footerBytes);
  if (footer.readBigUInt64LE(footerBytes - 8) !== magic) throw new Error("no leveldb table");
  const cursor = { at: 0 };
  decodeHandle(footer, cursor); // the metaindex has nothing for us
  const index = decodeHandle(footer, cursor);
  for (const { value } of blockEntries(file, index)) {
    yield* blockEntries(file, decodeHandle(value, { at: 0 }));
  }
}

function* blockEntries(file: Buffer, { offset, size }: Handle): Generator<{ key: Buffer; value: Buffer }> {
  if (file[offset + size] !== uncompressed) throw new Error(`compressed block at ${offset}`);
  const stored = file.readUInt32LE(offset + size + 1);
  if (stored !== masked(crc32c(file.subarray(offset, offset + size + 1)))) {
    throw new Error(`damaged block at ${offset}`);
  }
  const block = file.subarray(offset, offset + size);
  const end = size - 4 - 4 * block.readUInt32LE(size - 4);
  const cursor = { at: 0 };
  let key = Buffer.alloc(0);
  while (cursor.at < end) {
    const shared = decodeVarint(block, cursor);
    const fresh = decodeVarint(block, cursor);
    const valueBytes = decodeVarint(block, cursor);
    key = Buffer.concat([key.subarray(0, shared), block.subarray(cursor.at, cursor.at + fresh)]);
    cursor.at += fresh;
    yield { key, value: block.subarray(cursor.at, cursor.at + valueBytes) };
    cursor.at += valueBytes;
  }
}

function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function encodeHandle({ offset, size }: Handle): Buffer {
  return Buffer.from([...varint(offset), ...varint(size)]);
}

function decodeHandle(bytes: Buffer, cursor: { at: number }): Handle {
  return { offset: decodeVarint(bytes, cursor), size: decodeVarint(bytes, cursor) };
}

/** Seven bits a byte, low ones first. Divides, since offsets can be beyond 32 bits. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

function decodeVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = bytes.readUInt8(cursor.at++);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
}
