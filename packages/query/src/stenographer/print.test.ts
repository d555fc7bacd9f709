import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyFilter } from "../../test-support/arbitraries.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { unlimitedTimestampNs } from "../time.js";
import type { FilterNode } from "./ast.js";

describe("printFilter", () => {
  it("prints what parses to the same tree, and begins with a letter or a parenthesis", () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const text = printFilter(filter);
        expect(parseFilter(text)).toEqual(filter);
        expect(text).toMatch(/^[a-z(][-a-z0-9.:()/TZ ]*$/);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [" TCP".toLowerCase(), "tcp"],
    ["ipproto006", "ip proto 6"],
    ["tcp&&udp", "(tcp and udp)"],
    ["net 10.1.2.3 mask 255.0.0.0", "net 10.0.0.0/8"],
    ["net ::ffff:10.1.2.3 / 08", "net 10.0.0.0/8"],
    ["host 2001:0db8:0:0::1", "host 2001:db8::1"],
    ["after 2015-01-01T14:14:15.500+01:00", "after 2015-01-01T13:14:15.5Z"],
    ["before120mago", "before 2h ago"],
  ])("has one form for %s", (text, canonical) => {
    expect(printFilter(parseFilter(text))).toBe(canonical);
  });

  it.each<[string, FilterNode]>([
    ["a port past its range", { kind: "port", port: 65_536 }],
    ["a negative port", { kind: "port", port: -1 }],
    ["half a port", { kind: "port", port: 0.5 }],
    ["a prefix past its range", { kind: "net", address: { version: 4, value: 0 }, prefixLength: 33 }],
    ["an address of more than 32 bits", { kind: "host", address: { version: 4, value: 2 ** 32 } }],
    ["a time past the year 9999", { kind: "after", time: { kind: "absolute", timestampNs: 10n ** 21n } }],
    [
      "half a minute ago",
      { kind: "after", time: { kind: "ago", nanoseconds: 30_000_000_000n, text: "30s" } },
    ],
    ["Go's zero time", { kind: "before", time: { kind: "absolute", timestampNs: unlimitedTimestampNs } }],
  ])("refuses a tree with %s", (_what, filter) => {
    expect(() => printFilter(filter)).toThrow(RangeError);
  });

  it("lets no text into the query that plain JavaScript put in a tree", () => {
    const forged: unknown[] = [
      { kind: "port", port: "80 or tcp" },
      { kind: "protocol", name: "tcp or udp" },
      { kind: "host", address: { version: 4, value: "1 or tcp" } },
      { kind: "nothing" },
    ];
    for (const filter of forged) expect(() => printFilter(filter as FilterNode)).toThrow(RangeError); // forged on purpose
  });
});
