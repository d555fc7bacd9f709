import { describe, expect, it } from "vitest";
import { compileFilter } from "../compile-filter.js";
import { maxComparisons } from "../limits.js";
import { FilterCostError } from "./cost-error.js";
import { lower } from "./lower/lower.js";
import { parsePcapFilter } from "./parser.js";
import { programCost } from "./program.js";

const ethernet = 1;

const list = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(" or ");

function costOf(text: string, vlanTransparent = false): number {
  const { expression } = parsePcapFilter(text);
  return programCost(lower(expression, { linkType: ethernet, vlanTransparent }));
}

const compile = (text: string, vlanTransparent: boolean) =>
  compileFilter(parsePcapFilter(text), { linkType: ethernet, vlanTransparent });

describe.each([false, true])("what a filter costs a packet (vlanTransparent %s)", (vlanTransparent) => {
  it.each<[string, (index: number) => string]>([
    ["hosts", (i) => `host 10.0.${i >> 8}.${i & 255}`],
    ["ports", (i) => `port ${i + 1}`],
    ["TCP ports", (i) => `tcp port ${i + 1}`],
    ["networks of one size", (i) => `net 10.${i >> 8}.${i & 255}.0/24`],
  ])("does not grow with a list of %s", (_, part) => {
    const few = costOf(list(10, part), vlanTransparent);
    expect(costOf(list(2000, part), vlanTransparent)).toBeLessThanOrEqual(few + 10);
  });

  it("is that of one test where it is asked for again and again", () => {
    for (const test of ["protochain 6", "len < 100", "ether multicast", "vlan 5", "l1"]) {
      expect(
        costOf(
          list(300, () => test),
          true,
        ),
      ).toBe(costOf(test, true));
    }
  });

  it.each<[string, (index: number) => string]>([
    ["hosts of IPv6", (i) => `host 2001:db8::${i.toString(16)}`],
    ["networks of IPv6", (i) => `net 2001:db8:${i.toString(16)}::/48`],
    ["hosts and ports", (i) => `(host 10.0.${i >> 8}.${i & 255} and port ${i + 1})`],
    ["bytes of TCP's header", (i) => `tcp[${i}] = 1`],
  ])("allows 1800 %s", (_, part) => {
    expect(() => compile(list(1800, part), vlanTransparent)).not.toThrow();
  });

  it.each([
    ["l1", 10_800],
    ["geneve", 6400],
  ])('is refused of "%s", joined %d times, and what to do is said', (test, count) => {
    const text = list(count, () => test);
    const failure = failureOf(() => compile(text, vlanTransparent));
    expect(failure).toBeInstanceOf(FilterCostError);
    expect(failure).toMatchObject({ kind: "filter-cost", most: maxComparisons });
    expect((failure as FilterCostError).comparisons).toBeGreaterThan(maxComparisons);
    expect(String(failure)).toMatch(/comparisons a packet, and 100000 are the most; ask for parts of it/);
  });
});

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
