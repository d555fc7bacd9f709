import { describe, expect, it } from "vitest";
import { parseFilter } from "./parse-filter.js";
import { printFilter } from "./print-filter.js";
import { resolveTimes } from "./resolve-times.js";
import { parseTime } from "./time.js";

const nowNs = parseTime("2023-11-14T22:13:20.5Z") ?? 0n;

describe("resolveTimes", () => {
  it("puts the instant for each relative time and keeps everything else", () => {
    const filter = parseFilter("(tcp or after 3h ago) and (before 45m ago or after 2015-01-01T00:00:00Z)");
    expect(printFilter(resolveTimes(filter, nowNs))).toBe(
      "((tcp or after 2023-11-14T19:13:20.5Z) and (before 2023-11-14T21:28:20.5Z or after 2015-01-01T00:00:00Z))",
    );
  });

  it("gives a filter without relative times back as it is", () => {
    const filter = parseFilter("tcp or (udp and after 2015-01-01T00:00:00Z)");
    expect(resolveTimes(filter, nowNs)).toBe(filter);
  });
});
