import { describe, expect, it } from "vitest";
import { classic, classicRecord } from "../test-support/classic.js";
import { cutAt, decodeAll, waysToCut } from "../test-support/feed.js";
import { concat, counting, hex, layout, u32 } from "../test-support/layout.js";
import { CaptureDecoder, type CutTail } from "./capture-decoder.js";
import { CaptureError } from "./capture-error.js";

const two = [
  { seconds: 1_700_000_000, fraction: 5, data: counting(60) },
  { seconds: 0xffff_fffe, fraction: 999_999, data: counting(3, 100), originalLength: 1500 },
];

/** Sizes of the records that came, which is enough where their content is not the point. */
function sizes(chunks: readonly Uint8Array[], options?: ConstructorParameters<typeof CaptureDecoder>[0]) {
  const { records, error } = decodeAll(chunks, options);
  return { sizes: records.map(({ data }) => data.length), error };
}

describe.each([
  { byteOrder: "little", magic: 0xa1b2c3d4, resolution: "microseconds", unit: 1000n },
  { byteOrder: "big", magic: 0xa1b2c3d4, resolution: "microseconds", unit: 1000n },
  { byteOrder: "little", magic: 0xa1b23c4d, resolution: "nanoseconds", unit: 1n },
  { byteOrder: "big", magic: 0xa1b23c4d, resolution: "nanoseconds", unit: 1n },
] as const)(
  "a classic pcap, $byteOrder-endian with $resolution",
  ({ byteOrder, magic, resolution, unit }) => {
    const file = classic(two, { byteOrder, magic, snaplen: 96, network: 113 });

    it.each(waysToCut(file))("gives the same records, $name", ({ chunks }) => {
      expect(decodeAll(chunks)).toEqual({
        header: { byteOrder, resolution, snaplen: 96, linkType: 113 },
        records: [
          {
            timestampNs: 1_700_000_000_000_000_000n + 5n * unit,
            capturedLength: 60,
            originalLength: 60,
            linkType: 113,
            data: counting(60),
          },
          {
            timestampNs: 4_294_967_294_000_000_000n + 999_999n * unit,
            capturedLength: 3,
            originalLength: 1500,
            linkType: 113,
            data: counting(3, 100),
          },
        ],
        error: undefined,
      });
    });
  },
);

describe("where records lie", () => {
  const file = classic([
    { seconds: 1, fraction: 0, data: counting(20) },
    { seconds: 2, fraction: 0, data: counting(30) },
    { seconds: 3, fraction: 0, data: counting(40) },
  ]);

  it("leaves whole records in the chunk and puts only the straddling one elsewhere", () => {
    const [first, second] = cutAt(file, 24 + 36 + 10) as [Uint8Array, Uint8Array];
    const decoder = new CaptureDecoder();
    const before = decoder.push(first);
    expect(before.map((batch) => batch.bytes.buffer)).toEqual([first.buffer]);
    const after = decoder.push(second);
    expect(after.map((batch) => batch.count)).toEqual([1, 1]);
    expect(after[0]?.bytes.buffer).not.toBe(second.buffer);
    expect(after[1]?.bytes.buffer).toBe(second.buffer);
  });

  it("keeps the straddling record apart from the tail that the same chunk leaves", () => {
    const chunks = cutAt(file, 24 + 10, 24 + 36 + 46 + 20);
    const decoder = new CaptureDecoder();
    expect(decoder.push(chunks[0] as Uint8Array)).toEqual([]);
    const batches = decoder.push(chunks[1] as Uint8Array);
    // Looked at only now: the tail of the third record is already collected.
    const straddling = batches[0];
    expect(straddling?.bytes.subarray(16, 36)).toEqual(counting(20));
    expect(batches[1]?.count).toBe(1);
  });

  it("gives plain Uint8Arrays for a Buffer, over the same memory", () => {
    const buffer = Buffer.from(file);
    const [batch] = new CaptureDecoder().push(buffer);
    expect(batch?.bytes.constructor).toBe(Uint8Array);
    expect(batch?.bytes.buffer).toBe(buffer.buffer);
    expect(batch?.bytes.byteOffset).toBe(buffer.byteOffset);
  });

  it("takes more records from one chunk than it had room for before", () => {
    const many = classic(
      Array.from({ length: 3000 }, (_, i) => ({ seconds: i, fraction: 0, data: new Uint8Array(0) })),
    );
    const { records, error } = decodeAll([many]);
    expect(error).toBeUndefined();
    expect(records.map(({ timestampNs }) => timestampNs)).toEqual(
      Array.from({ length: 3000 }, (_, i) => BigInt(i) * 1_000_000_000n),
    );
  });

  it("takes empty chunks, and a packet without a byte", () => {
    const empty = classic([{ seconds: 1, fraction: 2, data: new Uint8Array(0), originalLength: 64 }]);
    const nothing = new Uint8Array(0);
    expect(decodeAll([nothing, empty.subarray(0, 30), nothing, empty.subarray(30), nothing])).toMatchObject({
      records: [{ timestampNs: 1_000_002_000n, capturedLength: 0, originalLength: 64 }],
      error: undefined,
    });
  });
});

describe("a stream that ends early", () => {
  const file = classic(two);
  // 24 bytes of file header, 76 of the first record, 19 of the second.
  const cuts = Array.from({ length: file.length }, (_, length) => length).filter(
    (length) => ![24, 100].includes(length),
  );

  it.each(cuts)("gives whole records and then the error, cut to %i bytes", (length) => {
    const cut = file.slice(0, length);
    const expected = expectedForCut(length);
    for (const { name, chunks } of waysToCut(cut).slice(0, 2))
      expect({ name, ...sizes(chunks) }).toEqual({ name, ...expected });
  });

  function expectedForCut(length: number) {
    if (length === 0)
      return { sizes: [], error: error("empty", 0, "empty capture: the stream ended before its first byte") };
    if (length < 24)
      return {
        sizes: [],
        error: error(
          "truncated",
          0,
          `truncated file header at byte 0: needs 24 bytes, stream ended after ${length}`,
        ),
      };
    const start = length < 100 ? 24 : 100;
    const have = length - start;
    const need = have < 16 ? 16 : start === 24 ? 76 : 19;
    return {
      sizes: start === 24 ? [] : [60],
      error: error(
        "truncated",
        start,
        `truncated record at byte ${start}: needs ${need} bytes, stream ended after ${have}`,
      ),
    };
  }

  it("is no error at a record's end", () => {
    expect(sizes([file.slice(0, 24)])).toEqual({ sizes: [], error: undefined });
    expect(sizes([file.slice(0, 100)])).toEqual({ sizes: [60], error: undefined });
  });

  it.each([
    [30, { byteOffset: 24, have: 6, need: 16 }],
    [41, { byteOffset: 24, have: 17, need: 76 }],
    [118, { byteOffset: 100, have: 18, need: 19 }],
  ])("goes to onCutTail when somebody takes it, cut to %i bytes", (length, tail) => {
    const tails: CutTail[] = [];
    const { error } = sizes([file.slice(0, length)], { onCutTail: (cut) => tails.push(cut) });
    expect({ error, tails }).toEqual({ error: undefined, tails: [tail] });
  });

  it("does not report a cut tail where there is none", () => {
    const tails: CutTail[] = [];
    expect(sizes([file], { onCutTail: (cut) => tails.push(cut) }).error).toBeUndefined();
    expect(tails).toEqual([]);
  });

  it("is an error without a file header, whoever listens", () => {
    const onCutTail = () => expect.unreachable();
    expect(sizes([file.slice(0, 20)], { onCutTail }).error).toMatchObject({ kind: "truncated" });
    expect(sizes([], { onCutTail }).error).toMatchObject({ kind: "empty" });
  });
});

describe("damage", () => {
  const hostile = concat(
    classic(two.slice(0, 1)),
    layout("little", u32(1), u32(2), u32(0xffff_ffff), u32(60)),
    counting(200),
  );

  it.each(waysToCut(hostile))(
    "is named with packet and byte after the records before it, $name",
    ({ chunks }) => {
      expect(sizes(chunks)).toEqual({
        sizes: [60],
        error: error(
          "corrupt",
          100,
          "corrupt record at byte 100: capture length 4294967295 of packet 2 is over 262144",
        ),
      });
    },
  );

  it("is thrown again by every later push and end", () => {
    const decoder = new CaptureDecoder();
    expect(decoder.push(hostile)).toHaveLength(1);
    expect(decoder.failure).toMatchObject({ kind: "corrupt", byteOffset: 100 });
    expect(() => decoder.push(counting(1))).toThrow(decoder.failure);
    expect(() => decoder.end()).toThrow(decoder.failure);
  });

  it("counts packets over chunks and carried records", () => {
    const bytes = concat(
      classic([...two, ...two]),
      classicRecord({ seconds: 0, fraction: 0, data: counting(9), capturedLength: 300_000 }),
    );
    expect(sizes(cutAt(bytes, 40, 110)).error).toMatchObject({
      message: `corrupt record at byte 214: capture length 300000 of packet 5 is over 262144`,
    });
  });

  it("starts over the ceiling that the caller sets, not at it", () => {
    const file = classic([
      { seconds: 0, fraction: 0, data: counting(100) },
      { seconds: 0, fraction: 0, data: counting(101) },
    ]);
    expect(sizes([file], { maxCapturedLength: 100 })).toMatchObject({
      sizes: [100],
      error: { kind: "corrupt" },
    });
    expect(sizes([file], { maxCapturedLength: 101 })).toMatchObject({ sizes: [100, 101], error: undefined });
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 31])("refuses %d as a ceiling", (maxCapturedLength) => {
    expect(() => new CaptureDecoder({ maxCapturedLength })).toThrow(RangeError);
  });

  it("allocates for a record what has come of it, not what it says it will have", () => {
    const before = process.memoryUsage().arrayBuffers;
    const record = layout("little", u32(0), u32(0), u32(2 ** 30), u32(2 ** 30));
    const decoder = new CaptureDecoder({ maxCapturedLength: 2 ** 30 });
    decoder.push(concat(classic([]), record));
    for (let i = 0; i < 10; i++) decoder.push(counting(1000));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    expect(() => decoder.end()).toThrow("needs 1073741840 bytes, stream ended after 10016");
  });
});

describe("what is no capture", () => {
  it.each([
    [
      "text",
      hex("74 68 69 73 20 69 73"),
      "not a capture: it starts with 74 68 69 73 (neither pcap nor pcapng)",
    ],
    ["gzip", hex("1f 8b 08 00 00"), "not a capture: it starts with 1f 8b 08 00 (gzip; decompress it first)"],
  ])("is refused by its first bytes: %s", (_name, bytes, message) => {
    for (const { chunks } of waysToCut(bytes))
      expect(sizes(chunks)).toEqual({ sizes: [], error: error("unknown-format", 0, message) });
  });
});

it("refuses bytes after the end", () => {
  const decoder = new CaptureDecoder();
  decoder.push(classic([]));
  decoder.end();
  decoder.end();
  expect(() => decoder.push(counting(1))).toThrow("push() after end()");
});

function error(kind: CaptureError["kind"], byteOffset: number, message: string): CaptureError {
  return new CaptureError(kind, byteOffset, message);
}
