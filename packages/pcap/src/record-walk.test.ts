import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classic } from "../test-support/classic.js";
import { cutAt, waysToCut } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";
import { CaptureDecoder, CaptureError, RecordWalk } from "./index.js";

const three = [
  { seconds: 1, fraction: 5, data: counting(20) },
  { seconds: 0xffff_fffe, fraction: 999_999, data: new Uint8Array(0) },
  { seconds: 3, fraction: 0, data: counting(40) },
];

/** What a walk over the chunks tells, with the cuts that it names as places in the file; as parts of one memory, or each as its own. */
function walkOver(chunks: readonly Uint8Array[], inOneMemory = false) {
  const file = Buffer.concat(chunks);
  const told: (readonly unknown[])[] = [];
  const walk = new RecordWalk({
    fileHeader: ({ linkType }) => told.push(["header", linkType]),
    record: (...record) => told.push(record),
  });
  const cuts: number[] = [];
  let at = 0;
  let error: unknown;
  try {
    for (const chunk of chunks) {
      const firstEnd = inOneMemory ? walk.push(file, at, at + chunk.length) : walk.push(chunk);
      if (firstEnd !== undefined) cuts.push(inOneMemory ? firstEnd : at + firstEnd, walk.wholeBytes);
      at += chunk.length;
    }
  } catch (thrown) {
    error = thrown;
  }
  return { told, cuts, error, wholeBytes: walk.wholeBytes };
}

describe.each(["little", "big"] as const)("a walk over a %s-endian pcap", (byteOrder) => {
  const file = classic(three, { byteOrder, magic: 0xa1b2c3d4, network: 113 });
  const ends = [24, 24 + 36, 24 + 36 + 16, file.length];

  it.each(waysToCut(file))("tells the same records, $name", ({ chunks }) => {
    const { told, cuts, error, wholeBytes } = walkOver(chunks);
    expect(error).toBeUndefined();
    expect(told).toEqual([
      ["header", 113],
      [1, 5000, ends[1]],
      [0xffff_fffe, 999_999_000, ends[2]],
      [3, 0, ends[3]],
    ]);
    expect(wholeBytes).toBe(file.length);
    for (const cut of cuts) expect(ends).toContain(cut);
    expect(walkOver(chunks, true)).toEqual({ told, cuts, error, wholeBytes });
  });

  it("names the first cut of a chunk, and the last", () => {
    const walk = new RecordWalk({ fileHeader: () => {}, record: () => {} });
    expect(walk.push(file.subarray(0, 70))).toBe(24);
    expect(walk.wholeBytes).toBe(60);
    expect(walk.push(file.subarray(70, 80))).toBe(6);
    expect(walk.wholeBytes).toBe(76);
    expect(walk.push(file.subarray(80, 90))).toBeUndefined();
  });
});

describe("a walk", () => {
  it("refuses pcapng, which other decoders take", () => {
    const { error } = walkOver([new Uint8Array(28).fill(10, 0, 1).fill(13, 1, 3).fill(10, 3, 4)]);
    expect(error).toMatchObject({ kind: "unsupported", message: "it is pcapng, not classic pcap" });
  });

  it("goes where the decoder goes, and fails where it fails, whatever the bytes and the cuts", () => {
    const file = classic(three, { byteOrder: "little", magic: 0xa1b23c4d });
    const mutations = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 3 });
    const places = fc.array(fc.nat(file.length), { maxLength: 5 });
    fc.assert(
      fc.property(mutations, places, (changes, cuts) => {
        const changed = file.slice();
        for (const [at, value] of changes) changed[at] = value;
        const chunks = cutAt(changed, ...cuts.sort((a, b) => a - b));
        const decoder = new CaptureDecoder();
        let decoded = 0;
        let failure: unknown;
        try {
          for (const chunk of chunks) for (const { count } of decoder.push(chunk)) decoded += count;
        } catch (error) {
          failure = error;
        }
        const { told, error, wholeBytes } = walkOver(chunks);
        const problem = decoder.failure ?? failure;
        if (problem === undefined) expect(error).toBeUndefined();
        else expect(String(error)).toBe(String(problem));
        if (problem !== undefined) expect(error).toBeInstanceOf(CaptureError);
        const whole = told.filter(([, , end]) => typeof end === "number" && end <= wholeBytes);
        expect(whole.length).toBe(decoded);
      }),
      { numRuns: 500 },
    );
  });
});
