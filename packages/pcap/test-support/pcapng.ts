import type { ByteOrder } from "../src/capture-header.js";
import { concat, type Field, layout, u16, u32, u64 } from "./layout.js";

/** Blocks in one byte order, laid out field by field (draft-ietf-opsawg-pcapng). */
export function blocks(byteOrder: ByteOrder = "little") {
  const block = (type: number, ...fields: readonly Field[]): Uint8Array => {
    const body = layout(byteOrder, ...fields);
    const length = 12 + body.length;
    return layout(byteOrder, u32(type), u32(length), body, u32(length));
  };
  const padded = (bytes: Uint8Array) => concat(bytes, new Uint8Array(-bytes.length & 3));
  return {
    block,
    section: (minor = 0, ...options: Field[]) =>
      block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(minor), u64(-1n), ...options),
    interface: (linkType = 1, snaplen = 65_535, ...options: Field[]) =>
      block(1, u16(linkType), u16(0), u32(snaplen), ...options),
    /** if_tsresol */
    resolution: (value: number) => layout(byteOrder, u16(9), u16(1), Uint8Array.of(value, 0, 0, 0)),
    /** if_tsoffset */
    offset: (seconds: bigint) => layout(byteOrder, u16(14), u16(8), u64(seconds)),
    comment: (text: string) => {
      const bytes = new TextEncoder().encode(text);
      return layout(byteOrder, u16(1), u16(bytes.length), padded(bytes));
    },
    endOfOptions: layout(byteOrder, u16(0), u16(0)),
    enhanced: (
      interfaceId: number,
      time: bigint,
      data: Uint8Array,
      originalLength = data.length,
      ...options: Field[]
    ) =>
      block(
        6,
        u32(interfaceId),
        u32(Number(time >> 32n)),
        u32(Number(time & 0xffff_ffffn)),
        u32(data.length),
        u32(originalLength),
        padded(data),
        ...options,
      ),
    /** The obsolete Packet Block. */
    packet: (interfaceId: number, time: bigint, data: Uint8Array, originalLength = data.length) =>
      block(
        2,
        u16(interfaceId),
        u16(0xffff), // drops count: unknown
        u32(Number(time >> 32n)),
        u32(Number(time & 0xffff_ffffn)),
        u32(data.length),
        u32(originalLength),
        padded(data),
      ),
    simple: (data: Uint8Array, originalLength = data.length) => block(3, u32(originalLength), padded(data)),
  };
}
