import { describe, expect, it } from "vitest";
import { bytes } from "../../test-support/bytes.js";
import { matchingFilters } from "../../test-support/matching-filters.js";
import { arpRequest, tcpSyn } from "../../test-support/segments.js";
import { FilterSyntaxError } from "../syntax-error.js";

/** Asserts which of the filters match. */
function expectMatches(
  frame: Uint8Array,
  yes: readonly string[],
  no: readonly string[],
  options: { linkType?: number; vlanTransparent?: boolean } = {},
): void {
  expect(matchingFilters(frame, [...yes, ...no], options)).toEqual(yes);
}

const hex = (part: Uint8Array) => Buffer.from(part).toString("hex");

function ethernet(end: string, type: string, payload: Uint8Array): Uint8Array {
  return bytes(
    `02 00 00 00 ${end} 02`, // destination
    `02 00 00 00 ${end} 01`, // source
    type,
    hex(payload),
  );
}

function ipv4(
  protocol: string,
  net: string,
  payload: Uint8Array,
  fragment = "00 00",
  options = "",
): Uint8Array {
  return bytes(
    options === "" ? "45" : "46", // version 4, header of 5 or 6 words
    "00", // type of service
    "00 80", // total length
    "00 07", // identification
    fragment, // flags and offset
    "40", // time to live
    protocol,
    "00 00", // checksum
    `0a ${net} 00 01`, // source 10.net.0.1
    `0a ${net} 00 02`, // destination 10.net.0.2
    options,
    hex(payload),
  );
}

function ipv6(next: string, net: string, payload: Uint8Array): Uint8Array {
  return bytes(
    "60 00 00 00", // version 6, flow
    "00 80", // payload length
    next, // next header
    "40", // hop limit
    `20 01 0d b8 00 ${net} 00 00 00 00 00 00 00 00 00 01`, // source 2001:db8:net::1
    `20 01 0d b8 00 ${net} 00 00 00 00 00 00 00 00 00 02`, // destination 2001:db8:net::2
    hex(payload),
  );
}

function udp(payload: Uint8Array, destination = "17 c1", source = "c3 50"): Uint8Array {
  return bytes(
    source, // source port 50000
    destination, // destination port 6081
    "00 60", // length
    "00 00", // checksum
    hex(payload),
  );
}

interface Header {
  readonly version?: string;
  readonly options?: string;
  readonly type?: string;
  readonly vni?: string;
}

/** RFC 8926, section 3.4. */
function geneve(
  payload: Uint8Array,
  { version, options = "", type = "65 58", vni }: Header = {},
): Uint8Array {
  return bytes(
    version ?? (options === "" ? "00" : "02"), // version 0, words of options
    "00", // flags
    type, // Ethernet
    vni ?? "00 00 2a", // 42
    "00", // reserved
    options,
    hex(payload),
  );
}

const option = [
  "01 02", // class
  "80", // type, critical
  "01", // one word
  "de ad be ef",
].join(" ");

const tcp = tcpSyn("c0 00", "01 bb"); // from port 49152 to 443
const arp = arpRequest("02 00 00 00 22 01", "0a 02 00 01", "0a 02 00 02"); // from 10.2.0.1 for 10.2.0.2

// Outside are the networks 10.1.0.0/16 and 2001:db8:1::/48, inside 10.2.0.0/16 and 2001:db8:2::/48.
const outside4 = (payload: Uint8Array) => ethernet("11", "08 00", ipv4("11", "01", payload));
const outside6 = (payload: Uint8Array) => ethernet("11", "86 dd", ipv6("11", "01", payload));
const packet = ipv4("06", "02", tcp);
const inside = ethernet("22", "08 00", packet);

const outsides: readonly [name: string, outside: (payload: Uint8Array) => Uint8Array][] = [
  ["IPv4", outside4],
  [
    "IPv4 with options",
    (payload) => ethernet("11", "08 00", ipv4("11", "01", payload, "40 00", "01 01 01 01")),
  ],
  ["IPv6", outside6],
];
const headers: readonly [name: string, header: Header][] = [
  ["without options", {}],
  ["with options", { options: option }],
];
const kinds = outsides.flatMap(([over, outside]) =>
  headers.map(([how, header]) => [over, how, outside, header] as const),
);

describe("geneve", () => {
  it.each(kinds)("finds tunnels over %s, %s, and tells their network", (_over, _how, outside, header) => {
    expectMatches(
      outside(udp(geneve(inside, header))),
      ["geneve", "geneve 42", "geneve 0x2a", "not geneve 43"],
      ["geneve 43", "geneve 0", "geneve 10752", "geneve 16777215", "not geneve", "not geneve 42"],
    );
    expectMatches(
      outside(udp(geneve(inside, { ...header, vni: "ff ff fe" }))),
      ["geneve", "geneve 16777214"],
      ["geneve 16777215", "geneve 254", "geneve 0"],
    );
  });

  it.each(kinds)(
    "looks inside tunnels over %s, %s, with what stands behind it",
    (_over, _how, outside, header) => {
      expectMatches(
        outside(udp(geneve(inside, header))),
        [
          "geneve and host 10.2.0.1",
          "geneve 42 and src host 10.2.0.1 and dst host 10.2.0.2",
          "geneve and net 10.2.0.0/16",
          "geneve and ip",
          "geneve and tcp",
          "geneve 42 and tcp port 443",
          "geneve and dst portrange 440-450",
          "geneve and tcp[13] & 2 != 0",
          "geneve and ip[16] = 10",
          "geneve and ether host 02:00:00:00:22:01",
          "geneve and ether dst 02:00:00:00:22:02",
          "geneve and ether[12:2] = 0x0800",
          "geneve and not udp",
          "udp and geneve and not udp",
          "udp dst port 6081 and geneve 42 and host 10.2.0.2 and port 443",
        ],
        [
          "geneve 43 and host 10.2.0.1",
          "geneve and host 10.1.0.1",
          "geneve and host 2001:db8:1::1",
          "geneve and dst host 10.2.0.1",
          "geneve and udp",
          "geneve and port 6081",
          "geneve and port 80",
          "geneve and src port 443",
          "geneve and ip6",
          "geneve and arp",
          "geneve and not tcp",
          "geneve and ether host 02:00:00:00:11:01",
          "geneve and ether broadcast",
          "geneve and llc",
          "geneve and vlan",
          "host 10.2.0.1",
          "host 10.2.0.1 and geneve",
          "tcp",
        ],
      );
    },
  );

  it.each(kinds)("finds other frames inside tunnels over %s, %s", (_over, _how, outside, header) => {
    expectMatches(
      outside(udp(geneve(ethernet("22", "86 dd", ipv6("06", "02", tcp)), header))),
      [
        "geneve and ip6",
        "geneve and host 2001:db8:2::2",
        "geneve and tcp port 443",
        "geneve and ip6[7] = 64",
      ],
      ["geneve and ip", "geneve and host 2001:db8:1::2", "geneve and udp", "geneve and port 80"],
    );
    expectMatches(
      outside(udp(geneve(ethernet("22", "08 06", arp), header))),
      ["geneve and arp", "geneve and host 10.2.0.2", "geneve and not tcp"],
      ["geneve and ip", "geneve and host 10.1.0.2", "geneve and tcp"],
    );
    expectMatches(
      outside(udp(geneve(ethernet("22", "81 00", bytes("00 05", "08 00", hex(packet))), header))),
      ["geneve and vlan", "geneve and vlan 5", "geneve and vlan 5 and host 10.2.0.1 and port 443"],
      ["geneve and vlan 6", "geneve and ip", "geneve and host 10.2.0.1", "vlan", "geneve and vlan and vlan"],
    );
    expectMatches(
      outside(udp(geneve(ethernet("22", "88 47", bytes("00 01 01 40", hex(packet))), header))),
      ["geneve and mpls", "geneve and mpls 16", "geneve and mpls 16 and host 10.2.0.1 and tcp port 443"],
      ["geneve and mpls 17", "geneve and ip", "mpls"],
    );
  });

  it.each(kinds)("knows no Ethernet where there is none, over %s, %s", (_over, _how, outside, header) => {
    expectMatches(
      outside(udp(geneve(packet, { ...header, type: "08 00" }))),
      [
        "geneve",
        "geneve 42",
        "geneve and ip",
        "geneve and host 10.2.0.1",
        "geneve 42 and tcp port 443",
        "geneve and not ether multicast",
      ],
      [
        "geneve and ip6",
        "geneve and udp",
        "geneve and ether host 0a:02:00:01:0a:02",
        "geneve and ether multicast",
        "geneve and not ip",
      ],
    );
    expectMatches(
      outside(udp(geneve(ipv6("06", "02", tcp), { ...header, type: "86 dd" }))),
      ["geneve and ip6", "geneve and host 2001:db8:2::1", "geneve and tcp port 443"],
      ["geneve and ip", "geneve and udp"],
    );
  });

  it.each(outsides)("finds a tunnel inside a tunnel over %s", (_over, outside) => {
    const innermost = ethernet("33", "08 00", ipv4("06", "03", tcp));
    const second = udp(geneve(innermost, { options: option, vni: "00 00 07" }));
    expectMatches(
      outside(udp(geneve(ethernet("22", "08 00", ipv4("11", "02", second))))),
      ["geneve and geneve", "geneve 42 and host 10.2.0.1 and geneve 7 and host 10.3.0.1 and port 443"],
      [
        "geneve 7",
        "geneve and geneve 42",
        "geneve and geneve and host 10.2.0.1",
        "geneve and geneve and geneve",
      ],
    );
  });

  it("takes nothing for a tunnel that is not one", () => {
    const filters = ["geneve", "geneve 42", "geneve and ip", "geneve and host 10.2.0.1"];
    const tunnel = geneve(inside);
    for (const outside of [outside4, outside6]) {
      expectMatches(outside(udp(tunnel, "17 c2")), ["not geneve"], filters); // port 6082
      expectMatches(outside(udp(tunnel, "c3 50", "17 c1")), ["not geneve"], filters); // from port 6081
      expectMatches(outside(udp(geneve(inside, { version: "40" }))), ["not geneve"], filters); // version 1
      expectMatches(outside(udp(geneve(inside, { version: "80" }))), ["not geneve"], filters); // version 2
    }
    const overTcp = ethernet("11", "08 00", ipv4("06", "01", udp(tunnel)));
    expectMatches(overTcp, ["not geneve"], filters);
    const fragment = ethernet("11", "08 00", ipv4("11", "01", udp(tunnel), "00 01"));
    expectMatches(fragment, ["not geneve"], filters);
    expectMatches(ethernet("11", "08 06", arp), ["not geneve"], filters);
    expectMatches(inside, ["not geneve"], filters);
  });

  it("counts from the frame's start where `or` leads past a tunnel that is none; libpcap from memory that it never wrote", () => {
    const frame = ethernet("00", "88 b5", new Uint8Array(64)); // a type for experiments, IEEE 802
    expectMatches(
      frame,
      ["geneve or ether[0] = 2", "geneve or ether[5] = 2"],
      ["geneve", "geneve and ether[0] = 2"],
    );
  });

  it("matches neither way where the headers it reads were not captured", () => {
    const frame = outside4(udp(geneve(inside, { options: option })));
    // 14 of Ethernet, 20 of IPv4, 8 of UDP, 8 of Geneve, 8 of options.
    expectMatches(
      frame.subarray(0, 50),
      ["geneve", "geneve 42"],
      ["not geneve", "geneve and ip", "geneve and not ip"],
    );
    expectMatches(frame.subarray(0, 43), [], ["geneve", "geneve 42", "not geneve 42"]);
    expectMatches(frame.subarray(0, 42), [], ["geneve", "not geneve"]);
  });

  it("stands behind vlan where the tunnel is in a tagged frame", () => {
    const tunnel = ipv4("11", "01", udp(geneve(inside)));
    const frame = ethernet("11", "81 00", bytes("00 05", "08 00", hex(tunnel)));
    expectMatches(
      frame,
      ["vlan 5 and geneve 42", "vlan 5 and geneve and host 10.2.0.1 and tcp port 443", "not geneve"],
      ["geneve", "vlan 6 and geneve", "vlan and geneve 43", "vlan and geneve and vlan"],
    );
  });

  it.each([
    ["raw IP", 101, ""],
    ["BSD loopback", 0, "02 00 00 00"],
    ["Linux cooked v1", 113, "00 00  00 01  00 06  02 00 00 00 00 01 00 00  08 00"],
    ["Linux cooked v2", 276, "08 00  00 00  00 00 00 02  00 01  00  06  02 00 00 00 00 01 00 00"],
  ])("finds tunnels in %s, and Ethernet inside them", (_name, linkType, header) => {
    expectMatches(
      bytes(header, hex(ipv4("11", "01", udp(geneve(inside, { options: option }))))),
      ["geneve", "geneve 42 and host 10.2.0.1", "geneve and port 443 and ether src 02:00:00:00:22:01"],
      ["geneve 43", "geneve and host 10.1.0.1", "geneve and ether src 02:00:00:00:11:01"],
      { linkType },
    );
  });

  it("looks behind the tags outside and inside with vlanTransparent", () => {
    const options = { vlanTransparent: true };
    const yes = [
      "geneve 42",
      "geneve and host 10.2.0.1",
      "geneve and tcp port 443",
      "geneve and tcp[13] & 2 != 0",
      "geneve and ether host 02:00:00:00:22:01",
      "host 10.1.0.1 and geneve and host 10.2.0.2",
    ];
    const no = [
      "geneve 43",
      "geneve and host 10.1.0.1",
      "geneve and udp",
      "geneve and not ip",
      "geneve and vlan 9",
    ];
    const once = bytes("00 07", "08 00", hex(packet));
    const twice = bytes("00 07", "81 00", "00 08", "08 00", hex(packet));
    const insides: readonly [inner: Uint8Array, tags: readonly string[]][] = [
      [inside, []],
      [ethernet("22", "81 00", once), ["geneve and vlan", "geneve and vlan 7"]],
      [
        ethernet("22", "88 a8", twice),
        ["geneve and vlan", "geneve and vlan 7", "geneve and vlan 8", "geneve and vlan 7 and host 10.2.0.1"],
      ],
    ];
    for (const [inner, tags] of insides) {
      const tunnel = hex(ipv4("11", "01", udp(geneve(inner, { options: option }))));
      const without = tags.length === 0 ? ["geneve and vlan"] : [];
      expectMatches(
        ethernet("11", "08 00", bytes(tunnel)),
        [...yes, ...tags],
        [...no, ...without, "vlan", "vlan 7", "geneve and vlan 5"],
        options,
      );
      expectMatches(
        ethernet("11", "81 00", bytes("00 05", "08 00", tunnel)),
        [...yes, ...tags, "vlan", "vlan 5 and geneve"],
        [...no, ...without, "vlan 7", "geneve and vlan 5"],
        options,
      );
    }
    // A tag right behind the Geneve header: no Ethernet header is there.
    expectMatches(
      outside4(udp(geneve(once, { type: "81 00" }))),
      ["geneve and host 10.2.0.1", "geneve and vlan 7"],
      ["geneve and ether host 00:07:08:00:45:00", "geneve and ether multicast"],
      options,
    );
    expectMatches(
      outside4(udp(geneve(packet, { type: "08 00" }))),
      ["geneve and host 10.2.0.1", "geneve and not ether host 0a:02:00:01:0a:02"],
      ["geneve and vlan", "geneve and ether host 0a:02:00:01:0a:02"],
      options,
    );
  });

  it("refuses a header chain behind it, and numbers that are no network's", () => {
    const frame = outside4(udp(geneve(inside)));
    for (const vlanTransparent of [false, true]) {
      expect(() => matchingFilters(frame, ["geneve and ip protochain 6"], { vlanTransparent })).toThrow(
        '"protochain" does not work inside a tunnel',
      );
    }
    expect(() => matchingFilters(frame, ["geneve 16777216"])).toThrow(FilterSyntaxError);
    expect(() => matchingFilters(frame, ["geneve -1"])).toThrow(FilterSyntaxError);
  });
});
