import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { collect, streamOf } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";
import { digest } from "./index.js";

it("digest passes every chunk, after the hash has seen it", async () => {
  const hash = createHash("sha256");
  const { stream } = streamOf([counting(10), counting(5)]);
  const sizes: number[] = [];
  for await (const chunk of digest(hash)(stream)) sizes.push(chunk.length);
  expect(sizes).toEqual([10, 5]);
  const expected = createHash("sha256").update(counting(10)).update(counting(5)).digest("hex");
  expect(hash.digest("hex")).toBe(expected);
});

it("digest of nothing updates nothing", async () => {
  const seen: Uint8Array[] = [];
  expect(await collect(digest({ update: (bytes) => seen.push(bytes) })(streamOf([]).stream))).toEqual([]);
  expect(seen).toEqual([]);
});
