import { describe, expect, it } from "vitest";
import { batchesOf, type TestPacket } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { type CaptureHeader, type MergeInput, mergeByTime, PcapWriter, type RecordBatch } from "./index.js";

const header: CaptureHeader = { byteOrder: "little", resolution: "nanoseconds", snaplen: 0, linkType: 1 };

/** Packets of one size at these times; the size tells which input one came from. */
function at(size: number, ...times: readonly number[]): TestPacket[] {
  return times.map((time) => ({ timestampNs: BigInt(time), size }));
}

/** An input that notes what is done to it; every list of packets is a batch. */
function input(
  chunks: readonly (readonly TestPacket[])[],
  startsAt?: number,
  from: Partial<CaptureHeader> = {},
) {
  const captureHeader = { ...header, ...from };
  const { batches, seen } = batchesOf(new PcapWriter(captureHeader), ...chunks);
  const state = { opened: 0, seen };
  const mergeInput: MergeInput = {
    ...(startsAt !== undefined && { startsAtNs: BigInt(startsAt) }),
    async open() {
      state.opened++;
      return { header: captureHeader, batches };
    },
  };
  return { mergeInput, state };
}

async function order(...inputs: readonly { mergeInput: MergeInput }[]) {
  const merged = mergeByTime(
    header,
    inputs.map(({ mergeInput }) => mergeInput),
  );
  const records = await collectRecords(merged);
  return records.map(({ timestampNs, data }) => [Number(timestampNs), data.length]);
}

describe("mergeByTime", () => {
  it("takes the earliest next packet, and of equal ones that of the earlier input", async () => {
    const a = input([at(1, 10, 20, 20, 40)]);
    const b = input([at(2, 20, 30), at(2, 40, 50)]);
    const c = input([at(3, 5, 20), [], at(3, 60)]);
    expect(await order(a, b, c)).toEqual([
      [5, 3],
      [10, 1],
      [20, 1],
      [20, 1],
      [20, 2],
      [20, 3],
      [30, 2],
      [40, 1],
      [40, 2],
      [50, 2],
      [60, 3],
    ]);
  });

  it("gives nothing for no inputs and for empty ones", async () => {
    expect(await order()).toEqual([]);
    expect(await order(input([]), input([[]]))).toEqual([]);
  });

  it("keeps each input's own order where it is not sorted", async () => {
    expect(await order(input([at(1, 10, 5, 30)]), input([at(2, 20)]))).toEqual([
      [10, 1],
      [5, 1],
      [20, 2],
      [30, 1],
    ]);
  });

  it("brings every input into the format of its header", async () => {
    const a = input([at(1, 1000, 3000)], undefined, { byteOrder: "big", resolution: "microseconds" });
    const b = input([at(2, 2000)]);
    expect(await order(a, b)).toEqual([
      [1000, 1],
      [2000, 2],
      [3000, 1],
    ]);
  });

  it("refuses an input of another link type, and closes all of them", async () => {
    const a = input([at(1, 10), at(1, 30)]);
    const b = input([at(2, 20)], undefined, { linkType: 101 });
    await expect(order(a, b)).rejects.toMatchObject({ kind: "mixed-link-types" });
    expect([a.state.seen.closed, b.state.seen.closed]).toEqual([1, 1]);
  });
});

describe("an input with a start time", () => {
  it("is opened only when the merge gets there", async () => {
    const early = input([at(1, 10), at(1, 30), at(1, 50)]);
    const late = input([at(2, 40, 60)], 40);
    const merged = mergeByTime(header, [early.mergeInput, late.mergeInput]);
    const openedAfter: [number, number][] = [];
    for await (const batch of merged) openedAfter.push([batch.count, late.state.opened]);
    expect(openedAfter).toEqual([
      [1, 0],
      [1, 0],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  it("is opened in order of start, one after the other when they do not overlap", async () => {
    const files = [300, 100, 200].map((start) => input([at(start, start, start + 99)], start));
    expect(await order(...files)).toEqual([
      [100, 100],
      [199, 100],
      [200, 200],
      [299, 200],
      [300, 300],
      [399, 300],
    ]);
  });

  it("may tie with a packet of a later input and still goes first", async () => {
    const early = input([at(1, 10, 20, 30)]);
    const late = input([at(2, 20)], 20);
    expect(await order(late, early)).toEqual([
      [10, 1],
      [20, 2],
      [20, 1],
      [30, 1],
    ]);
  });

  it("loses no packet when it is wrong about its start", async () => {
    const wrong = input([at(2, 5, 25)], 20);
    expect(await order(input([at(1, 10, 15, 30)]), wrong)).toEqual([
      [10, 1],
      [15, 1],
      [5, 2],
      [25, 2],
      [30, 1],
    ]);
  });

  it("is never opened when the reader leaves before", async () => {
    const early = input([at(1, 10), at(1, 20)]);
    const late = input([at(2, 100)], 100);
    for await (const _batch of mergeByTime(header, [early.mergeInput, late.mergeInput])) break;
    expect({ early: early.state.seen.closed, late: late.state.opened }).toEqual({ early: 1, late: 0 });
  });
});

describe("copying", () => {
  it("does without where no other input comes between", async () => {
    const a = input([at(100, 10, 11), at(100, 12)]);
    const b = input([at(200, 20, 21)]);
    const sources = new Set<ArrayBufferLike>();
    const watch = ({ mergeInput }: { mergeInput: MergeInput }): MergeInput => ({
      async open() {
        const capture = await mergeInput.open();
        async function* batches() {
          for await (const batch of capture.batches) {
            sources.add(batch.bytes.buffer);
            yield batch;
          }
        }
        return { header: capture.header, batches: batches() };
      },
    });
    const passed: [number, boolean][] = [];
    for await (const batch of mergeByTime(header, [watch(a), watch(b)]))
      passed.push([batch.count, sources.has(batch.bytes.buffer)]);
    expect(passed).toEqual([
      [2, true],
      [1, true],
      [2, true],
    ]);
  });

  it("collects interleaved packets into batches of a useful size", async () => {
    const even = input([at(60, ...Array.from({ length: 500 }, (_, i) => 2 * i))]);
    const odd = input([at(70, ...Array.from({ length: 500 }, (_, i) => 2 * i + 1))]);
    const counts: number[] = [];
    for await (const batch of mergeByTime(header, [even.mergeInput, odd.mergeInput]))
      counts.push(batch.count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000);
    expect(counts.length).toBeLessThanOrEqual(2);
  });

  it("bounds what it collects", async () => {
    const even = input([at(1500, ...Array.from({ length: 500 }, (_, i) => 2 * i))]);
    const odd = input([at(1500, ...Array.from({ length: 500 }, (_, i) => 2 * i + 1))]);
    const sizes: number[] = [];
    for await (const batch of mergeByTime(header, [even.mergeInput, odd.mergeInput]))
      sizes.push(batch.bytes.length);
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThan(150 * 1024);
  });

  it("stands a reader that drops records of the batch it was given", async () => {
    const merged = mergeByTime(header, [input([at(1, 10, 11), at(1, 12)]).mergeInput]);
    const seen: number[] = [];
    for await (const batch of merged) {
      seen.push(batch.count);
      batch.count = 0;
    }
    expect(seen).toEqual([2, 1]);
  });
});

describe("a failing input", () => {
  const failing = (...before: readonly TestPacket[]): MergeInput => ({
    async open() {
      const { batches } = batchesOf(new PcapWriter(header), before);
      async function* failAfter(): AsyncGenerator<RecordBatch> {
        yield* batches;
        throw new Error("the disk is gone");
      }
      return { header, batches: failAfter() };
    },
  });

  it("is reported after what was merged up to it, and the others are closed", async () => {
    const other = input([at(1, 10, 20, 30)]);
    const merged = mergeByTime(header, [other.mergeInput, failing(...at(2, 15, 25))]);
    const times: number[] = [];
    await expect(async () => {
      for await (const batch of merged)
        times.push(...(await collectRecords(only(batch))).map(({ timestampNs }) => Number(timestampNs)));
    }).rejects.toThrow("the disk is gone");
    expect(times).toEqual([10, 15, 20, 25]);
    expect(other.state.seen.closed).toBe(1);
  });

  it("that cannot be opened closes the others", async () => {
    const other = input([at(1, 10, 20, 30)]);
    const unopenable: MergeInput = { open: () => Promise.reject(new Error("no such file")) };
    await expect(order(other, { mergeInput: unopenable })).rejects.toThrow("no such file");
    expect(other.state.seen.closed).toBe(1);
  });

  async function* only(batch: RecordBatch) {
    yield batch;
  }
});

it("closes every input when the reader leaves, and none twice", async () => {
  const a = input([at(1, 10, 30), at(1, 50)]);
  const b = input([at(2, 20, 40), at(2, 60)]);
  for await (const _batch of mergeByTime(header, [a.mergeInput, b.mergeInput])) break;
  expect([a.state.seen.closed, b.state.seen.closed]).toEqual([1, 1]);
});

it("does not close an input that has ended by itself", async () => {
  const a = input([at(1, 10)]);
  const b = input([at(2, 20), at(2, 30)]);
  await order(a, b);
  expect([a.state.seen.closed, b.state.seen.closed]).toEqual([0, 0]);
});
