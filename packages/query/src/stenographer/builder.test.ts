import { describe, expect, it } from "vitest";
import { parseFilter } from "../parse-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";
import {
  after,
  and,
  before,
  Filter,
  host,
  icmp,
  ipProto,
  mpls,
  net,
  or,
  port,
  tcp,
  toFilterNode,
  udp,
  vlan,
} from "./builder.js";

describe("the builder", () => {
  it.each([
    [host("10.0.0.1").and(port(443)), "(host 10.0.0.1 and port 443)"],
    [host("2001:DB8::1"), "host 2001:db8::1"],
    [host({ version: 6, words: [0, 0, 0xffff, 0x0a000001] }), "host 10.0.0.1"],
    [net("10.1.2.3/8"), "net 10.0.0.0/8"],
    [net("2001:db8::1", 32), "net 2001:db8::/32"],
    [or(vlan(5), mpls(16), ipProto(47)), "((vlan 5 or mpls 16) or ip proto 47)"],
    [and(tcp().or(udp()), icmp()), "((tcp or udp) and icmp)"],
    [tcp().and("port 80 or port 81", { kind: "vlan", id: 1 }), "((tcp and (port 80 or port 81)) and vlan 1)"],
    [and("tcp"), "tcp"],
    [after(new Date("2015-01-01T13:14:15.25Z")), "after 2015-01-01T13:14:15.25Z"],
    [before(1_420_118_055_000_000_001n), "before 2015-01-01T13:14:15.000000001Z"],
    [after("2015-01-01T14:14:15+01:00"), "after 2015-01-01T13:14:15Z"],
    [before("90m ago"), "before 90m ago"],
  ])("makes %s", (filter, text) => {
    expect(filter).toBeInstanceOf(Filter);
    expect(filter.toString()).toBe(text);
    expect(parseFilter(text)).toEqual(filter.node);
  });

  it.each<[string, () => Filter]>([
    ["a host name", () => host("example.com")],
    ["a network without a length", () => net("10.0.0.0")],
    ["a length past the address", () => net("10.0.0.0/33")],
    ["a length that is no number", () => net("10.0.0.0", Number.NaN)],
    ["port 65536", () => port(65_536)],
    ["port 1.5", () => port(1.5)],
    ["vlan -1", () => vlan(-1)],
    ["mpls 2^20", () => mpls(1_048_576)],
    ["protocol 256", () => ipProto(256)],
    ["a time without a zone", () => after("2015-01-01T13:14:15")],
    ["an invalid Date", () => after(new Date("nonsense"))],
    ["5 seconds ago", () => before("5s ago")],
    ["a time past the year 9999", () => before(10n ** 21n)],
    ["Go's zero time", () => before("0001-01-01T00:00:00Z")],
  ])("refuses %s", (_what, make) => {
    expect(make).toThrow(RangeError);
  });

  it("refuses to join nothing, and text it cannot read", () => {
    expect(() => and()).toThrow(TypeError);
    expect(() => or()).toThrow("or() needs at least one filter");
    expect(() => tcp().and("not udp")).toThrow(FilterSyntaxError);
  });
});

describe("toFilterNode", () => {
  it("takes text, the builder's filters and trees", () => {
    const node = parseFilter("tcp");
    expect(toFilterNode("tcp")).toEqual(node);
    expect(toFilterNode(tcp())).toEqual(node);
    expect(toFilterNode(node)).toBe(node);
  });
});
