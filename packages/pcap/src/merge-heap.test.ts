import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MergeHeap } from "./merge-heap.js";

const times = fc.record({ seconds: fc.nat(5), nanoseconds: fc.nat(3) });

describe("MergeHeap", () => {
  it("has the earliest two first, those of equal time in the order of their inputs, however heads move on and leave", () => {
    const moves = fc.array(fc.option(times, { nil: undefined }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(times, { maxLength: 20 }), moves, (starts, all) => {
        const heap = new MergeHeap<{ seconds: number; nanoseconds: number; index: number }>();
        const heads = starts.map((time, index) => ({ ...time, index }));
        for (const head of heads) heap.add(head);
        for (const move of all) {
          heads.sort((a, b) => a.seconds - b.seconds || a.nanoseconds - b.nanoseconds || a.index - b.index);
          const [first, second] = heads;
          expect([heap.first, heap.second]).toEqual([first, second]);
          if (first === undefined) break;
          if (move === undefined) {
            heap.removeFirst();
            heads.shift();
          } else {
            Object.assign(first, move);
            heap.settleFirst();
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
