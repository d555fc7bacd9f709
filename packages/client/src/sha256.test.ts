import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSha256 } from "./sha256.js";

const expected = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("createSha256", () => {
  it("gives the digests of FIPS 180-4's own examples", () => {
    const abc = createSha256();
    abc.update(new TextEncoder().encode("abc"));
    expect(abc.hex()).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(createSha256().hex()).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  it("agrees with node:crypto for every length around the block and padding boundaries", () => {
    for (let length = 0; length <= 260; length++) {
      const bytes = new Uint8Array(randomBytes(length));
      const hash = createSha256();
      hash.update(bytes);
      expect(hash.hex(), `length ${length}`).toBe(expected(bytes));
    }
  });

  it("agrees with node:crypto however the bytes are cut", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const hash = createSha256();
        for (const part of parts) hash.update(part);
        expect(hash.hex()).toBe(expected(Buffer.concat(parts)));
      }),
    );
  });

  it("takes a view into a larger buffer for what it is", () => {
    const buffer = new Uint8Array(randomBytes(500));
    const hash = createSha256();
    hash.update(buffer.subarray(3, 400));
    expect(hash.hex()).toBe(expected(buffer.subarray(3, 400)));
  });

  it("agrees with node:crypto over some megabytes", () => {
    const bytes = new Uint8Array(randomBytes(3_000_001));
    const hash = createSha256();
    for (let at = 0; at < bytes.length; at += 70_001) hash.update(bytes.subarray(at, at + 70_001));
    expect(hash.hex()).toBe(expected(bytes));
  });
});
