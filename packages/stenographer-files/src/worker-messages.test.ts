import type { FilterNode } from "@stenogrpc/query";
import { parseFilter, printFilter } from "@stenogrpc/query";
import { describe, expect, it } from "vitest";
import { type FlatFilter, flatten, unflatten } from "./worker-messages.js";

describe("flatten", () => {
  it.each([
    "tcp",
    "tcp and port 80",
    "host 10.0.0.1 or net 2001:db8::/32 and (udp or vlan 3 or mpls 7) and before 2024-01-01T00:00:00Z",
    "(icmp or ip proto 47) and (tcp or (udp and port 53))",
  ])("is undone by unflatten: %s", (text) => {
    const filter = parseFilter(text);
    expect(unflatten(structuredClone(flatten(filter)))).toEqual(filter);
  });

  it.each(["left", "right"] as const)("takes a filter that is 100,000 terms deep to the %s", (deep) => {
    const term: FilterNode = { kind: "port", port: 80 };
    let filter: FilterNode = term;
    for (let i = 1; i < 100_000; i++) {
      const kind = i % 2 === 0 ? "and" : "or";
      filter = deep === "left" ? { kind, left: filter, right: term } : { kind, left: term, right: filter };
    }
    const flat = flatten(filter);
    expect(flat).toHaveLength(199_999);
    expect(flatten(unflatten(structuredClone(flat)))).toEqual(flat);
  });
});

describe("unflatten", () => {
  it("takes no operator without operands, and no operands without operator", () => {
    const [term] = flatten(parseFilter("tcp")) as [FlatFilter[number]];
    for (const flat of [[], ["and"], [term, "or"], [term, term]] satisfies FlatFilter[]) {
      expect(() => unflatten(flat)).toThrow(TypeError);
    }
    expect(printFilter(unflatten([term, term, "or"]))).toBe("(tcp or tcp)");
  });
});
