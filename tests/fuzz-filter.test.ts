import { describe, expect, it } from "vitest";
import { checkFilter } from "./fuzz/check-filter.js";
import { filterTexts } from "./fuzz/filter-texts.js";

describe("the fuzzer's texts (npm run fuzz:filter has more)", () => {
  it("are refused by a FilterSyntaxError, or print to what is read as the same and compile", () => {
    const textAt = filterTexts(1);
    const seen: Record<string, number> = {};
    for (let index = 0; index < 5000; index++) {
      const fuzz = textAt(index);
      const verdict = checkFilter(fuzz).isAccepted ? "accepted" : "refused";
      seen[verdict] = (seen[verdict] ?? 0) + 1;
    }
    expect(seen.accepted).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(500);
  });
});
