import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectRecords } from "../test-support/feed.js";
import { PcapWriter, slice } from "./index.js";

const packet = (size: number) => ({ timestampNs: BigInt(size) * 1_000_000_000n + 7_000n, size });

describe.each(["little", "big"] as const)("slice on %s-endian records", (byteOrder) => {
  const writer = new PcapWriter({ byteOrder, resolution: "microseconds", snaplen: 0, linkType: 1 });

  it("cuts packets to what is kept of each, and leaves time and length on the wire as they were", async () => {
    const { batches } = batchesOf(writer, [packet(10), packet(20)], [packet(30)]);
    const cut = await collectRecords(slice((_bytes, _at, captured) => captured / 2 - 5)(batches));
    expect(
      cut.map(({ data, capturedLength, originalLength }) => [data.length, capturedLength, originalLength]),
    ).toEqual([
      [0, 0, 10],
      [5, 5, 20],
      [10, 10, 30],
    ]);
    expect(cut.map(({ timestampNs }) => timestampNs)).toEqual(
      [10, 20, 30].map((size) => packet(size).timestampNs),
    );
    expect(cut[2]?.data).toEqual(new Uint8Array(10).fill(30));
  });

  it("never makes a packet longer, and takes what is no number for nothing", async () => {
    const kept = [1000, -3, Number.NaN, 2.9];
    const { batches } = batchesOf(
      writer,
      kept.map(() => packet(10)),
    );
    let asked = 0;
    const cut = await collectRecords(slice(() => kept[asked++] as number)(batches)); // one for each packet
    expect(cut.map(({ capturedLength }) => capturedLength)).toEqual([10, 0, 0, 2]);
  });

  it("passes on no byte behind the cut, anywhere in its batches", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 6 }), { maxLength: 4 }),
        fc.nat(250),
        async (chunks, keep) => {
          const { batches } = batchesOf(writer, ...chunks.map((sizes) => sizes.map(packet)));
          const sizes = chunks.flat();
          let seen = 0;
          for await (const batch of slice(() => keep)(batches)) {
            const expected = sizes.slice(seen, seen + batch.count).map((size) => 16 + Math.min(size, keep));
            expect(batch.bytes.length).toBe(expected.reduce((sum, bytes) => sum + bytes, 0));
            seen += batch.count;
          }
          expect(seen).toBe(sizes.length);
        },
      ),
    );
  });
});
