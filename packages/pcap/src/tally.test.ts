import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { createTally, PcapWriter, tally } from "./index.js";

const writer = new PcapWriter({ byteOrder: "big", resolution: "nanoseconds", snaplen: 0, linkType: 1 });

describe("tally", () => {
  it("counts packets and bytes, and finds the earliest and the latest time in any order", async () => {
    const totals = createTally();
    const at = (timestampNs: bigint, size = 4) => ({ timestampNs, size });
    const { batches } = batchesOf(
      writer,
      [at(5_000_000_005n), at(5_000_000_009n, 7)],
      [at(5_000_000_001n)],
      [at(6_000_000_000n), at(3_999_999_999n), at(4_000_000_000n)],
    );
    expect(await collectRecords(tally(totals)(batches))).toHaveLength(6);
    expect(totals).toEqual({
      packets: 6,
      recordBytes: 6 * 16 + 5 * 4 + 7,
      firstNs: 3_999_999_999n,
      lastNs: 6_000_000_000n,
    });
  });

  it("tells times within one second of one batch apart", async () => {
    const totals = createTally();
    const times = [5_000_000_005n, 5_000_000_003n, 5_000_000_009n, 5_000_000_004n];
    const { batches } = batchesOf(
      writer,
      times.map((timestampNs) => ({ timestampNs, size: 1 })),
    );
    await collectRecords(tally(totals)(batches));
    expect(totals).toMatchObject({ firstNs: 5_000_000_003n, lastNs: 5_000_000_009n });
  });

  it("has no times for nothing", async () => {
    const totals = createTally();
    await collectRecords(tally(totals)(batchesOf(writer).batches));
    expect(totals).toEqual({ packets: 0, recordBytes: 0, firstNs: undefined, lastNs: undefined });
  });

  it("has counted a batch when the reader gets it", async () => {
    const totals = createTally();
    const { batches } = batchesOf(writer, [{ timestampNs: 1n, size: 1 }], [{ timestampNs: 2n, size: 1 }]);
    const seen: number[] = [];
    for await (const _batch of tally(totals)(batches)) seen.push(totals.packets);
    expect(seen).toEqual([1, 2]);
  });
});
