import type { RecordBatch } from "@stenogrpc/pcap";
import { describe, expect, it } from "vitest";
import { captureHeaderOf } from "./block-records.js";
import { GatheredRecords } from "./gathered-records.js";

const header = captureHeaderOf({ resolution: "nanoseconds", restoreVlanTags: false });
const memory = (bytes: number, records: number) => ({
  bytes: new Uint8Array(bytes),
  offsets: new Uint32Array(records),
});

/** A batch of records with so many bytes of data each, and three other bytes before each. */
function batchOf(...lengths: number[]): RecordBatch {
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + 3 + 16 + length, 0));
  const view = new DataView(bytes.buffer);
  const offsets = new Uint32Array(lengths.length + 2); // more than there are records
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    bytes.fill(255, at, at + 3);
    at += 3;
    offsets[i] = at;
    view.setUint32(at, 100 + length, true);
    view.setUint32(at + 8, length, true);
    bytes.fill(length, at + 16, at + 16 + length);
    at += 16 + length;
  }
  return { header, bytes, offsets, count: lengths.length };
}

/** The data of each record, as its length and its bytes. */
function recordsOf({ count, memory: { bytes, offsets } }: GatheredRecords): number[][] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, i) => {
    const at = offsets[i] ?? 0;
    const length = view.getUint32(at + 8, true);
    return [view.getUint32(at, true), length, ...new Set(bytes.subarray(at + 16, at + 16 + length))];
  });
}

describe("GatheredRecords", () => {
  it("has the records of all batches, in order, and nothing that lay between them", () => {
    const gathered = new GatheredRecords(memory(16 * 4 + 1 + 2 + 3 + 4, 4));
    expect(gathered.add(batchOf(1, 2))).toBe(true);
    expect(gathered.add(batchOf())).toBe(true);
    expect(gathered.add(batchOf(3))).toBe(true);
    expect(gathered.add(batchOf(4))).toBe(true);
    expect(recordsOf(gathered)).toEqual([
      [101, 1, 1],
      [102, 2, 2],
      [103, 3, 3],
      [104, 4, 4],
    ]);
    expect(gathered.memory.bytes.includes(255)).toBe(false);
  });

  it.each([
    ["bytes", memory(16 * 3 + 5, 9)],
    ["records", memory(1000, 2)],
  ])("takes none of a batch for which it has too few %s", (_, room) => {
    const gathered = new GatheredRecords(room);
    expect(gathered.add(batchOf(1))).toBe(true);
    expect(gathered.add(batchOf(2, 3))).toBe(false);
    expect(recordsOf(gathered)).toEqual([[101, 1, 1]]);
    expect(gathered.add(batchOf(2))).toBe(true);
    expect(recordsOf(gathered)).toEqual([
      [101, 1, 1],
      [102, 2, 2],
    ]);
  });
});
