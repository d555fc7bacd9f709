import type { ByteOrder } from "../src/capture-header.js";

/** A field of a layout: its size in bits and its value, or bytes as they are. */
export type Field = readonly [bits: 8 | 16 | 32 | 64, value: number | bigint] | Uint8Array;

/** Lays out bytes one field after another: `layout("little", u32(1), u16(2), text("abc"))`. */
export function layout(byteOrder: ByteOrder, ...fields: readonly Field[]): Uint8Array {
  const parts = fields.map((field) => {
    if (field instanceof Uint8Array) return field;
    const [bits, value] = field;
    const bytes = Array.from({ length: bits / 8 }, (_, i) =>
      Number((BigInt(value) >> BigInt(8 * i)) & 0xffn),
    );
    return Uint8Array.from(byteOrder === "little" ? bytes : bytes.reverse());
  });
  return concat(...parts);
}

export const u8 = (value: number): Field => [8, value];
export const u16 = (value: number): Field => [16, value];
export const u32 = (value: number): Field => [32, value];
export const u64 = (value: bigint): Field => [64, value];

/** `hex("d4 c3 b2 a1")`. */
export function hex(digits: string): Uint8Array {
  const pairs = digits.replaceAll(/\s/g, "").match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

/** `size` bytes that count up from `first`, so that a shifted or mixed up packet shows. */
export function counting(size: number, first = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (first + i) & 0xff);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
