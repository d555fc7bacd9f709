import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes } from "../../test-support/bytes.js";
import { compileFilter } from "../compile-filter.js";
import { maxFilterLength } from "../limits.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";
import { pcapWords } from "./tokenizer.js";

/** Accepts the text or refuses it properly; anything else throws. */
function check(text: string): "accepted" | "refused" {
  let printed: string;
  try {
    printed = printFilter(parseFilter(text, { dialect: "pcap" }));
  } catch (problem) {
    if (!(problem instanceof FilterSyntaxError)) throw problem;
    expect(problem.offset).toBeLessThanOrEqual(text.length);
    expect(problem.render().split("\n")).toHaveLength(2);
    return "refused";
  }
  if (printed.length <= maxFilterLength) {
    expect(printFilter(parseFilter(printed, { dialect: "pcap" }))).toBe(printed);
  }
  return "accepted";
}

const pieces = fc.constantFrom(
  ...pcapWords,
  ..."( ) [ ] : / + - * % & | ^ << >> = != < <= ! 0 1 80 0x10 08 10.0.0.1 10.1 ::1 fe80::/10 1:2:3:4:5:6 1:2: $1 \\tcp".split(
    " ",
  ),
  " ",
  " ",
  "\n",
  "\u0000",
  "\ud800",
);

describe("any text at all, in the pcap-filter language", () => {
  it("made of random characters is accepted or refused", () => {
    const characters = fc
      .array(fc.oneof(fc.nat(127), fc.nat(0xffff)), { maxLength: 60 })
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(characters, (text) => void check(text)),
      { numRuns: 2000 },
    );
  });

  it("made of the language's own pieces is accepted or refused", () => {
    const seen = { accepted: 0, refused: 0 };
    const text = fc
      .tuple(fc.array(pieces, { maxLength: 8 }), fc.constantFrom("", " "))
      .map(([list, between]) => list.join(between));
    fc.assert(
      fc.property(text, (candidate) => {
        seen[check(candidate)]++;
      }),
      { numRuns: 4000 },
    );
    expect(seen.accepted).toBeGreaterThan(20);
  });

  it("of 64 KiB and 1 MiB of one piece over and over is accepted or refused", () => {
    const repeated = [
      "(",
      "not ",
      "!",
      "- ",
      "tcp or ",
      "(tcp or ",
      "1+",
      "ip[",
      "1:",
      "::",
      "a-",
      "_",
      "host ",
      "0",
      "\n",
      "tcp and not (",
      "len=1 or len=",
    ];
    for (const piece of repeated) {
      for (const size of [maxFilterLength, maxFilterLength * 16]) {
        check(piece.repeat(Math.ceil(size / piece.length)).slice(0, size));
        check(`${piece.repeat(Math.ceil(size / piece.length))}tcp`.slice(-size));
      }
    }
  });
});

describe("protochain", () => {
  it("ends on a packet whose headers lead round in a circle, which then matches neither way", () => {
    // Ethernet, IPv6 with hop-by-hop options, an authentication header of length 0: libpcap goes on at byte 8 of IPv6.
    const frame = bytes(
      "010101010101 000000000000",
      "86dd 60000000 0000 00 40",
      "00000000 00000000 0000ffff 01020304",
      "00000000 00000000 0000ffff 01020304",
      "33 00 000000000000",
      "3c 00 000000000000 0200000000000000 00500050 e5e5e5e5 00000000",
    );
    for (const text of ["ip6 protochain 59", "not ip6 protochain 59"]) {
      const matches = compileFilter(parseFilter(text, { dialect: "pcap" }), { linkType: 1 });
      expect(matches(frame, 0, frame.length, frame.length, 0, 0)).toBe(false);
    }
  });
});
