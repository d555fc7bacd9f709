import fc from "fast-check";
import { expect, it } from "vitest";
import { splitTime, timestampNs } from "./split-time.js";

it.each([
  [0n, 0, 0],
  [1_999_999_999n, 1, 999_999_999],
  [-1n, -1, 999_999_999],
  [-1_000_000_000n, -1, 0],
  [-1_000_000_001n, -2, 999_999_999],
])("splitTime rounds %i ns down to a second", (timeNs, seconds, nanoseconds) => {
  expect(splitTime(timeNs)).toEqual({ seconds, nanoseconds });
});

it("timestampNs puts together what splitTime took apart", () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 62n), 2n ** 62n), (timeNs) => {
      const { seconds, nanoseconds } = splitTime(timeNs);
      expect(nanoseconds).toBeGreaterThanOrEqual(0);
      expect(nanoseconds).toBeLessThan(1_000_000_000);
      expect(timestampNs(seconds, nanoseconds)).toBe(timeNs);
    }),
  );
});
