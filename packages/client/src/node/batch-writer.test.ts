import { describe, expect, it } from "vitest";
import { BatchWriter } from "./batch-writer.js";

function recordingSink() {
  const writes: Uint8Array[] = [];
  return { writes, writeFile: async (bytes: Uint8Array) => void writes.push(bytes.slice()) };
}

describe("BatchWriter", () => {
  it("gathers small pieces into few writes, and keeps their order and bytes", async () => {
    const sink = recordingSink();
    const writer = new BatchWriter(sink);
    const pieces = Array.from({ length: 1000 }, (_, i) => new Uint8Array(1000).fill(i));
    for (const piece of pieces) await writer.write(piece);
    await writer.flush();
    expect(Buffer.concat(sink.writes).equals(Buffer.concat(pieces))).toBe(true);
    expect(sink.writes).toHaveLength(4);
  });

  it("passes large pieces on as they are, after what was gathered", async () => {
    const sink = recordingSink();
    const writer = new BatchWriter(sink);
    await writer.write(new Uint8Array(10).fill(1));
    await writer.write(new Uint8Array(262_144).fill(2));
    await writer.write(new Uint8Array(10).fill(3));
    await writer.flush();
    expect(sink.writes.map((bytes) => [bytes.length, bytes[0]])).toEqual([
      [10, 1],
      [262_144, 2],
      [10, 3],
    ]);
  });

  it("writes nothing when there is nothing", async () => {
    const sink = recordingSink();
    await new BatchWriter(sink).flush();
    expect(sink.writes).toEqual([]);
  });

  it("gathers while one write is under way, and waits for it before the next", async () => {
    const releases: (() => void)[] = [];
    const writer = new BatchWriter({
      writeFile: () => new Promise<void>((resolve) => releases.push(resolve)),
    });
    await writer.write(new Uint8Array(262_143));
    await writer.write(new Uint8Array(262_143));
    let taken = false;
    const write = writer.write(new Uint8Array(10)).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([taken, releases.length]).toEqual([false, 1]);
    releases[0]?.();
    await write;
    expect(releases.length).toBe(2);
  });

  it.each([10, 262_143, 262_144, 300_000])(
    "does not read a piece of %i bytes again once it was taken",
    async (bytes) => {
      const written: Uint8Array[] = [];
      const writer = new BatchWriter({
        // As a disk does: later, from the memory it was given.
        writeFile: async (batch) => {
          await new Promise((resolve) => setImmediate(resolve));
          written.push(batch.slice());
        },
      });
      const piece = new Uint8Array(bytes);
      for (let i = 1; i <= 5; i++) {
        piece.fill(i);
        await writer.write(piece);
        piece.fill(0xee);
      }
      await writer.flush();
      const expected = Array.from({ length: 5 }, (_, i) => new Uint8Array(bytes).fill(i + 1));
      expect(Buffer.concat(written).equals(Buffer.concat(expected))).toBe(true);
    },
  );

  it("tells of a failed write with the next, and at the end at the latest", async () => {
    const failing = () => new BatchWriter({ writeFile: () => Promise.reject(new Error("disk full")) });
    const writer = failing();
    await writer.write(new Uint8Array(262_143));
    await writer.write(new Uint8Array(262_143));
    await expect(writer.write(new Uint8Array(10))).rejects.toThrow("disk full");
    await expect(failing().write(new Uint8Array(262_144))).rejects.toThrow("disk full");
    const last = failing();
    await last.write(new Uint8Array(10));
    await expect(last.flush()).rejects.toThrow("disk full");
  });
});
