import { describe, expect, it } from "vitest";
import { batchesOf, recordOf, type TestPacket } from "../test-support/batches.js";
import { collect } from "../test-support/feed.js";
import { concat } from "../test-support/layout.js";
import { type CaptureHeader, chunked, match, PcapWriter, pipe } from "./index.js";

const header: CaptureHeader = { byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 };
const writer = new PcapWriter(header);
const packet = (size: number): TestPacket => ({ timestampNs: 0n, size });

async function chunksOf(maxChunkBytes: number, ...sizes: readonly (readonly number[])[]) {
  const { batches } = batchesOf(writer, ...sizes.map((batch) => batch.map(packet)));
  return collect(chunked(header, maxChunkBytes)(batches));
}

const bytesOf = (...sizes: readonly number[]) =>
  concat(...sizes.map((size) => recordOf(writer, packet(size))));

describe("chunked", () => {
  it("cuts between records, and fills each chunk as far as they fit", async () => {
    // Records of 26 bytes: one beside the header in 50, one more would be 76.
    const chunks = await chunksOf(60, [10, 10], [10, 10, 10]);
    expect(chunks).toEqual([concat(writer.header(), bytesOf(10)), bytesOf(10, 10), bytesOf(10, 10)]);
  });

  it("takes a record that exactly fills a chunk", async () => {
    expect(await chunksOf(50, [10, 34])).toEqual([concat(writer.header(), bytesOf(10)), bytesOf(34)]);
  });

  it("sends the header alone when there is no record", async () => {
    expect(await chunksOf(1000)).toEqual([writer.header()]);
  });

  it("sends a record larger than the bound whole, in a chunk of its own", async () => {
    expect(await chunksOf(40, [1, 500, 1])).toEqual([writer.header(), bytesOf(1), bytesOf(500), bytesOf(1)]);
  });

  it("works with a bound that not even the header fits", async () => {
    expect(await chunksOf(1, [3, 4])).toEqual([writer.header(), bytesOf(3), bytesOf(4)]);
  });

  it("puts together what stages left of a batch", async () => {
    const sizes = [100, 101, 5, 102, 103, 104, 6, 7, 105];
    const { batches } = batchesOf(writer, sizes.map(packet));
    const chunks = await collect(
      pipe(
        batches,
        match((_bytes, _at, length) => length >= 100),
        chunked(header, 10_000),
      ),
    );
    expect(chunks).toEqual([concat(writer.header(), bytesOf(100, 101, 102, 103, 104, 105))]);
  });

  it("gives chunks that stay as they are, each with memory of its own", async () => {
    const chunks = await chunksOf(200_000, ...Array.from({ length: 300 }, () => [3000, 20]));
    const all = concat(writer.header(), ...Array.from({ length: 300 }, () => bytesOf(3000, 20)));
    // Not toEqual: it compares a megabyte element by element.
    expect(Buffer.compare(concat(...chunks), all)).toBe(0);
    expect(chunks.length).toBe(5);
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(5);
  });

  it("does not keep a large buffer alive for a small rest", async () => {
    const chunks = await chunksOf(2 ** 20, [10]);
    expect(chunks.map((chunk) => chunk.buffer.byteLength)).toEqual([50]);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %d as a bound", (maxChunkBytes) => {
    expect(() => chunked(header, maxChunkBytes)).toThrow(RangeError);
  });

  it("refuses records that are not in the format of its header", async () => {
    const { batches } = batchesOf(writer, [packet(1)]);
    const stage = chunked({ ...header, byteOrder: "big" }, 1000);
    await expect(collect(stage(batches))).rejects.toThrow("put conformTo() before");
  });
});
