import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { classic } from "../test-support/classic.js";
import { collect, streamOf } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";
import {
  type CaptureHeader,
  chunked,
  chunkRuns,
  conformTo,
  createTally,
  decodeCapture,
  digest,
  limit,
  match,
  mergeByTime,
  PcapWriter,
  type RecordBatch,
  records,
  tally,
  timeWindow,
  verify,
} from "./index.js";

const header: CaptureHeader = { byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 };
const window = { startNs: 0n, endNs: 1n << 62n };

type Source = { readonly batches: AsyncIterable<RecordBatch>; readonly closed: () => number };

/** Two batches of two packets, or the same as chunks of a file. */
function batchSource(): Source {
  const packet = { timestampNs: 1n, size: 10 };
  const { batches, seen } = batchesOf(new PcapWriter(header), [packet, packet], [packet, packet]);
  return { batches, closed: () => seen.closed };
}

function chunkSource() {
  const packet = { seconds: 1, fraction: 0, data: counting(10) };
  const file = classic([packet, packet, packet, packet]);
  const { stream, seen } = streamOf([file.slice(0, 76), file.slice(76)]);
  return { stream, closed: () => seen.closed };
}

/** Everything that yields while it holds something open: made anew for each test, with how often its source was closed. */
const streams: Record<string, () => Promise<{ stream: AsyncIterable<unknown>; closed: () => number }>> = {
  verify: async () => over((batches) => verify()(batches)),
  match: async () => over(match(() => true)),
  timeWindow: async () => over(timeWindow(window)),
  limit: async () => over(limit({ maxPackets: 3 })),
  tally: async () => over(tally(createTally())),
  conformTo: async () => over(conformTo(header)),
  "conformTo, converting": async () => over(conformTo({ ...header, byteOrder: "big" })),
  chunked: async () => over(chunked(header, 1)),
  chunkRuns: async () => over(chunkRuns(header, 1)),
  records: async () => over(records),
  mergeByTime: async () =>
    over((batches) => mergeByTime(header, [{ open: async () => ({ header, batches }) }])),
  digest: async () => {
    const { stream, closed } = chunkSource();
    return { stream: digest({ update() {} })(stream), closed };
  },
  decodeCapture: async () => {
    const { stream, closed } = chunkSource();
    return { stream: (await decodeCapture(stream)).batches, closed };
  },
};

function over(stage: (batches: AsyncIterable<RecordBatch>) => AsyncIterable<unknown>) {
  const { batches, closed } = batchSource();
  return { stream: stage(batches), closed };
}

describe.each(Object.keys(streams))("a reader that leaves %s", (name) => {
  const make = streams[name] as (typeof streams)[string]; // name is one of its keys

  it("with break closes the source once", async () => {
    const { stream, closed } = await make();
    for await (const _item of stream) break;
    expect(closed()).toBe(1);
  });

  it("with an error of its own closes the source once", async () => {
    const { stream, closed } = await make();
    await expect(async () => {
      for await (const _item of stream) throw new Error("reader's own");
    }).rejects.toThrow("reader's own");
    expect(closed()).toBe(1);
  });

  it("by return() after some pulls closes the source once, and gets nothing more", async () => {
    const { stream, closed } = await make();
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    expect(closed()).toBe(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await iterator.return?.();
    expect(closed()).toBe(1);
  });

  it("by throw() closes the source and gets its error back", async () => {
    const { stream, closed } = await make();
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.throw?.(new Error("thrown in"))).rejects.toThrow("thrown in");
    expect(closed()).toBe(1);
  });

  it("at its end leaves the source alone", async () => {
    const { stream, closed } = await make();
    await collect(stream);
    // The limit ends before its source does.
    expect(closed()).toBe(name === "limit" ? 1 : 0);
  });
});

// A merge is not among them: it has not opened anything before the first pull.
describe.each(Object.keys(streams).filter((name) => name !== "mergeByTime"))(
  "a reader that never pulls %s",
  (name) => {
    const make = streams[name] as (typeof streams)[string]; // name is one of its keys

    it("closes the source once by return()", async () => {
      const { stream, closed } = await make();
      const iterator = stream[Symbol.asyncIterator]();
      expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
      expect(closed()).toBe(1);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it("closes the source once by throw()", async () => {
      const { stream, closed } = await make();
      const iterator = stream[Symbol.asyncIterator]();
      await expect(iterator.throw?.(new Error("thrown in"))).rejects.toThrow("thrown in");
      expect(closed()).toBe(1);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });
  },
);

it("a whole chain is closed by one break at its end", async () => {
  const { stream, closed } = chunkSource();
  const capture = await decodeCapture(stream);
  const chain = chunked(
    header,
    1,
  )(limit({})(timeWindow(window)(match(() => true)(verify()(capture.batches)))));
  for await (const _chunk of chain) break;
  expect(closed()).toBe(1);
});

it("a whole chain is closed by the failure of one stage", async () => {
  const { stream, closed } = chunkSource();
  const capture = await decodeCapture(stream);
  const failing = match(() => {
    throw new Error("bad predicate");
  });
  await expect(collect(chunked(header, 1)(failing(verify()(capture.batches))))).rejects.toThrow(
    "bad predicate",
  );
  expect(closed()).toBe(1);
});
