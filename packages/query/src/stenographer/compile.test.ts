import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ethernetFrame,
  ipAddress,
  ipPacket,
  likelyFilter,
  timelessFilter,
} from "../../test-support/arbitraries.js";
import { bytes, concat } from "../../test-support/bytes.js";
import { bitsOf } from "../../test-support/daemon.js";
import { indexKeys, isLaterIpv4Fragment } from "../../test-support/index-keys.js";
import { tcpSyn } from "../../test-support/segments.js";
import { printIpAddress } from "../address.js";
import { type CompileOptions, compileFilter } from "../compile-filter.js";
import { UnsupportedLinkTypeError } from "../link-type.js";
import { parseFilter } from "../parse-filter.js";
import type { FilterNode } from "./ast.js";

const ethernet: CompileOptions = { linkType: 1 };

function matches(
  filter: string,
  frame: Uint8Array,
  options = ethernet,
  seconds = 0,
  nanoseconds = 0,
): boolean {
  const matcher = compileFilter(parseFilter(filter), options);
  // Not at the start of the memory, and with something behind it: only the frame itself may count.
  const memory = concat(new Uint8Array(7).fill(0xff), frame, new Uint8Array(64).fill(0x06));
  return matcher(memory, 7, frame.length, frame.length, seconds, nanoseconds);
}

/** Asserts which of the filters match. */
function expectMatches(
  frame: Uint8Array,
  yes: readonly string[],
  no: readonly string[],
  options = ethernet,
): void {
  expect([...yes, ...no].filter((filter) => matches(filter, frame, options))).toEqual(yes);
}

const macs = ["02 00 00 00 00 01", "02 00 00 00 00 02"];

const tcp = tcpSyn("01 bb", "c0 00"); // from port 443 to 49152

const udp = bytes(
  "00 35", // source port 53
  "14 e9", // destination port 5353
  "00 08", // length
  "00 00", // checksum
);

function ipv4(protocol: string, payload: Uint8Array, fragment = "00 00", options = ""): Uint8Array {
  return bytes(
    options === "" ? "45" : "46", // version 4, header of 5 or 6 words
    "00", // type of service
    "00 28", // total length
    "00 07", // identification
    fragment, // flags and offset
    "40", // time to live
    protocol,
    "00 00", // checksum
    "0a 00 00 01", // source 10.0.0.1
    "c0 a8 01 02", // destination 192.168.1.2
    options,
    Buffer.from(payload).toString("hex"),
  );
}

function ipv6(next: string, payload: Uint8Array): Uint8Array {
  return bytes(
    "60 00 00 00", // version 6, flow
    "00 14", // payload length
    next, // next header
    "40", // hop limit
    "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01", // source 2001:db8::1
    "fe 80 00 00 00 00 00 00 80 00 00 00 00 00 00 02", // destination fe80::8000:0:0:2
    Buffer.from(payload).toString("hex"),
  );
}

const onIpv4 = (packet: Uint8Array) => concat(bytes(...macs, "08 00"), packet);
const onIpv6 = (packet: Uint8Array) => concat(bytes(...macs, "86 dd"), packet);

describe("compileFilter on Ethernet", () => {
  it("finds addresses, protocol and ports of IPv4", () => {
    expectMatches(
      onIpv4(ipv4("06", tcp)),
      [
        "host 10.0.0.1",
        "host 192.168.1.2",
        "net 10.0.0.0/8",
        "net 192.168.1.2/31",
        "net 0.0.0.0/0",
        "tcp",
        "ip proto 6",
      ].concat(["port 443", "port 49152", "host 10.0.0.1 and port 443 and tcp", "udp or tcp"]),
      [
        "host 10.0.0.2",
        "net 11.0.0.0/8",
        "net 192.168.1.4/31",
        "net ::/0",
        "host ::",
        "udp",
        "icmp",
        "port 80",
        "port 0",
      ].concat(["vlan 0", "mpls 0", "ip proto 0", "host 10.0.0.1 and udp", "udp or icmp"]),
    );
    expectMatches(onIpv4(ipv4("01", bytes("08 00 00 00"))), ["icmp"], ["tcp", "udp", "port 2048", "port 0"]);
  });

  it("looks for ports behind IPv4 options", () => {
    expectMatches(
      onIpv4(ipv4("11", udp, "40 00", "01 01 01 01")),
      ["udp", "port 53", "port 5353"],
      ["port 257"],
    );
  });

  it("compares all of an IPv6 address", () => {
    expectMatches(
      onIpv6(ipv6("06", tcp)),
      [
        "host 2001:db8::1",
        "host fe80::8000:0:0:2",
        "net 2001:db8::/32",
        "net fe80::8000:0:0:0/65",
        "net 2001:db8::/127",
      ].concat(["net ::/0", "net 2001:db8::1/128", "tcp", "port 443"]),
      [
        "host 2001:db8::2",
        "host 2001:db8:0:1::1",
        "host 2001:db8::1:0:1",
        "host 2001:db9::1",
        "net fe80::/65",
      ].concat(["net 2001:db8::2/127", "net 0.0.0.0/0", "host 0.0.0.1", "host 32.1.13.184", "udp"]),
    );
  });

  it("has no port for a TCP header of less than 20 captured bytes, a UDP header of less than 8", () => {
    for (const [packet, size] of [
      [ipv4("06", tcp), 20],
      [ipv4("11", udp), 8],
    ] as const) {
      const whole = onIpv4(packet);
      const number = size === 20 ? "port 443" : "port 53";
      expect(matches(number, whole)).toBe(true);
      expect(matches(number, whole.subarray(0, whole.length - 1))).toBe(false);
      expect(matches("tcp or udp", whole.subarray(0, whole.length - 1))).toBe(true);
      expect(matches("tcp or udp", whole.subarray(0, 34))).toBe(true);
      expect(matches("net 0.0.0.0/0", whole.subarray(0, 33))).toBe(false);
    }
    const whole = onIpv6(ipv6("06", tcp));
    expect(matches("tcp and net ::/0", whole.subarray(0, 54))).toBe(true);
    expect(matches("tcp or net ::/0", whole.subarray(0, 53))).toBe(false);
  });

  it("gives a later IPv4 fragment its protocol but no port", () => {
    expectMatches(onIpv4(ipv4("11", udp, "20 00")), ["udp", "port 53"], []);
    expectMatches(onIpv4(ipv4("11", udp, "20 01")), ["udp", "host 10.0.0.1"], ["port 53", "port 5353"]);
    expectMatches(onIpv4(ipv4("06", tcp, "1f ff")), ["tcp"], ["port 443"]);
  });

  it("keeps the addresses of an IPv4 header that claims to be too short, and nothing else", () => {
    const packet = ipv4("06", tcp);
    packet[0] = 0x44;
    expectMatches(onIpv4(packet), ["host 10.0.0.1"], ["tcp", "port 443"]);
  });

  it("walks over the extension headers of IPv6", () => {
    const extensions = bytes(
      "2b 00 05 02 00 00 00 00", // hop-by-hop: next routing, 8 bytes
      "3c 01 00 00 00 00 00 00", // routing: next destination options, 16 bytes
      "00 00 00 00 00 00 00 00",
      "87 00 00 00 00 00 00 00", // destination options: next mobility
      "2c 00 00 00 00 00 00 00", // mobility: next fragment
      "11 00 00 01 00 00 00 07", // fragment: next UDP, offset 0, more follow
    );
    expectMatches(
      onIpv6(ipv6("00", concat(extensions, udp))),
      ["udp", "port 53"],
      ["ip proto 0", "ip proto 44"],
    );
    const cut = onIpv6(ipv6("00", concat(extensions, udp))).subarray(0, 14 + 40 + 32 + 7);
    expectMatches(cut, ["host 2001:db8::1"], ["udp", "ip proto 44", "ip proto 0"]);
  });

  it("gives a later IPv6 fragment protocol 44 and no port", () => {
    const fragment = bytes("11 00 00 08 00 00 00 07"); // next UDP, offset 8
    expectMatches(onIpv6(ipv6("2c", concat(fragment, udp))), ["ip proto 44"], ["udp", "port 53"]);
  });

  it("does not walk over AH and ESP", () => {
    const ah = bytes("06 04 00 00 00 00 00 00 00 00 00 00");
    expectMatches(onIpv6(ipv6("33", concat(ah, tcp))), ["ip proto 51"], ["tcp", "port 443"]);
  });

  it.each(["81 00", "88 a8", "91 00", "92 00", "93 00"])("looks behind a tag of type %s", (type) => {
    const frame = concat(bytes(...macs, type, "e0 0a", "08 00"), ipv4("06", tcp)); // priority 7, id 10
    expectMatches(
      frame,
      ["vlan 10", "host 10.0.0.1", "port 443", "vlan 10 and tcp"],
      ["vlan 0", "vlan 57354", "vlan 4106"],
    );
  });

  it("finds every tag of a QinQ frame, also of ARP", () => {
    const tags = bytes(...macs, "88 a8", "03 e8", "81 00", "00 05", "81 00", "0f ff", "08 06");
    const frame = concat(tags, new Uint8Array(28));
    expectMatches(
      frame,
      ["vlan 1000", "vlan 5", "vlan 4095", "vlan 5 and vlan 1000"],
      ["vlan 0", "net 0.0.0.0/0"],
    );
    expectMatches(frame.subarray(0, 21), ["vlan 1000"], ["vlan 5"]);
  });

  it("forgets the tags and labels of the frame before", () => {
    const matcher = compileFilter(parseFilter("vlan 10 or mpls 16"), ethernet);
    const tagged = concat(bytes(...macs, "81 00", "00 0a", "08 00"), ipv4("06", tcp));
    const labelled = concat(bytes(...macs, "88 47", "00 01 01 40"), ipv4("06", tcp));
    const plain = onIpv4(ipv4("06", tcp));
    const results = [tagged, plain, labelled, plain, plain, tagged].map((frame) =>
      matcher(frame, 0, frame.length, frame.length, 0, 0),
    );
    expect(results).toEqual([true, false, true, false, false, true]);
  });

  it("looks behind MPLS labels at IPv4 and IPv6", () => {
    const labels = bytes(
      "00 01 00 40", // label 16, more follow
      "ff ff f1 40", // label 1048575, bottom of stack
    );
    const frame = concat(bytes(...macs, "88 47"), labels, ipv4("11", udp));
    expectMatches(frame, ["mpls 16", "mpls 1048575", "port 53", "host 10.0.0.1"], ["mpls 0", "vlan 16"]);
    expectMatches(
      concat(bytes(...macs, "88 48"), labels, ipv6("06", tcp)),
      ["mpls 16", "host 2001:db8::1", "tcp"],
      [],
    );
    // The last label only counts with the byte behind it: so does the index.
    expectMatches(frame.subarray(0, 22), ["mpls 16"], ["mpls 1048575"]);
  });

  it("looks into the Ethernet of an MPLS pseudo-wire", () => {
    const outer = bytes(
      ...macs,
      "88 47",
      "00 01 01 40", // label 16, bottom of stack
      "00 00 00 00", // control word
    );
    const inner = concat(bytes(...macs, "81 00", "00 07", "08 00"), ipv4("06", tcp));
    expectMatches(concat(outer, inner), ["mpls 16", "vlan 7", "port 443"], ["vlan 0"]);
  });

  it("does not look into tunnels", () => {
    const inner = ipv4("06", tcp);
    const gre = concat(bytes("00 00 08 00"), inner);
    expectMatches(onIpv6(ipv6("2f", gre)), ["ip proto 47"], ["tcp", "host 10.0.0.1", "port 443"]);
    expectMatches(onIpv6(ipv6("04", inner)), ["ip proto 4"], ["tcp", "host 10.0.0.1"]);
  });

  it("finds nothing in ARP, LLC, type 0 and frames without a whole header", () => {
    const anything = "net 0.0.0.0/0 or net ::/0 or tcp or port 0 or ip proto 0 or vlan 0 or mpls 0";
    for (const type of ["08 06", "00 2e", "00 00"]) {
      expect(matches(anything, concat(bytes(...macs, type), ipv4("06", tcp)))).toBe(false);
    }
    for (let length = 0; length < 14; length++)
      expect(matches(anything, onIpv4(tcp).subarray(0, length))).toBe(false);
  });
});

describe("compileFilter on other link types", () => {
  const yes4 = ["host 10.0.0.1", "tcp", "port 443"];
  const yes6 = ["host 2001:db8::1", "tcp", "port 443"];
  const packet4 = ipv4("06", tcp);
  const packet6 = ipv6("06", tcp);

  it.each([12, 14, 101])("reads raw IP of link type %i by its version", (linkType) => {
    expectMatches(packet4, yes4, ["udp", "net ::/0"], { linkType });
    expectMatches(packet6, yes6, ["udp", "net 0.0.0.0/0"], { linkType });
    const other = packet4.slice();
    other[0] = 0x55;
    expectMatches(other, [], ["net 0.0.0.0/0", "net ::/0", "tcp"], { linkType });
    expectMatches(new Uint8Array(), [], ["net 0.0.0.0/0", "tcp"], { linkType });
  });

  it("reads raw IPv4 and raw IPv6", () => {
    expectMatches(packet4, yes4, ["udp"], { linkType: 228 });
    expectMatches(packet6, yes6, ["udp"], { linkType: 229 });
  });

  const sll = (arphrd: string, protocol: string) =>
    bytes(
      "00 00", // packet type: to us
      arphrd,
      "00 06", // length of the address
      "02 00 00 00 00 02 00 00", // address
      protocol,
    );
  const sll2 = (arphrd: string, protocol: string) =>
    bytes(
      protocol,
      "00 00", // reserved
      "00 00 00 02", // interface
      arphrd,
      "00", // packet type: to us
      "06", // length of the address
      "02 00 00 00 00 02 00 00", // address
    );

  it.each([
    [113, sll],
    [276, sll2],
  ] as const)("reads Linux cooked frames of link type %i, and the tags in them", (linkType, header) => {
    expectMatches(concat(header("00 01", "08 00"), packet4), yes4, ["udp"], { linkType });
    expectMatches(concat(header("00 01", "86 dd"), packet6), yes6, ["udp"], { linkType });
    const tagged = concat(header("00 01", "81 00"), bytes("00 0a", "08 00"), packet4);
    expectMatches(tagged, [...yes4, "vlan 10"], ["vlan 1"], { linkType });
    expectMatches(concat(header("00 01", "00 00"), onIpv4(packet4)), [], yes4, { linkType });
    // Radiotap and Netlink: the field holds no Ethernet type.
    expectMatches(concat(header("03 23", "08 00"), packet4), [], yes4, { linkType });
    expectMatches(concat(header("03 38", "08 00"), packet4), [], yes4, { linkType });
    expectMatches(header("00 01", "08 00").subarray(0, 15), [], yes4, { linkType });
  });

  it("reads BSD loopback frames of either byte order", () => {
    const linkType = 0;
    expectMatches(concat(bytes("02 00 00 00"), packet4), yes4, ["udp"], { linkType });
    expectMatches(concat(bytes("00 00 00 02"), packet4), yes4, ["udp"], { linkType });
    for (const family of ["0a", "18", "1c", "1e"]) {
      expectMatches(concat(bytes(`${family} 00 00 00`), packet6), yes6, ["udp"], { linkType });
      expectMatches(concat(bytes(`00 00 00 ${family}`), packet6), yes6, ["udp"], { linkType });
    }
    expectMatches(concat(bytes("07 00 00 00"), packet4), [], yes4, { linkType });
    expectMatches(bytes("02 00 00"), [], yes4, { linkType });
  });

  it("reads OpenBSD loopback frames in network order only", () => {
    expectMatches(concat(bytes("00 00 00 02"), packet4), yes4, ["udp"], { linkType: 108 });
    expectMatches(concat(bytes("00 00 00 18"), packet6), yes6, ["udp"], { linkType: 108 });
    expectMatches(concat(bytes("02 00 00 00"), packet4), [], yes4, { linkType: 108 });
  });

  it("refuses other link types by number and name", () => {
    const compile = (linkType: number) => () => compileFilter(parseFilter("tcp"), { linkType });
    expect(compile(105)).toThrow(UnsupportedLinkTypeError);
    expect(compile(105)).toThrow("link type 105 (IEEE 802.11)");
    expect(compile(4711)).toThrow("link type 4711:");
    expect(compile(105)).toThrow(expect.objectContaining({ kind: "unsupported-link-type", linkType: 105 }));
  });
});

describe("compileFilter on times", () => {
  const frame = new Uint8Array();
  const at = (filter: string, seconds: number, nanoseconds: number) =>
    matches(filter, frame, ethernet, seconds, nanoseconds);

  it("takes the instant itself into after and not into before", () => {
    const instant = "2015-01-01T13:14:15.5Z";
    for (const [seconds, nanoseconds, isAfter] of [
      [1_420_118_055, 499_999_999, false],
      [1_420_118_055, 500_000_000, true],
      [1_420_118_055, 500_000_001, true],
      [1_420_118_054, 999_999_999, false],
      [1_420_118_056, 0, true],
    ] as const) {
      expect(at(`after ${instant}`, seconds, nanoseconds)).toBe(isAfter);
      expect(at(`before ${instant}`, seconds, nanoseconds)).toBe(!isAfter);
    }
  });

  it("covers every time a capture can hold", () => {
    expect(at("after 1969-12-31T23:59:59.5Z", 0, 0)).toBe(true);
    expect(at("before 1970-01-01T00:00:00Z", 0, 0)).toBe(false);
    expect(at("after 2106-02-07T06:28:15Z", 0xffffffff, 0)).toBe(true);
    expect(at("before 2106-02-07T06:28:15Z", 0xffffffff, 0)).toBe(false);
    expect(at("before 9999-12-31T23:59:59Z", 0xffffffff, 999_999_999)).toBe(true);
  });

  it("refuses a relative time", () => {
    expect(() => compileFilter(parseFilter("tcp or after 5m ago"), ethernet)).toThrow(/resolveTimes/);
  });
});

/** The filter's meaning, worked out on the index keys of a frame. */
function slowly(
  node: FilterNode,
  keys: ReadonlySet<string>,
  hasPorts: boolean,
  timestampNs: bigint,
): boolean {
  switch (node.kind) {
    case "and":
      return (
        slowly(node.left, keys, hasPorts, timestampNs) && slowly(node.right, keys, hasPorts, timestampNs)
      );
    case "or":
      return (
        slowly(node.left, keys, hasPorts, timestampNs) || slowly(node.right, keys, hasPorts, timestampNs)
      );
    case "host":
    case "net": {
      const wanted = bitsOf(printIpAddress(node.address));
      const prefix = wanted.slice(0, node.kind === "net" ? node.prefixLength : wanted.length);
      return [...keys].some((key) => {
        const bits = key.startsWith("ip ") ? bitsOf(key.slice(3)) : "";
        return bits.length === wanted.length && bits.startsWith(prefix);
      });
    }
    case "port":
      return hasPorts && keys.has(`port ${node.port}`);
    case "vlan":
      return keys.has(`vlan ${node.id}`);
    case "mpls":
      return keys.has(`mpls ${node.label}`);
    case "ip-proto":
      return keys.has(`proto ${node.protocol}`);
    case "protocol":
      return keys.has(`proto ${{ icmp: 1, tcp: 6, udp: 17 }[node.name]}`);
    case "before":
    case "after": {
      if (node.time.kind === "ago") throw new Error("relative");
      return node.kind === "before"
        ? timestampNs < node.time.timestampNs
        : timestampNs >= node.time.timestampNs;
    }
  }
}

describe("compileFilter against a slow reference", () => {
  const time = fc.bigInt(1_700_000_000_000_000_000n, 1_700_000_900_000_000_000n);
  const filter = fc.oneof({ weight: 4, arbitrary: likelyFilter }, timelessFilter);

  function expectSame(
    node: FilterNode,
    linkType: number,
    frame: Uint8Array,
    start: "ethernet" | "ip",
    timestampNs: bigint,
  ) {
    const matcher = compileFilter(node, { linkType });
    const seconds = Number(timestampNs / 1_000_000_000n);
    const nanoseconds = Number(timestampNs % 1_000_000_000n);
    const got = matcher(frame, 0, frame.length, frame.length, seconds, nanoseconds);
    const keys = indexKeys(frame, start);
    expect(got).toBe(slowly(node, keys, !isLaterIpv4Fragment(frame, start), timestampNs));
  }

  it("decides the same for Ethernet frames", () => {
    fc.assert(
      fc.property(
        filter,
        fc.array(ethernetFrame, { minLength: 1, maxLength: 5 }),
        time,
        (node, frames, timestampNs) => {
          for (const frame of frames) expectSame(node, 1, frame, "ethernet", timestampNs);
        },
      ),
      { numRuns: 700 },
    );
  });

  it("decides the same for raw IP packets", () => {
    fc.assert(
      fc.property(filter, ipPacket, fc.nat(120), time, (node, packet, cut, timestampNs) => {
        expectSame(node, 101, packet, "ip", timestampNs);
        expectSame(node, 101, packet.slice(0, cut), "ip", timestampNs);
      }),
      { numRuns: 1000 },
    );
  });

  it("decides the same for alternatives of many hosts, among others and at any depth", () => {
    const address = fc.oneof(
      ipAddress,
      fc.constantFrom(1, 2, 3).map((last) => ({ version: 4 as const, value: 0x0a000000 + last })),
    );
    const host = fc.record({ kind: fc.constant("host" as const), address });
    const side = fc.oneof({ weight: 6, arbitrary: host }, likelyFilter);
    const joined = fc
      .array(fc.tuple(side, fc.boolean()), { minLength: 4, maxLength: 30 })
      .map((sides) =>
        sides
          .map(([each]): FilterNode => each)
          .reduce((all, each, i) =>
            sides[i]?.[1] ? { kind: "or", left: all, right: each } : { kind: "or", left: each, right: all },
          ),
      );
    fc.assert(
      fc.property(
        joined,
        likelyFilter,
        fc.array(ethernetFrame, { maxLength: 5 }),
        time,
        (any, other, frames, at) => {
          for (const frame of frames)
            for (const node of [any, { kind: "and", left: other, right: any } as const])
              expectSame(node, 1, frame, "ethernet", at);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("compares as many bits of an IPv6 address as the network has, no more and no fewer", () => {
    const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(
        address,
        address,
        fc.integer({ min: 1, max: 128 }),
        fc.boolean(),
        (source, other, length, isSource) => {
          const packet = concat(
            bytes("60 00 00 00 00 00 3b 40"), // no next header
            isSource ? source : other,
            isSource ? other : source,
          );
          // The same network, and the one that differs in its last bit.
          const near = source.slice();
          const at = (length - 1) >> 3;
          near[at] = (near[at] ?? 0) ^ (0x80 >> ((length - 1) & 7));
          for (const wanted of [source, near]) {
            const groups = Array.from({ length: 8 }, (_, i) =>
              Buffer.from(wanted).toString("hex", 2 * i, 2 * i + 2),
            );
            const keys = indexKeys(packet, "ip");
            const filter = parseFilter(`net ${groups.join(":")}/${length}`);
            expect(compileFilter(filter, { linkType: 229 })(packet, 0, 40, 40, 0, 0)).toBe(
              slowly(filter, keys, false, 0n),
            );
          }
          expect(slowly(parseFilter(`net ::/0`), indexKeys(packet, "ip"), false, 0n)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("survives any bytes on any link type", () => {
    const linkType = fc.constantFrom(0, 1, 12, 14, 101, 108, 113, 228, 229, 276);
    fc.assert(
      fc.property(filter, linkType, fc.uint8Array({ maxLength: 200 }), (node, type, frame) => {
        expect(
          typeof compileFilter(node, { linkType: type })(frame, 0, frame.length, frame.length, 0, 0),
        ).toBe("boolean");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("compileFilter of large filters", () => {
  it("copes with a tree as deep as the builder makes it", () => {
    let left: FilterNode = { kind: "port", port: 443 };
    let right: FilterNode = { kind: "port", port: 443 };
    for (let i = 0; i < 50_000; i++) {
      left = { kind: i % 2 === 0 ? "or" : "and", left, right: { kind: "protocol", name: "tcp" } };
      right = { kind: i % 2 === 0 ? "or" : "and", left: { kind: "protocol", name: "tcp" }, right };
    }
    const frame = onIpv4(ipv4("06", tcp));
    const other = onIpv4(ipv4("11", udp));
    for (const node of [left, right]) {
      const matcher = compileFilter(node, ethernet);
      expect(matcher(frame, 0, frame.length, frame.length, 0, 0)).toBe(true);
      expect(matcher(other, 0, other.length, other.length, 0, 0)).toBe(false);
    }
  });
});
