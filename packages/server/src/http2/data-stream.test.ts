import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataStream } from "./data-stream.js";
import { type FrameHead, FrameScanner } from "./frame-scanner.js";

/** A stream whose connection takes what the test takes. */
function streamAlone() {
  const gone = new AbortController();
  const calls: string[] = [];
  const carrier = { ready: () => void calls.push("ready"), forget: () => void calls.push("forget") };
  const leave = () => gone.abort(new Error("the client left"));
  const took = (bytes: number) => void calls.push(`took ${bytes}`);
  const stream = new DataStream(5, carrier, { signal: gone.signal, leave, took });
  return { stream, calls, leave };
}

/** The heads of the frames in what was written, and what they hold. */
function framesIn(writes: readonly Uint8Array[]): { heads: FrameHead[]; payload: Buffer } {
  const heads: FrameHead[] = [];
  const payload: Uint8Array[] = [];
  const scanner = new FrameScanner({
    begin: (head) => void heads.push(head),
    payload: (bytes, start, end) => void payload.push(bytes.slice(start, end)),
    end: () => {},
  });
  for (const write of writes) scanner.push(write);
  expect(scanner.isBetweenFrames).toBe(true);
  return { heads, payload: Buffer.concat(payload) };
}

const anyPieces = fc.array(
  fc.oneof(fc.nat(20), fc.constantFrom(0, 32_767, 32_768, 40_000, 100_000)).map((length) => {
    return Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 251);
  }),
  { maxLength: 8 },
);

describe("what is written", () => {
  it("leaves whole, in frames that are no longer than they may be, however much is taken at a time", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyPieces,
        fc.integer({ min: 1000, max: 90_000 }),
        fc.integer({ min: 500, max: 60_000 }),
        async (pieces, bytes, frameBytes) => {
          const { stream } = streamAlone();
          for (let round = 0; round < 2; round++) {
            const written = stream.write(pieces);
            const payload: Buffer[] = [];
            while (stream.left > 0) {
              const taken = framesIn(stream.takeFrames(Math.min(bytes, stream.left), frameBytes));
              for (const head of taken.heads) {
                expect(head).toMatchObject({ type: 0, flags: 0, streamId: 5 });
                expect(head.length).toBeGreaterThan(0);
                expect(head.length).toBeLessThanOrEqual(frameBytes);
              }
              payload.push(taken.payload);
            }
            stream.sent(0);
            await written;
            expect(Buffer.compare(Buffer.concat(payload), Buffer.concat(pieces))).toBe(0);
          }
        },
      ),
    );
  });

  it("is not copied where it is large", () => {
    const { stream } = streamAlone();
    const [small, large] = [new Uint8Array(100), new Uint8Array(100_000)];
    void stream.write([small, large, small]);
    const writes = stream.takeFrames(stream.left, 65_536);
    const same = writes.filter(({ buffer }) => buffer === large.buffer);
    expect(same.reduce((sum, { length }) => sum + length, 0)).toBe(large.length);
    expect(writes.some(({ buffer }) => buffer === small.buffer)).toBe(false);
  });

  it("asks the connection only where there is something, and is done when it has left", async () => {
    const { stream, calls } = streamAlone();
    await stream.write([]);
    await stream.write([new Uint8Array()]);
    expect(calls).toEqual([]);
    let isDone = false;
    const written = stream.write([new Uint8Array(3)]).then(() => {
      isDone = true;
    });
    stream.takeFrames(3, 100);
    await new Promise((resolve) => setImmediate(resolve));
    expect([calls, isDone]).toEqual([["ready"], false]);
    stream.sent(3);
    await written;
  });

  it("tells of each part that has left", async () => {
    const { stream, calls } = streamAlone();
    const written = stream.write([new Uint8Array(10)]);
    for (const bytes of [2, 5, 3]) {
      stream.takeFrames(bytes, 100);
      stream.sent(bytes);
    }
    await written;
    expect(calls).toEqual(["ready", "took 2", "took 5", "took 3"]);
    stream.end();
    stream.sent(1);
    expect(calls.slice(4)).toEqual(["forget"]);
  });

  it("is rejected with the reason when the reader leaves, also later on", async () => {
    const { stream, calls, leave } = streamAlone();
    const written = stream.write([new Uint8Array(3)]);
    leave();
    await expect(written).rejects.toThrow("the client left");
    await expect(stream.write([new Uint8Array(3)])).rejects.toThrow("the client left");
    expect([calls, stream.left]).toEqual([["ready", "forget"], 0]);
  });

  it("is rejected when the stream ends, whoever ended it", async () => {
    const { stream, calls } = streamAlone();
    const written = stream.write([new Uint8Array(3)]);
    stream.end();
    stream.end();
    await expect(written).rejects.toThrow("the client left");
    await expect(stream.write([new Uint8Array(3)])).rejects.toThrow("the client left");
    expect([calls, stream.left]).toEqual([["ready", "forget"], 0]);
  });
});
