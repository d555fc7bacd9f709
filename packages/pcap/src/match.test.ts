import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { match, PcapWriter } from "./index.js";

const packets = [10, 20, 30].map((size) => ({ timestampNs: BigInt(size) * 1_000_000_000n + 7_000n, size }));

describe.each(["little", "big"] as const)("match on %s-endian records", (byteOrder) => {
  const writer = new PcapWriter({ byteOrder, resolution: "microseconds", snaplen: 0, linkType: 1 });

  it("shows the predicate each packet: its place, lengths and time", async () => {
    const shown: (number | undefined)[][] = [];
    const stage = match((bytes, frameOffset, ...rest) => {
      shown.push([bytes[frameOffset], ...rest]);
      return true;
    });
    await collectRecords(stage(batchesOf(writer, packets).batches));
    expect(shown.map(([first]) => first)).toEqual([10, 20, 30]);
    expect(shown.map(([, ...rest]) => rest)).toEqual([
      [10, 10, 10, 7000],
      [20, 20, 20, 7000],
      [30, 30, 30, 7000],
    ]);
  });

  it("keeps what the predicate says yes to, and counts the rest", async () => {
    const counts = { recordsUnmatched: 0 };
    const { batches } = batchesOf(writer, packets, packets.slice(0, 1), packets.slice(1, 2));
    const kept = await collectRecords(match((_bytes, _at, length) => length === 20, counts)(batches));
    expect(kept.map(({ data }) => data.length)).toEqual([20, 20]);
    expect(counts).toEqual({ recordsUnmatched: 3 });
  });
});
