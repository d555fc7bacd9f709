import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StreamWriter } from "./stream-writer.js";

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

describe("StreamWriter", () => {
  it("writes pieces together and at once", () => {
    const { stream, writes } = slowStream();
    const writer = new StreamWriter(stream, new AbortController().signal);
    void writer.write([bytes("a"), bytes("b"), bytes("c")]);
    expect(writes).toEqual(["abc"]);
  });

  it("says when all of them are written, and their memory is free again", async () => {
    const { stream, finishWrite } = slowStream();
    const writer = new StreamWriter(stream, new AbortController().signal);
    let written = false;
    const writing = writer.write([bytes("a"), bytes("b")]).then(() => {
      written = true;
    });
    await nextTurn();
    expect(written).toBe(false);
    finishWrite();
    await writing;
  });

  it("rejects when the reader has left, also while it waits", async () => {
    const { stream, writes } = slowStream();
    const gone = new AbortController();
    const writer = new StreamWriter(stream, gone.signal);
    const waiting = writer.write([bytes("a")]);
    gone.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await expect(writer.write([bytes("b")])).rejects.toThrow("left");
    expect(writes).toEqual(["a"]);
  });
});
