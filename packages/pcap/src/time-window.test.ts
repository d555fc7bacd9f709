import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { type CaptureHeader, PcapWriter, timeWindow } from "./index.js";

const second = 1_000_000_000n;

async function timesInside(
  header: Partial<CaptureHeader>,
  startNs: bigint,
  endNs: bigint,
  ...times: readonly bigint[]
) {
  const writer = new PcapWriter({
    byteOrder: "little",
    resolution: "nanoseconds",
    snaplen: 0,
    linkType: 1,
    ...header,
  });
  const counts = { recordsSeen: 0, recordsOutsideWindow: 0 };
  const { batches } = batchesOf(
    writer,
    times.map((timestampNs) => ({ timestampNs, size: 4 })),
  );
  const kept = await collectRecords(timeWindow({ startNs, endNs }, counts)(batches));
  return { kept: kept.map(({ timestampNs }) => timestampNs), counts };
}

describe("timeWindow", () => {
  it("keeps its start and leaves out its end, to the nanosecond", async () => {
    const start = 10n * second + 5n;
    const end = 12n * second + 7n;
    const inside = [start, start + 1n, 11n * second, 12n * second, end - 1n];
    const outside = [start - 1n, 10n * second, 9n * second, end, end + 1n, 13n * second, 0n];
    expect(await timesInside({}, start, end, ...inside, ...outside)).toEqual({
      kept: inside,
      counts: { recordsSeen: 12, recordsOutsideWindow: 7 },
    });
  });

  it("compares microseconds with a window in nanoseconds", async () => {
    const microsecond = 1000n;
    const times = [second, second + microsecond, second + 2n * microsecond];
    const { kept } = await timesInside(
      { resolution: "microseconds" },
      second + 1n,
      second + 2_000n,
      ...times,
    );
    expect(kept).toEqual([second + microsecond]);
  });

  it("reads big-endian times", async () => {
    const { kept } = await timesInside(
      { byteOrder: "big" },
      second,
      2n * second,
      second - 1n,
      second,
      2n * second,
    );
    expect(kept).toEqual([second]);
  });

  it("takes a window within one second", async () => {
    const { kept } = await timesInside(
      {},
      second + 3n,
      second + 5n,
      ...[2n, 3n, 4n, 5n].map((ns) => second + ns),
    );
    expect(kept).toEqual([second + 3n, second + 4n]);
  });

  it("is empty when it ends before it starts", async () => {
    const { kept } = await timesInside({}, second + 5n, second + 3n, second + 3n, second + 4n, second + 5n);
    expect(kept).toEqual([]);
  });

  it("may begin before the epoch and end after the last second of pcap", async () => {
    const last = 0xffff_ffffn * second + 999_999_999n;
    const { kept } = await timesInside({}, -1n, 1n << 80n, 0n, last);
    expect(kept).toEqual([0n, last]);
  });

  it("ends before the epoch without a packet", async () => {
    const { kept } = await timesInside({}, -2n * second, -1n, 0n);
    expect(kept).toEqual([]);
  });
});
