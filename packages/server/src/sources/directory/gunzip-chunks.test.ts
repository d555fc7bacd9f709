import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { GzipDamageError, gunzipChunks } from "./gunzip-chunks.js";
import { OpenFiles } from "./open-files.js";

/** 300 kB that hardly compress, so that both sides take many chunks. */
const plain = Buffer.from(Array.from({ length: 300_000 }, (_, i) => scramble(i)));

function scramble(i: number): number {
  const mixed = Math.imul(i ^ (i >>> 7), 0x85eb_ca6b);
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35) >>> 24;
}

async function* split(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function gunzip(compressed: Uint8Array, chunkBytes = 10_000) {
  const output: Uint8Array[] = [];
  let isCut = false;
  let error: unknown;
  const files = new OpenFiles(new AbortController().signal);
  try {
    const chunks = gunzipChunks(split(compressed, chunkBytes), files, () => {
      isCut = true;
    });
    for await (const chunk of chunks) output.push(chunk);
  } catch (caught) {
    error = caught;
  }
  return { bytes: Buffer.concat(output), isCut, error };
}

describe("gunzipChunks", () => {
  it.each([1, 1000, 65_536, 1_000_000])("gives the same bytes whole in chunks of %i", async (chunkBytes) => {
    const small = chunkBytes === 1 ? plain.subarray(0, 2000) : plain;
    expect(await gunzip(gzipSync(small), chunkBytes)).toEqual({
      bytes: small,
      isCut: false,
      error: undefined,
    });
  });

  it("reads one member after another, as gzip -c does", async () => {
    const members = Buffer.concat([gzipSync(plain.subarray(0, 1000)), gzipSync(plain.subarray(1000, 5000))]);
    expect(await gunzip(members, 100)).toEqual({
      bytes: plain.subarray(0, 5000),
      isCut: false,
      error: undefined,
    });
  });

  it("reports every cut, and gives all that was there", async () => {
    const small = plain.subarray(0, 200);
    const compressed = gzipSync(small, { level: 0 });
    const headerBytes = 10 + 5; // gzip header (RFC 1952), stored block header (RFC 1951)
    for (let length = 1; length < compressed.length; length++) {
      const { bytes, isCut, error } = await gunzip(compressed.subarray(0, length), 50);
      expect({ length, isCut, error }).toEqual({ length, isCut: true, error: undefined });
      expect(bytes).toEqual(small.subarray(0, Math.max(0, Math.min(small.length, length - headerBytes))));
    }
  });

  it("tells damage from a cut", async () => {
    const compressed = gzipSync(plain);
    compressed.fill(0xff, 100_000, 100_100);
    const { isCut, error } = await gunzip(compressed);
    expect({ isCut, error }).toEqual({ isCut: false, error: expect.any(GzipDamageError) });
  });

  it("sees a wrong checksum", async () => {
    const compressed = gzipSync(plain);
    compressed.writeUInt32LE(
      (compressed.readUInt32LE(compressed.length - 8) ^ 1) >>> 0,
      compressed.length - 8,
    );
    expect((await gunzip(compressed)).error).toBeInstanceOf(GzipDamageError);
  });

  it("ends with the signal's reason, also while it waits for input", async () => {
    const controller = new AbortController();
    const files = new OpenFiles(controller.signal);
    const reason = new Error("the client left");
    const chunks = gunzipChunks(split(gzipSync(plain), 10_000), files, () => {});
    await chunks.next();
    controller.abort(reason);
    await expect(chunks.next()).rejects.toBe(reason);
  });
});
