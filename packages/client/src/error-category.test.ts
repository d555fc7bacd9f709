import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { categoryOf } from "./error-category.js";
import { StenographerError, type StenographerErrorCategory, stenographerReasons } from "./index.js";

describe("the category of an error", () => {
  it("is what the README's table says", () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const inReadme: Record<string, string> = {};
    for (const [, category = "", reasons = ""] of readme.matchAll(
      /^\| `([a-z]+)` +\|([^|]*`[A-Z_]+`[^|]*)\|/gm,
    )) {
      for (const [reason] of reasons.matchAll(/[A-Z_]{3,}/g)) inReadme[reason] = category;
    }
    const ours = stenographerReasons.map((reason) => [reason, categoryOf(reason, "unknown")]);
    expect(inReadme).toEqual(Object.fromEntries(ours));
  });

  it.each([
    ["NO_FREE_SLOT", "resource_exhausted", "capacity"],
    ["COVERAGE_INCOMPLETE", "failed_precondition", "sensor"],
    ["A_REASON_OF_ITS_OWN", "permission_denied", "access"],
    ["UNAVAILABLE", "unavailable", "network"],
    ["constructor", "internal", "sensor"],
  ] as const)("of %s with code %s is %s", (reason, code, category) => {
    expect(new StenographerError("failed", { reason, code }).category).toBe(category);
  });

  it("can be handled to the last one", () => {
    const advice = (category: StenographerErrorCategory): string => {
      switch (category) {
        case "request":
        case "access":
        case "capacity":
        case "network":
        case "sensor":
        case "integrity":
        case "local":
        case "canceled":
          return category;
        default:
          return category satisfies never;
      }
    };
    expect(advice(new StenographerError("left", { reason: "CANCELED", code: "canceled" }).category)).toBe(
      "canceled",
    );
  });
});
