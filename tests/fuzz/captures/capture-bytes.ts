import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "@stenogrpc/testkit";

/** Captures to start from: short, so that a mutation hits something, and of every kind that we have. */
export function seedCaptures(): Uint8Array[] {
  const root = join(import.meta.dirname, "../../../packages");
  const files = ["pcap/fixtures", "testkit/fixtures"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /\.pcap(ng)?$/.test(name))
      .map((name) => readFileSync(join(root, folder, name))),
  );
  return files
    .flatMap((file) => [file.subarray(0, 400), file.subarray(0, 6000)])
    .map((bytes) => Uint8Array.from(bytes));
}

/** What fields of the formats are sensitive to: magic numbers, block types, ends of ranges. */
const words = [
  0xa1b2c3d4,
  0xa1b23c4d,
  0x0a0d0d0a,
  0x1a2b3c4d,
  0xa1b2cd34,
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  9,
  10,
  11,
  12,
  14,
  16,
  20,
  24,
  28,
  32,
  36,
  255,
  256,
  65_535,
  65_536,
  262_144,
  262_145,
  1 << 20,
  (1 << 20) + 4,
  2 ** 30,
  0x7fffffff,
  0x80000000,
  0xfffffffc,
  0xffffffff,
];

const longestBytes = 16 * 1024;

/** Another capture, or what was one. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(random.pick(corpus));
  for (let changes = random.between(1, 6); changes > 0; changes--) bytes = change(random, bytes, corpus);
  return bytes.subarray(0, longestBytes);
}

function change(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  corpus: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  if (bytes.length < 8) return Uint8Array.from(random.pick(corpus));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = random.between(0, bytes.length - 3);
  const end = Math.min(bytes.length, at + random.between(1, 200));
  switch (random.between(0, 10)) {
    case 0:
      bytes[at] = random.between(0, 256);
      return bytes;
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 8));
      return bytes;
    case 2:
    case 3:
      view.setUint32(at & ~3, random.pick(words), random.fraction() < 0.7);
      return bytes;
    case 4:
      view.setUint16(at & ~1, random.pick(words), random.fraction() < 0.7);
      return bytes;
    case 5:
      view.setUint32(at & ~3, view.getUint32(at & ~3, true) + random.between(-4, 5), true);
      return bytes;
    case 6:
      return joined(bytes.subarray(0, at), bytes.subarray(end));
    case 7:
      return joined(bytes.subarray(0, end), bytes.subarray(at));
    case 8: {
      const other = random.pick(corpus);
      const from = random.between(0, other.length);
      return joined(
        bytes.subarray(0, at),
        other.subarray(from, from + random.between(1, 400)),
        bytes.subarray(at),
      );
    }
    default:
      return bytes.slice(0, end);
  }
}

/** Blocks and records that nobody wrote: right in form here and there, with lengths that promise anything. */
export function garbage(random: Random): Uint8Array<ArrayBuffer> {
  const isLittle = random.fraction() < 0.7;
  const parts: number[] = [random.pick([0xa1b2c3d4, 0xa1b23c4d, 0x0a0d0d0a, 0x0a0d0d0a, random.bits()])];
  if (parts[0] === 0x0a0d0d0a) parts.push(28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28, 1, 20, 1, 0, 20);
  else parts.push(0x00040002, 0, 0, random.pick([0, 65_535, ...words]), random.pick([1, 1, 101, 0xf0000001]));
  for (let units = random.between(0, 40); units > 0; units--)
    parts.push(random.pick([...words, random.bits()]));
  const bytes = new Uint8Array(parts.length * 4 + random.between(0, 200));
  const view = new DataView(bytes.buffer);
  for (const [i, part] of parts.entries()) view.setUint32(4 * i, part, isLittle);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
