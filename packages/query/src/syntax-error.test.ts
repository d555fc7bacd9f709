import { describe, expect, it } from "vitest";
import { parseFilter } from "./parse-filter.js";
import { FilterSyntaxError } from "./syntax-error.js";

/** What a text is refused with. */
function refusal(text: string, dialect: "stenographer" | "pcap"): FilterSyntaxError {
  try {
    parseFilter(text, { dialect });
  } catch (error) {
    if (error instanceof FilterSyntaxError) return error;
  }
  throw new Error(`read: ${text}`);
}

describe.each(["stenographer", "pcap"] as const)("an error in %s", (dialect) => {
  // A half character can't be sent as UTF-8: gRPC had no answer to such a filter.
  it.each(["", "tcp and "])("has whole characters only, wherever it cuts the text behind %j", (before) => {
    for (let length = 0; length < 130; length++) {
      const { message, expected } = refusal(
        `${before}${"x".repeat(length)}😀😀😀${"y".repeat(130)}`,
        dialect,
      );
      for (const text of [message, ...expected]) expect(text).not.toMatch(/\p{Cs}/u);
    }
  });

  it("is rendered in whole characters, and keeps those that fit", () => {
    for (let length = 1; length < 50; length++) {
      const rendered = refusal(`${"x".repeat(length)} 80 ${"😀".repeat(60)}`, dialect).render();
      expect(rendered).not.toMatch(/\p{Cs}/u);
      expect(rendered).toContain("😀");
    }
  });

  it("shows a half character of the text as what it is not", () => {
    expect(refusal("\ud83d", dialect).message).toContain("\ufffd");
  });
});
