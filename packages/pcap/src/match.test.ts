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

  it("counts the near misses among the rest, and keeps none of them", async () => {
    const shown: unknown[][] = [];
    const nearMisses = {
      isNear: (_bytes: Uint8Array, ...rest: number[]) => {
        shown.push(rest.slice(1));
        return rest[1] === 30;
      },
      records: 0,
    };
    const counts = { recordsUnmatched: 0 };
    const { batches } = batchesOf(writer, packets, packets.slice(2));
    const stage = match((_bytes, _at, length) => length === 20, counts, undefined, nearMisses);
    expect((await collectRecords(stage(batches))).map(({ data }) => data.length)).toEqual([20]);
    expect(counts.recordsUnmatched).toBe(3);
    expect(nearMisses.records).toBe(2);
    expect(shown).toEqual([
      [10, 10, 10, 7000],
      [30, 30, 30, 7000],
      [30, 30, 30, 7000],
    ]);
  });
});

describe("match with turns", () => {
  const writer = new PcapWriter({ byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 });
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ timestampNs: 0n, size: 1 + (i % 2) }));

  /** A clock that only the predicate moves, and what it showed at each turn. */
  function clock() {
    const seen = { ms: 0, turnsAt: [] as number[] };
    const turns = {
      now: () => seen.ms,
      take: async () => {
        seen.turnsAt.push(seen.ms);
      },
    };
    return { seen, turns };
  }

  it("lets others work every 10 ms, within a batch and over several, and keeps what it keeps without", async () => {
    const { seen, turns } = clock();
    const counts = { recordsUnmatched: 0 };
    const { batches } = batchesOf(writer, many(50), many(3), many(3), many(50));
    const predicate = (_bytes: Uint8Array, _at: number, length: number) => {
      seen.ms += 3;
      return length === 1;
    };
    const kept = await collectRecords(match(predicate, counts, turns)(batches));
    expect(kept).toHaveLength(25 + 2 + 2 + 25);
    expect(kept.every(({ data }) => data.length === 1)).toBe(true);
    expect(counts).toEqual({ recordsUnmatched: 25 + 1 + 1 + 25 });
    const between = seen.turnsAt.map((ms, i) => ms - (seen.turnsAt[i - 1] ?? 0));
    expect(between).toEqual(between.map(() => 12));
    expect(seen.ms - (seen.turnsAt.at(-1) ?? 0)).toBeLessThan(12);
  });

  it("holds nobody up for long where packets take long that come behind quick ones", async () => {
    const { seen, turns } = clock();
    const { batches } = batchesOf(writer, many(5000));
    let packets = 0;
    const predicate = () => {
      seen.ms += ++packets > 2000 ? 1 : 0.001;
      return false;
    };
    await collectRecords(match(predicate, undefined, turns)(batches));
    const between = seen.turnsAt.map((ms, i) => ms - (seen.turnsAt[i - 1] ?? 0));
    expect(Math.max(...between)).toBeLessThan(80);
    expect(between.slice(10).every((ms) => ms < 16)).toBe(true);
  });

  it("looks at the clock once in many packets where they are quick", async () => {
    let looks = 0;
    const turns = { now: () => ++looks / 1e6, take: () => Promise.reject(new Error("no turn is due")) };
    const { batches } = batchesOf(writer, many(6400));
    await collectRecords(match(() => true, undefined, turns)(batches));
    expect(looks).toBeLessThan(120);
  });

  it("ends with what a turn rejects with, and closes what it reads", async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* batchesOf(writer, many(10), many(10)).batches;
      } finally {
        isClosed = true;
      }
    }
    const over = new Error("time is up");
    const { seen, turns } = clock();
    const predicate = () => {
      seen.ms += 20;
      return true;
    };
    const matching = match(predicate, undefined, { ...turns, take: () => Promise.reject(over) });
    await expect(collectRecords(matching(source()))).rejects.toBe(over);
    expect(seen.ms).toBe(20);
    expect(isClosed).toBe(true);
  });
});
