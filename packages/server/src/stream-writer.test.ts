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

/** A writer whose reader stays, or leaves when told; and what it took. */
function writerTo(stream: Writable, gone = new AbortController()) {
  const parts: number[] = [];
  const took = (bytes: number) => void parts.push(bytes);
  return { writer: new StreamWriter(stream, { signal: gone.signal, took }), parts };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe("StreamWriter", () => {
  it("writes pieces together and at once", () => {
    const { stream, writes } = slowStream();
    const { writer } = writerTo(stream);
    void writer.write([bytes("a"), bytes("b"), bytes("c")]);
    expect(writes).toEqual(["abc"]);
  });

  it("says when all of them are written, and their memory is free again", async () => {
    const { stream, finishWrite } = slowStream();
    const { writer } = writerTo(stream);
    let written = false;
    const writing = writer.write([bytes("a"), bytes("b")]).then(() => {
      written = true;
    });
    await nextTurn();
    expect(written).toBe(false);
    finishWrite();
    await writing;
  });

  it("writes much of it in parts, and says when the reader has taken one", async () => {
    const written: Buffer[] = [];
    const stream = new Writable({
      writev(chunks, done) {
        written.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer))); // no strings are written
        setImmediate(done);
      },
    });
    const { writer, parts } = writerTo(stream);
    const run = [40, 262_144, 0, 40, 262_144, 600_000].map((length, i) => Buffer.alloc(length, i));
    await writer.write(run);
    const all = Buffer.concat(run);
    expect(Buffer.compare(Buffer.concat(written), all)).toBe(0);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThanOrEqual(272 * 1024);
    expect(written.length).toBe(Math.ceil(all.length / (272 * 1024)));
    expect(parts).toEqual(written.map(({ length }) => length));
  });

  it("rejects when the reader has left, also while it waits", async () => {
    const { stream, writes } = slowStream();
    const gone = new AbortController();
    const { writer } = writerTo(stream, gone);
    const waiting = writer.write([bytes("a")]);
    gone.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await expect(writer.write([bytes("b")])).rejects.toThrow("left");
    expect(writes).toEqual(["a"]);
  });
});
