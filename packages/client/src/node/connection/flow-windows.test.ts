import { describe, expect, it } from "vitest";
import { sharedWindowBytes } from "./flow-windows.js";

const MiB = 1_048_576;
const limits = { streamWindowBytes: 16 * MiB, connectionWindowBytes: 32 * MiB };

describe("sharedWindowBytes", () => {
  it.each([
    [0, 16],
    [1, 16],
    [2, 16],
    [3, 8],
    [4, 8],
    [5, 4],
    [32, 1],
    [64, 1],
    [1000, 1],
  ])("gives each of %i answers %i MiB", (answers, windowMiB) => {
    expect(sharedWindowBytes(answers, limits)).toBe(windowMiB * MiB);
  });

  it("never gives an answer more than it may have alone", () => {
    expect(sharedWindowBytes(1, { ...limits, streamWindowBytes: 65_535 })).toBe(65_535);
    expect(sharedWindowBytes(100, { ...limits, streamWindowBytes: 65_535 })).toBe(65_535);
  });
});
