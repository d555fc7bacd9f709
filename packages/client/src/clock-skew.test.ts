import { describe, expect, it } from "vitest";
import { clockSkewMs, skewTexts } from "./clock-skew.js";

const requestedMs = 1_782_907_200_000;
const endedMs = requestedMs + 2000;

it.each([
  [requestedMs, 0],
  [endedMs, 0],
  [endedMs + 1, 1],
  [requestedMs - 7000, -7000],
])("what the server's clock said between request and end tells nothing: %i is %i", (serverMs, skew) => {
  expect(clockSkewMs({ requestedMs, endedMs, serverMs })).toBe(skew);
});

describe("a difference of the clocks", () => {
  const ending = (beforeMs: number, filter = "") => ({
    window: { endNs: BigInt(requestedMs - beforeMs) * 1_000_000n },
    filter,
  });
  const texts = (skew: number | undefined, asked = ending(0)) => skewTexts(skew, asked, requestedMs);

  it("is told where the window ends now", () => {
    const words = "this client's: times that count from now are off by as much";
    expect(texts(42_400)).toEqual([`the server's clock is 42 s ahead of ${words}`]);
    expect(texts(-5001, ending(60_000))).toEqual([`the server's clock is 5 s behind ${words}`]);
  });

  it("is told where the window ends in the server's future, or the filter counts from now", () => {
    expect(texts(-600_000, ending(300_000))).toHaveLength(1);
    expect(texts(600_000, ending(300_000))).toEqual([]);
    expect(texts(600_000, ending(300_000, "port 53 and after 3h ago"))).toHaveLength(1);
  });

  it("is not told up to 5 s, of times long past, or where the server does not say", () => {
    expect(texts(5000)).toEqual([]);
    expect(texts(-5000)).toEqual([]);
    expect(texts(60_000, ending(60_001))).toEqual([]);
    expect(texts(undefined)).toEqual([]);
  });
});
