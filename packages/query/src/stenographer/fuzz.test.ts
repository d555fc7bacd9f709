import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyFilter } from "../../test-support/arbitraries.js";
import { maxFilterLength } from "../limits.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";

/** Accepts the text or refuses it properly; anything else throws. Says which. */
function check(text: string): "accepted" | "refused" {
  let filter: ReturnType<typeof parseFilter>;
  try {
    filter = parseFilter(text);
  } catch (problem) {
    if (!(problem instanceof FilterSyntaxError)) throw problem;
    expect(problem.text).toBe(text);
    expect(problem.offset).toBeGreaterThanOrEqual(0);
    expect(problem.offset).toBeLessThanOrEqual(text.length);
    expect(text.split("\n", problem.line)).toHaveLength(problem.line);
    expect(problem.render().split("\n")).toHaveLength(2);
    return "refused";
  }
  const printed = printFilter(filter);
  expect(printFilter(parseFilter(printed))).toBe(printed);
  return "accepted";
}

const pieces = fc.constantFrom(
  ..."tcp udp icmp host net port vlan mpls ip proto before after ago and or && || mask ( ) / : . , 0 1 80 65535 65536".split(
    " ",
  ),
  ..."1.2.3.4 ::1 fe80:: 10.0.0.0/8 255.0.0.0 5m 3h 2015-01-01T13:14:15Z +01:00 not src dst TCP # ! a abc 0x".split(
    " ",
  ),
  " ",
  " ",
  "\n",
  "\t",
  "\u00a0",
  "\u0000",
  "\ud800",
  "\u{1f600}",
);

const anyCharacters = fc
  .array(fc.oneof(fc.nat(127), fc.nat(0xffff)), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));

describe("any text at all", () => {
  it("made of random characters is accepted or refused", () => {
    fc.assert(
      fc.property(anyCharacters, (text) => void check(text)),
      { numRuns: 2000 },
    );
  });

  it("made of the language's own pieces is accepted or refused", () => {
    const text = fc.array(pieces, { maxLength: 12 }).map((list) => list.join(""));
    fc.assert(
      fc.property(text, (candidate) => void check(candidate)),
      { numRuns: 3000 },
    );
  });

  it("made from a good filter by a small change is accepted or refused", () => {
    const seen = { accepted: 0, refused: 0 };
    const change = fc.record({ at: fc.nat(), drop: fc.nat(3), put: fc.oneof(pieces, fc.constant("")) });
    fc.assert(
      fc.property(anyFilter, fc.array(change, { maxLength: 3 }), (filter, changes) => {
        let text = printFilter(filter);
        for (const { at, drop, put } of changes) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + put + text.slice(from + drop);
        }
        seen[check(text)]++;
      }),
      { numRuns: 2000 },
    );
    expect(seen.accepted).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });

  it("of 64 KiB and more of one piece over and over is accepted or refused", () => {
    const repeated = [
      ..."( ) tcp tcp|| tcp&& (tcp) net host :: 1. 0 f - + T Z 5m 1:1 2015-01-01T13:14:15.0 a, # \u00a0 \ud800".split(
        " ",
      ),
      "(tcp or ",
      "tcp and(",
      "port 0000",
      "after 2015-01-01T13:14:15.",
      "\n",
      " ",
      "port 1 or ",
    ];
    for (const piece of repeated) {
      for (const size of [maxFilterLength, maxFilterLength * 16]) {
        const text = piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
        check(text);
        check(`host ${text}`.slice(0, size));
        check(`port ${text}`.slice(0, size));
        check(`after ${text}`.slice(0, size));
      }
    }
  });
});
