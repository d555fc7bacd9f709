import { describe, expect, it } from "vitest";
import { readFilter } from "./filter-terms.js";
import { tcpdumpFilters } from "./tcpdump-filters.js";

const term = (name: string, value = "") => ({ kind: "term", name, value });

describe("readFilter", () => {
  it("binds AND and OR alike, to the left", () => {
    expect(readFilter("udp and port 514 or tcp and port 80")).toEqual({
      kind: "and",
      left: {
        kind: "or",
        left: { kind: "and", left: term("udp"), right: term("port", "514") },
        right: term("tcp"),
      },
      right: term("port", "80"),
    });
  });

  it("reads parentheses and terms of two words", () => {
    expect(readFilter("icmp or (ip proto 47 and net fd00::/8)")).toEqual({
      kind: "or",
      left: term("icmp"),
      right: { kind: "and", left: term("ip proto", "47"), right: term("net", "fd00::/8") },
    });
  });

  it("refuses what it does not know", () => {
    expect(() => readFilter("not tcp")).toThrow(/not is no term/);
    expect(() => readFilter("tcp port 80")).toThrow(/port is too much/);
    expect(() => readFilter("(tcp")).toThrow(/expected/);
  });
});

describe("tcpdumpFilters", () => {
  it("looks behind tags and labels", () => {
    expect(tcpdumpFilters("host", "10.0.0.1")).toEqual([
      "(ip host 10.0.0.1)",
      "vlan and (ip host 10.0.0.1)",
      "vlan and vlan and (ip host 10.0.0.1)",
      "mpls and (ip host 10.0.0.1)",
      "mpls and mpls and (ip host 10.0.0.1)",
    ]);
    expect(tcpdumpFilters("vlan", "10")).toEqual(["vlan 10", "vlan and vlan 10"]);
  });
});
