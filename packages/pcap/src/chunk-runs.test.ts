import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesOf, recordOf, type TestPacket } from "../test-support/batches.js";
import { concat } from "../test-support/layout.js";
import {
  type CaptureHeader,
  type ChunkRun,
  chunkRuns,
  match,
  PcapWriter,
  pipe,
  type RecordBatch,
} from "./index.js";

const header: CaptureHeader = { byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 };
const writer = new PcapWriter(header);
const packet = (size: number): TestPacket => ({ timestampNs: 0n, size });

interface CopiedRun {
  readonly chunks: readonly Uint8Array[];
  readonly memory: ArrayBufferLike;
}

async function runsOf(maxChunkBytes: number, sizes: readonly (readonly number[])[]): Promise<CopiedRun[]> {
  const { batches } = batchesOf(writer, ...sizes.map((batch) => batch.map(packet)));
  return copiesOf(chunkRuns(header, maxChunkBytes)(batches));
}

async function copiesOf(given: AsyncIterable<ChunkRun>): Promise<CopiedRun[]> {
  const runs: CopiedRun[] = [];
  for await (const { bytes, ends } of given) {
    expect(ends.at(-1)).toBe(bytes.length);
    runs.push({
      chunks: ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end)),
      memory: bytes.buffer,
    });
  }
  return runs;
}

function lengthsOf(runs: readonly CopiedRun[]): number[] {
  return runs.map(({ chunks }) => concat(...chunks).length);
}

/** Batches whose memory is written over when the next one is pulled. */
async function* overwritten(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) {
    yield batch;
    batch.bytes.fill(0xee);
  }
}

/** One chunk after the other, each record asked whether it fits. */
function naiveChunks(maxChunkBytes: number, sizes: readonly number[]): Uint8Array[] {
  const chunks = [[writer.header()]];
  let used = writer.header().length;
  for (const size of sizes) {
    const record = recordOf(writer, packet(size));
    if (used > 0 && used + record.length > maxChunkBytes) {
      chunks.push([]);
      used = 0;
    }
    chunks.at(-1)?.push(record);
    used += record.length;
  }
  return chunks.map((parts) => concat(...parts));
}

describe("chunkRuns", () => {
  it("gives the chunks that a batch holds together, and the one that it completes alone", async () => {
    const runs = await runsOf(60, [[10, 10, 10, 10, 10, 10], [10], [10], []]);
    expect(runs.map(({ chunks }) => chunks.map(({ length }) => length))).toEqual([
      [50],
      [52, 52],
      [52],
      [26],
    ]);
  });

  it("gives the same chunks as asking of each record whether it fits, whatever the batches are", async () => {
    const sizes = fc.array(fc.array(fc.oneof(fc.nat(40), fc.nat(5000)), { maxLength: 30 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(3000)),
        fc.constantFrom(5, 50, 9999),
        async (batches, bound, nth) => {
          const given = batchesOf(writer, ...batches.map((batch) => batch.map(packet)));
          const isKept = (size: number) => size % nth > 0;
          const kept = match((_bytes, _at, size) => isKept(size))(overwritten(given.batches));
          const runs = await copiesOf(chunkRuns(header, bound)(kept));
          const expected = naiveChunks(bound, batches.flat().filter(isKept));
          const chunks = runs.flatMap((run) => run.chunks);
          expect(chunks.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
          expect(Buffer.compare(concat(...chunks), concat(...expected))).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives no more than 512 KiB at once, no more than 256 where they are copied, and one large chunk alone", async () => {
    const sizes = Array.from({ length: 4 }, () => Array.from({ length: 600 }, () => 1000));
    const small = lengthsOf(await runsOf(2000, sizes));
    expect(Math.max(...small)).toBeLessThanOrEqual(512 * 1024);
    // Of a batch the chunk that was begun before, and twice 512 KiB at most; and the last chunk.
    expect(small.length).toBeLessThanOrEqual(3 * sizes.length + 1);

    const { batches } = batchesOf(writer, ...sizes.map((batch) => batch.map(packet)));
    let seen = 0;
    const withGaps = pipe(
      batches,
      match(() => ++seen % 10 > 0),
      chunkRuns(header, 2000),
    );
    expect(Math.max(...lengthsOf(await copiesOf(withGaps)))).toBeLessThanOrEqual(256 * 1024);

    const large = await runsOf(400_000, sizes);
    expect(large.map(({ chunks }) => chunks.length)).toEqual(large.map(() => 1));
  });

  it("leaves more than 256 KiB where they are, and what comes behind a gap for the next run", async () => {
    const sizes = Array.from({ length: 600 }, () => 1000);
    const { batches } = batchesOf(writer, sizes.map(packet));
    let seen = 0;
    const withGap = pipe(
      batches,
      match(() => ++seen !== 400),
      chunkRuns(header, 10_160), // ten records
    );
    const [first, second, third] = await copiesOf(withGap);
    expect([first, second, third].map((run) => run?.chunks.length)).toEqual([1, 38, 1]);
    expect(second?.memory).not.toBe(first?.memory);
    expect(third?.memory).toBe(first?.memory);
  });

  it("leaves chunks where they are that lie in a batch in one piece, and has one memory for all others", async () => {
    const sizes = Array.from({ length: 3 }, () => Array.from({ length: 30 }, () => 1000));
    const given = new Set<ArrayBufferLike>();
    const { batches } = batchesOf(writer, ...sizes.map((batch) => batch.map(packet)));
    async function* noted(): AsyncGenerator<RecordBatch> {
      for await (const batch of batches) {
        given.add(batch.bytes.buffer);
        yield batch;
      }
    }
    const runs = await copiesOf(chunkRuns(header, 10_160)(noted())); // ten records
    const copied = runs.filter(({ memory }) => !given.has(memory));
    expect(new Set(copied.map(({ memory }) => memory)).size).toBe(1);
    expect(runs.map((run) => (copied.includes(run) ? "copied" : run.chunks.length))).toEqual([
      "copied", // with the file header in it, which shifts all that follow
      2,
      "copied", // begun in the first batch
      2,
      "copied",
      2,
      "copied", // the last record
    ]);
  });

  it("gives a record larger than that whole", async () => {
    const runs = await runsOf(100, [[10, 262_144, 10]]);
    expect(runs.flatMap(({ chunks }) => chunks.map(({ length }) => length))).toEqual([50, 262_160, 26]);
  });

  it("puts together what stages left of a batch", async () => {
    const sizes = [100, 101, 5, 102, 103, 104, 6, 7, 105];
    const { batches } = batchesOf(writer, sizes.map(packet));
    const kept = pipe(
      batches,
      match((_bytes, _at, length) => length >= 100),
      chunkRuns(header, 10_000),
    );
    for await (const { bytes } of kept)
      expect(bytes).toEqual(
        concat(
          writer.header(),
          ...sizes.filter((size) => size >= 100).map((size) => recordOf(writer, packet(size))),
        ),
      );
  });
});
