import { describe, expect, it } from "vitest";
import { BlockTable } from "./packet-file.js";
import { TableCache } from "./table-cache.js";

const table = (blocks: number): BlockTable => new BlockTable(new Array<string>(blocks).fill("damaged"), 0);

describe("TableCache", () => {
  it("keeps 4096 files, and forgets the one that was not asked for longest", () => {
    const cache = new TableCache();
    const first = table(1);
    cache.set("first", first);
    for (let i = 1; i < 4096; i++) cache.set(`${i}`, table(1));
    expect(cache.get("first")).toBe(first);
    cache.set("one more", table(1));
    expect(cache.get("first")).toBe(first);
    expect(cache.get("1")).toBeUndefined();
    expect(cache.get("2")).toBeDefined();
  });

  it("keeps 131072 blocks in all, however they are spread over files", () => {
    const cache = new TableCache();
    for (let i = 0; i < 32; i++) cache.set(`${i}`, table(4096));
    expect(cache.get("0")).toBeDefined();
    cache.set("small", table(1));
    expect(cache.get("1")).toBeUndefined();
    cache.set("2", table(4096)); // again
    expect(cache.get("3")).toBeDefined();
  });
});
