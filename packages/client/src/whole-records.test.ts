import { describe, expect, it } from "vitest";
import { WholeRecords } from "./whole-records.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("WholeRecords", () => {
  it("passes on what ends where it ends, in the memory it came in", () => {
    const piece = bytes(1, 2, 3);
    const [whole] = new WholeRecords().take(piece, 2, 3);
    expect(whole).toEqual(piece);
    expect(whole?.buffer).toBe(piece.buffer);
  });

  it("keeps the beginning of a record until its end has come, over as many pieces as that takes", () => {
    const cutter = new WholeRecords();
    expect(cutter.take(bytes(1, 2, 3), 1, 1)).toEqual([bytes(1)]);
    expect(cutter.take(bytes(4), undefined, 0)).toEqual([]);
    expect(cutter.take(bytes(5, 6, 7, 8), 1, 3)).toEqual([bytes(2, 3, 4, 5), bytes(6, 7)]);
    expect(cutter.take(bytes(9), 1, 1)).toEqual([bytes(8, 9)]);
    expect(cutter.take(bytes(10), 1, 1)).toEqual([bytes(10)]);
  });

  it("reads no piece again once the next one comes", () => {
    const cutter = new WholeRecords();
    const first = bytes(1, 2, 3);
    cutter.take(first, 1, 1);
    first.fill(99);
    const second = bytes(4);
    cutter.take(second, undefined, 0);
    second.fill(99);
    expect(cutter.take(bytes(5), 1, 1)).toEqual([bytes(2, 3, 4, 5)]);
  });
});
