import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipAddress } from "../../test-support/arbitraries.js";
import { compileFilter } from "../compile-filter.js";
import { parseFilter } from "../parse-filter.js";
import * as stenographer from "../stenographer/builder.js";
import { FilterSyntaxError } from "../syntax-error.js";
import * as pcap from "./builder.js";
import { PcapFilter } from "./filter.js";
import { FilterMeaningError } from "./meaning-error.js";

describe("the builder of the pcap-filter language", () => {
  it.each([
    [pcap.host("10.0.0.1"), "host 10.0.0.1"],
    [pcap.host("10.0.0.1", { direction: "src", protocol: "ip" }), "ip src host 10.0.0.1"],
    [pcap.host("2001:DB8::1", { direction: "src and dst" }), "src and dst host 2001:db8::1"],
    [pcap.host("::ffff:10.0.0.1"), "host ::ffff:a00:1"],
    [pcap.srcHost("10.0.0.1").and(pcap.dstHost("10.0.0.2")), "(src host 10.0.0.1 and dst host 10.0.0.2)"],
    [pcap.net("10.1.2.3/8"), "net 10.0.0.0/8"],
    [pcap.net("10.0.0.1/32", { protocol: "arp" }), "arp host 10.0.0.1"],
    [pcap.net("2001:db8::/32", { direction: "dst" }), "dst net 2001:db8::/32"],
    [pcap.port(443, { protocol: "tcp" }), "tcp port 443"],
    [pcap.srcPort(1).or(pcap.dstPort(2)), "(src port 1 or dst port 2)"],
    [pcap.portRange(1, 1023), "portrange 1-1023"],
    [pcap.protocol("icmp6"), "icmp6"],
    [pcap.or(pcap.tcp(), pcap.udp(), pcap.icmp()), "(tcp or udp or icmp)"],
    [pcap.and(pcap.tcp(), pcap.or(pcap.udp(), pcap.icmp())), "(tcp and (udp or icmp))"],
    [pcap.proto(47), "proto 47"],
    [pcap.proto(0x88cc, "ether"), "ether proto 35020"],
    [pcap.etherHost("0:0:5e:0:53:A1", { direction: "dst" }), "ether dst host 00:00:5e:00:53:a1"],
    [pcap.broadcast().or(pcap.broadcast("ip")), "(ether broadcast or ip broadcast)"],
    [pcap.multicast("ip6"), "ip6 multicast"],
    [pcap.vlan(5).and(pcap.vlan(), "port 80"), "(vlan 5 and vlan and port 80)"],
    [pcap.mpls().and(pcap.mpls(16)), "(mpls and mpls 16)"],
    [pcap.less(60).or(pcap.greater(1500)), "(len <= 60 or len >= 1500)"],
    [pcap.raw("tcp[tcpflags] & tcp-syn != 0"), "(tcp[13] & 2) != 0"],
    [pcap.not("tcp port 80 or 443"), "not (tcp port 80 or tcp port 443)"],
    [pcap.tcp().not().not(), "tcp"],
    [pcap.after(0n).and(pcap.before("45m ago")), "(after 1970-01-01T00:00:00Z and before 45m ago)"],
  ])("makes %s", (filter, text) => {
    expect(filter).toBeInstanceOf(PcapFilter);
    expect(filter.dialect).toBe("pcap");
    expect(filter.toString()).toBe(text);
    expect(parseFilter(text, { dialect: "pcap" })).toEqual(filter.node);
  });

  it("prints what parses to the same tree, whatever is built", () => {
    fc.assert(
      fc.property(built, (filter) => {
        expect(parseFilter(String(filter), { dialect: "pcap" })).toEqual(filter.node);
      }),
      { numRuns: 1000 },
    );
  });

  it("joins a thousand filters to one that can be read again", () => {
    const filter = pcap.or(...Array.from({ length: 1000 }, (_, i) => pcap.port(i)));
    expect(parseFilter(String(filter), { dialect: "pcap" })).toEqual(filter.node);
  });

  it.each<[string, () => PcapFilter]>([
    ["a host name", () => pcap.host("example.com")],
    ["an IPv4 address in ip6", () => pcap.host("10.0.0.1", { protocol: "ip6" })],
    ["an IPv6 address in arp", () => pcap.host("::1", { protocol: "arp" })],
    ["a network without a length", () => pcap.net("10.0.0.0")],
    ["a length past the address", () => pcap.net("10.0.0.0/33")],
    ["port 65536", () => pcap.port(65_536)],
    ["a range that ends before it begins", () => pcap.portRange(2, 1)],
    ["protocol 256", () => pcap.proto(256)],
    ["an Ethernet address of five bytes", () => pcap.etherHost("0:0:5e:0:53")],
    ["vlan 4096", () => pcap.vlan(4096)],
    ["mpls 2^20", () => pcap.mpls(1_048_576)],
    ["a negative length", () => pcap.less(-1)],
    ["a time without a zone", () => pcap.after("2015-01-01T13:14:15")],
  ])("refuses %s", (_what, make) => {
    expect(make).toThrow(RangeError);
  });

  it("refuses what means nothing together, text it cannot read, and to join nothing", () => {
    expect(() => pcap.mpls().and(pcap.vlan(5))).toThrow(FilterMeaningError);
    expect(() => pcap.raw("vlan inbound").or(pcap.etherHost("0:0:5e:0:53:1"))).toThrow(FilterSyntaxError);
    expect(() => pcap.and()).toThrow(new TypeError("and() needs at least one filter"));
  });
});

describe("filters in two languages", () => {
  it("are told apart by their dialect", () => {
    expect(stenographer.tcp().dialect).toBe("stenographer");
    expect(pcap.tcp().dialect).toBe("pcap");
  });

  it("cannot be joined", () => {
    // @ts-expect-error a filter of the other language
    expect(() => stenographer.tcp().and(pcap.tcp())).toThrow(
      "a filter in the pcap-filter language (pcap.host and the like) cannot be part of one in Stenographer's",
    );
    // @ts-expect-error its tree
    expect(() => stenographer.or(pcap.tcp().node)).toThrow(TypeError);
    // @ts-expect-error a filter of the other language
    expect(() => pcap.tcp().or(stenographer.tcp())).toThrow(
      "a filter in Stenographer's language cannot be part of one in the pcap-filter language",
    );
    // @ts-expect-error its tree
    expect(() => pcap.not(stenographer.tcp().node)).toThrow(TypeError);
  });

  it("are compiled by the rules of their own", () => {
    const tagged = Uint8Array.from([
      ...new Array(12).fill(0),
      0x81,
      0,
      0,
      5,
      8,
      0,
      0x45,
      ...new Array(39).fill(0),
    ]);
    const matches = (filter: PcapFilter | stenographer.Filter) =>
      compileFilter(filter.node, { linkType: 1 })(tagged, 0, tagged.length, tagged.length, 0, 0);
    expect(matches(stenographer.host("0.0.0.0"))).toBe(true);
    expect(matches(pcap.host("0.0.0.0"))).toBe(false);
    expect(matches(pcap.vlan(5).and(pcap.host("0.0.0.0")))).toBe(true);
  });
});

const direction = fc.constantFrom(undefined, "src" as const, "dst" as const, "src and dst" as const);
const transport = fc.constantFrom(undefined, "tcp" as const, "udp" as const, "sctp" as const);
const test = fc.oneof(
  fc.tuple(ipAddress, direction).map(([address, end]) => pcap.host(address, { direction: end })),
  fc
    .tuple(fc.ipV4(), fc.nat(32), direction)
    .map(([address, bits, end]) => pcap.net(`${address}/${bits}`, { direction: end, protocol: "ip" })),
  fc.tuple(fc.nat(0xffff), direction, transport).map(([number, end, over]) => {
    return pcap.portRange(number >> 1, number, { direction: end, protocol: over });
  }),
  fc.constantFrom("tcp", "ip6", "arp", "isis", "stp").map((name) => pcap.protocol(name)),
  fc.constantFrom("ip", "ip6", "iso", undefined).map((of) => pcap.proto(6, of)),
  fc.constantFrom(undefined, 0, 4095).map((id) => pcap.vlan(id)),
  fc.constantFrom("ether", "ip", "ip6").map((of) => pcap.multicast(of)),
  fc
    .constantFrom("ip[8] < 5", "len - 14 > ip[2:2]", "llc", "host 10.0.0.1 or 10.0.0.2")
    .map((text) => pcap.raw(text)),
  fc.nat(0xffffffff).map((length) => pcap.greater(length)),
);
const { built } = fc.letrec<{ built: PcapFilter }>((tie) => ({
  built: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    test,
    tie("built").map((filter) => filter.not()),
    fc
      .tuple(fc.boolean(), fc.array(tie("built"), { minLength: 1, maxLength: 4 }))
      .map(([isAnd, filters]) => (isAnd ? pcap.and(...filters) : pcap.or(...filters))),
  ),
}));
