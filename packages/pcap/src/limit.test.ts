import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { type Limits, type LimitVerdict, limit, PcapWriter } from "./index.js";

const writer = new PcapWriter({ byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 });

/** The sizes of what passes, what stopped it, and how the source was left; every inner list is a batch. */
async function passing(limits: Limits, ...sizes: readonly (readonly number[])[]) {
  const verdict: LimitVerdict = { stoppedBy: "nothing" };
  const chunks = sizes.map((batch) => batch.map((size) => ({ timestampNs: 0n, size })));
  const { batches, seen } = batchesOf(writer, ...chunks);
  const records = await collectRecords(limit(limits, verdict)(batches));
  return { sizes: records.map(({ data }) => data.length), stoppedBy: verdict.stoppedBy, closed: seen.closed };
}

const whole = { stoppedBy: "nothing", closed: 0 };

describe("limit by maxBytes", () => {
  // 24 bytes of file header, 16 + 10 and 16 + 20 of records.
  it("keeps the packet that exactly reaches it", async () => {
    expect(await passing({ maxBytes: 24 + 26 + 36 }, [10, 20, 1])).toEqual({
      sizes: [10, 20],
      stoppedBy: "max-bytes",
      closed: 1,
    });
  });

  it("leaves out the packet that is one byte too long", async () => {
    expect(await passing({ maxBytes: 24 + 26 + 35 }, [10, 20])).toEqual({
      sizes: [10],
      stoppedBy: "max-bytes",
      closed: 1,
    });
  });

  it("stops nothing when the last packet exactly reaches it", async () => {
    expect(await passing({ maxBytes: 24 + 26 + 36 }, [10, 20])).toEqual({ sizes: [10, 20], ...whole });
  });

  it("looks for the packet that does not fit in later batches", async () => {
    expect(await passing({ maxBytes: 24 + 26 + 36 }, [10], [20], [], [0])).toEqual({
      sizes: [10, 20],
      stoppedBy: "max-bytes",
      closed: 1,
    });
  });

  it("ends at the first packet that does not fit, even if a later one would", async () => {
    expect(await passing({ maxBytes: 24 + 26 + 26 }, [10, 20, 10])).toMatchObject({ sizes: [10] });
  });

  it.each([0, 23, 24, 39])("passes nothing when not even a packet fits: %i", async (maxBytes) => {
    expect(await passing({ maxBytes }, [0])).toEqual({ sizes: [], stoppedBy: "max-bytes", closed: 1 });
  });

  it("stops nothing when there is nothing, however low it is", async () => {
    expect(await passing({ maxBytes: 0 })).toEqual({ sizes: [], ...whole });
  });
});

describe("limit by maxPackets", () => {
  it("keeps as many, and says so when there was one more", async () => {
    expect(await passing({ maxPackets: 2 }, [1, 2, 3])).toEqual({
      sizes: [1, 2],
      stoppedBy: "max-packets",
      closed: 1,
    });
    expect(await passing({ maxPackets: 2 }, [1, 2], [3])).toEqual({
      sizes: [1, 2],
      stoppedBy: "max-packets",
      closed: 1,
    });
  });

  it("stops nothing when there are exactly as many", async () => {
    expect(await passing({ maxPackets: 2 }, [1], [2])).toEqual({ sizes: [1, 2], ...whole });
  });

  it("may be 0", async () => {
    expect(await passing({ maxPackets: 0 }, [1])).toEqual({ sizes: [], stoppedBy: "max-packets", closed: 1 });
    expect(await passing({ maxPackets: 0 })).toEqual({ sizes: [], ...whole });
  });
});

describe("limit", () => {
  it("names the limit that was reached first", async () => {
    expect(await passing({ maxPackets: 2, maxBytes: 1000 }, [1, 2, 3])).toMatchObject({
      stoppedBy: "max-packets",
    });
    expect(await passing({ maxPackets: 3, maxBytes: 24 + 17 + 18 }, [1, 2, 3])).toMatchObject({
      stoppedBy: "max-bytes",
    });
  });

  it("passes everything without limits", async () => {
    expect(await passing({}, [1, 2], [3])).toEqual({ sizes: [1, 2, 3], ...whole });
  });

  it.each([{ maxBytes: -1 }, { maxPackets: -1 }, { maxBytes: Number.NaN }, { maxPackets: Number.NaN }])(
    "refuses $maxBytes $maxPackets",
    (limits) => {
      expect(() => limit(limits)).toThrow(RangeError);
    },
  );

  it("works without a verdict to fill in", async () => {
    const { batches } = batchesOf(writer, [
      { timestampNs: 0n, size: 1 },
      { timestampNs: 0n, size: 2 },
    ]);
    expect(await collectRecords(limit({ maxPackets: 1 })(batches))).toHaveLength(1);
  });
});
