import { describe, expect, it } from "vitest";
import { classic } from "../test-support/classic.js";
import { collectRecords, cutAt, streamOf, waysToCut } from "../test-support/feed.js";
import { concat, counting, hex, layout, u32 } from "../test-support/layout.js";
import { blocks } from "../test-support/pcapng.js";
import { type CutTail, decodeCapture, type RecordBatch } from "./index.js";

const packet = { seconds: 1, fraction: 0, data: counting(20) };
const file = classic([packet, packet, packet]);

/** What came before the error, and the error. */
async function readAll(batches: AsyncIterable<RecordBatch>) {
  let packets = 0;
  try {
    for await (const batch of batches) packets += batch.count;
  } catch (error) {
    return { packets, error };
  }
  return { packets, error: undefined };
}

describe("decodeCapture", () => {
  it("resolves with the header as soon as it is there, before the first packet", async () => {
    const { stream, seen } = streamOf(cutAt(file, 10, 24, 60));
    const capture = await decodeCapture(stream);
    expect(capture.header).toMatchObject({ linkType: 1 });
    expect(seen.pulls).toBe(2);
    expect(await collectRecords(capture.batches)).toHaveLength(3);
  });

  it("does not pull while records of the chunk before are untaken", async () => {
    const { stream, seen } = streamOf(cutAt(file, 24 + 36, 24 + 36 + 18));
    const iterator = (await decodeCapture(stream)).batches[Symbol.asyncIterator]();
    await iterator.next();
    expect(seen.pulls).toBe(1);
    await iterator.next(); // the straddling record, completed by the third chunk
    expect(seen.pulls).toBe(3);
    await iterator.next(); // the third record, of the same chunk
    expect(seen.pulls).toBe(3);
  });

  it.each(waysToCut(file))("reads chunks whose memory is reused, $name", async ({ chunks }) => {
    const { batches } = await decodeCapture(streamOf(chunks).stream);
    const records = await collectRecords(batches);
    expect(records.map(({ data }) => data)).toEqual([counting(20), counting(20), counting(20)]);
  });

  it("gives pcapng the header of its first packet's interface, and without packets that of its first interface", async () => {
    const { section, interface: description, enhanced } = blocks();
    const front = [section(), description(101), description(1)];
    const used = await decodeCapture(streamOf([...front, enhanced(1, 1n, counting(4))]).stream);
    expect(used.header.linkType).toBe(1);
    expect(await readAll(used.batches)).toEqual({ packets: 1, error: undefined });
    const unused = await decodeCapture(streamOf(front).stream);
    expect(unused.header.linkType).toBe(101);
    expect(await readAll(unused.batches)).toEqual({ packets: 0, error: undefined });
  });

  it("may be iterated in two goes", async () => {
    const capture = await decodeCapture(streamOf(cutAt(file, 60)).stream);
    const iterator = capture.batches[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ count: 1 });
    expect(await readAll(capture.batches)).toEqual({ packets: 2, error: undefined });
  });
});

describe("what is no capture", () => {
  it.each([
    ["empty", [], "empty", 0],
    ["text", [hex("68 65 6c 6c 6f")], "unknown-format", 1],
    ["half a header", [file.slice(0, 12)], "truncated", 0],
    ["a pcapng without an interface", [blocks().section()], "empty", 0],
  ] as const)("rejects, and closes a stream that has not ended: %s", async (_name, chunks, kind, closed) => {
    const { stream, seen } = streamOf(chunks);
    await expect(decodeCapture(stream)).rejects.toMatchObject({ name: "CaptureError", kind });
    expect(seen.closed).toBe(closed);
  });

  it("rejects with the stream's own error", async () => {
    const broken: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("read failed")) }),
    };
    await expect(decodeCapture(broken)).rejects.toThrow("read failed");
  });

  it("is reported even if closing the stream fails as well", async () => {
    const stuck: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: hex("68 65 6c 6c 6f") }),
        return: () => Promise.reject(new Error("cannot close")),
      }),
    };
    await expect(decodeCapture(stuck)).rejects.toMatchObject({ kind: "unknown-format" });
  });
});

describe("damage", () => {
  const corrupt = concat(file, layout("little", u32(0), u32(0), u32(0x7fff_ffff), u32(0)));

  it("is reported at once when the records before it are taken, and the stream is closed", async () => {
    // A live stream that stands still after the damage: nothing more may be waited for.
    let closed = 0;
    let pulls = 0;
    const live: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          pulls++ === 0 ? Promise.resolve({ done: false, value: corrupt }) : new Promise<never>(() => {}),
        return: async () => {
          closed++;
          return { done: true, value: undefined };
        },
      }),
    };
    const capture = await decodeCapture(live);
    expect(await readAll(capture.batches)).toMatchObject({
      packets: 3,
      error: { kind: "corrupt", byteOffset: 132 },
    });
    expect({ pulls, closed }).toEqual({ pulls: 1, closed: 1 });
  });

  it("at the end is reported after the records before it", async () => {
    const { stream } = streamOf([file.slice(0, -1)]);
    const capture = await decodeCapture(stream);
    expect(await readAll(capture.batches)).toMatchObject({
      packets: 2,
      error: { message: "truncated record at byte 96: needs 36 bytes, stream ended after 35" },
    });
  });

  it("at the end goes to onCutTail instead", async () => {
    const tails: CutTail[] = [];
    const capture = await decodeCapture(streamOf([file.slice(0, -1)]).stream, {
      onCutTail: (tail) => tails.push(tail),
    });
    expect(await readAll(capture.batches)).toEqual({ packets: 2, error: undefined });
    expect(tails).toEqual([{ byteOffset: 96, have: 35, need: 36 }]);
  });

  it("of the stream itself comes after the records before it", async () => {
    async function* broken() {
      yield file.slice(0, 100);
      throw new Error("connection lost");
    }
    const capture = await decodeCapture(broken());
    expect(await readAll(capture.batches)).toMatchObject({
      packets: 2,
      error: { message: "connection lost" },
    });
  });
});
