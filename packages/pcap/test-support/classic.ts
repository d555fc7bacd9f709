import type { ByteOrder } from "../src/capture-header.js";
import { concat, layout, u16, u32 } from "./layout.js";

export interface ClassicRecord {
  seconds: number;
  fraction: number;
  data: Uint8Array;
  capturedLength?: number;
  originalLength?: number;
}

export interface ClassicLayout {
  byteOrder?: ByteOrder;
  magic?: number;
  snaplen?: number;
  network?: number;
}

/** A classic pcap file by its fields. */
export function classic(records: readonly ClassicRecord[], options: ClassicLayout = {}): Uint8Array {
  const { byteOrder = "little", magic = 0xa1b2c3d4, snaplen = 65_535, network = 1 } = options;
  const header = layout(
    byteOrder,
    u32(magic),
    u16(2), // major version
    u16(4), // minor version
    u32(0), // reserved: once the time zone
    u32(0), // reserved: once the accuracy
    u32(snaplen),
    u32(network),
  );
  return concat(header, ...records.map((record) => classicRecord(record, byteOrder)));
}

export function classicRecord(record: ClassicRecord, byteOrder: ByteOrder = "little"): Uint8Array {
  const { seconds, fraction, data, capturedLength = data.length, originalLength = capturedLength } = record;
  return layout(byteOrder, u32(seconds), u32(fraction), u32(capturedLength), u32(originalLength), data);
}
