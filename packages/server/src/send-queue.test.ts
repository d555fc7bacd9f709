import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SendQueue } from "./send-queue.js";

/** A stream that keeps what is written, each write apart, and is done with a write when told. */
function slowStream() {
  const writes: string[] = [];
  const pending: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      pending.push(done);
    },
  });
  return { stream, writes, finishWrite: () => pending.shift()?.() };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const large = "L".repeat(20_000);

describe("SendQueue", () => {
  it("gathers small messages of one turn, and writes them at its end", async () => {
    const { stream, writes } = slowStream();
    const queue = new SendQueue(stream, new AbortController().signal);
    for (const name of ["a", "b", "c"]) expect(queue.send(bytes(`${name}:`), bytes("1;"))).toBeUndefined();
    expect(writes).toEqual([]);
    await nextTurn();
    expect(writes).toEqual(["a:1;b:1;c:1;"]);
  });

  it("copies small messages, whose memory may be used again at once", async () => {
    const { stream, writes } = slowStream();
    const queue = new SendQueue(stream, new AbortController().signal);
    const payload = bytes("good");
    queue.send(bytes(""), payload);
    payload.fill(0);
    queue.flush();
    expect(writes).toEqual(["good"]);
  });

  it("keeps the order of small and large ones", async () => {
    const { stream, writes, finishWrite } = slowStream();
    const queue = new SendQueue(stream, new AbortController().signal);
    queue.send(bytes("a"), bytes("1"));
    const sent = queue.send(bytes("b"), bytes(large));
    expect(writes).toHaveLength(1);
    finishWrite();
    await sent;
    queue.send(bytes("c"), bytes("3"));
    queue.flush();
    expect(writes.join("")).toBe(`a1b${large}c3`);
  });

  it("lets its sender wait until a message has gone, and gathers 64 KiB of small ones before it writes", async () => {
    const { stream, finishWrite } = slowStream();
    const queue = new SendQueue(stream, new AbortController().signal);
    const first = queue.send(bytes("b"), bytes(large));
    expect(first).toBeInstanceOf(Promise);
    finishWrite();
    await first;
    let waiting: Promise<void> | undefined;
    let small = 0;
    for (; waiting === undefined; small++) waiting = queue.send(bytes("s"), new Uint8Array(1000));
    expect(small).toBe(Math.floor(65_536 / 1001) + 1);
    finishWrite();
    await waiting;
  });

  it("has one write under way at a time, and says when a piece may be used again", async () => {
    const { stream, writes, finishWrite } = slowStream();
    const queue = new SendQueue(stream, new AbortController().signal);
    queue.send(bytes("a"), bytes("1"));
    await nextTurn();
    const payload = bytes(large);
    const sent = queue.send(bytes("b"), payload)?.then(() => payload.fill(0));
    await nextTurn();
    expect(writes).toEqual(["a1"]);
    finishWrite();
    await nextTurn();
    expect(writes).toEqual(["a1", `b${large}`]);
    finishWrite();
    await sent;
  });

  it("throws to its sender when the reader has left, also while it waits", async () => {
    const { stream } = slowStream();
    const gone = new AbortController();
    const queue = new SendQueue(stream, gone.signal);
    const waiting = queue.send(bytes("b"), bytes(large));
    gone.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    expect(() => queue.send(bytes("c"), bytes("3"))).toThrow("left");
  });
});
