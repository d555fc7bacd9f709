import { describe, expect, it } from "vitest";
import { sharedWindow } from "./flow-windows.js";

const MiB = 1_048_576;
const limits = { streamWindowBytes: 16 * MiB, connectionWindowBytes: 32 * MiB };

describe("sharedWindow", () => {
  it.each([
    [0, 1, 16],
    [1, 1, 16],
    [2, 1, 16],
    [3, 1, 8],
    [4, 1, 8],
    [5, 1, 4],
    [17, 1, 1],
    [32, 1, 1],
    [33, 0.5, 0.5],
    [64, 0.5, 0.5],
    [1000, 0.5, 0.5],
  ])("lets each of %i answers begin with %f MiB and come to %f", (answers, firstMiB, widestMiB) => {
    expect(sharedWindow(answers, limits)).toEqual({ first: firstMiB * MiB, widest: widestMiB * MiB });
  });

  it("never gives an answer more than it may have alone", () => {
    const narrow = { first: 65_535, widest: 65_535 };
    expect(sharedWindow(1, { ...limits, streamWindowBytes: 65_535 })).toEqual(narrow);
    expect(sharedWindow(100, { ...limits, streamWindowBytes: 65_535 })).toEqual(narrow);
  });
});
