import { describe, expect, it } from "vitest";
import { dropStrayBlocks } from "./block-sequence.js";
import type { BlockEntry } from "./packet-file.js";

/** What is left of blocks with these numbers; `undefined` is a block whose header can't be read. */
function kept(...numbers: (number | undefined)[]): (number | string)[] {
  const blocks: BlockEntry[] = numbers.map((sequence) =>
    sequence === undefined
      ? "damaged"
      : { sequence, packets: 1, firstOffset: 48, usedBytes: 200, firstUs: 1, lastUs: 2 },
  );
  dropStrayBlocks(blocks);
  return blocks.map((block) => (typeof block === "string" ? block : block.sequence));
}

describe("dropStrayBlocks", () => {
  it("keeps blocks that are numbered one after the other, from wherever, and around damaged ones", () => {
    expect(kept(7, 8, 9)).toEqual([7, 8, 9]);
    expect(kept(7, undefined, 9)).toEqual([7, "damaged", 9]);
    expect(kept(5)).toEqual([5]);
    expect(kept()).toEqual([]);
  });

  it("keeps blocks that nobody numbered", () => {
    expect(kept(0, 0, 0)).toEqual([0, 0, 0]);
  });

  it("drops one that is out of line with those next to it, first, in the middle or last", () => {
    expect(kept(1, 77, 3)).toEqual([1, "block number 77 where 2 is due", 3]);
    expect(kept(1, 1, 3)).toEqual([1, "block number 1 where 2 is due", 3]);
    expect(kept(77, 2, 3)).toEqual(["block number 77 where 1 is due", 2, 3]);
    expect(kept(1, 2, 2)).toEqual([1, 2, "block number 2 where 3 is due"]);
    expect(kept(0, 2, 3)).toEqual(["block number 0 where 1 is due", 2, 3]);
  });

  it("keeps what goes on behind missing blocks", () => {
    expect(kept(1, 2, 8, 9)).toEqual([1, 2, 8, 9]);
  });

  it("drops the second of two if it goes back, and keeps it if it jumps", () => {
    expect(kept(4, 4)).toEqual([4, "block number 4 where 5 is due"]);
    expect(kept(4, 9)).toEqual([4, 9]);
  });
});
