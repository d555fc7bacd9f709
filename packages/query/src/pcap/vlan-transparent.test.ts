import { describe, expect, it } from "vitest";
import { bytes, concat } from "../../test-support/bytes.js";
import { matchingFilters } from "../../test-support/matching-filters.js";
import { arpRequest, tcpSyn } from "../../test-support/segments.js";

const ethernet = 1;
const cooked = 113;
const cooked2 = 276;

const matching = (
  frame: Uint8Array,
  filters: readonly string[],
  vlanTransparent: boolean | undefined,
  linkType = ethernet,
): string[] => matchingFilters(frame, filters, { linkType, vlanTransparent });

const macs = bytes(
  "02 00 00 00 00 02", // destination
  "02 00 00 00 00 01", // source
);

const packet = bytes(
  "45", // version 4, header of 5 words
  "00", // type of service
  "00 28", // total length
  "00 07", // identification
  "00 00", // flags and offset
  "40", // time to live
  "06", // TCP
  "00 00", // checksum
  "0a 00 00 01", // source 10.0.0.1
  "c0 a8 01 02", // destination 192.168.1.2
  Buffer.from(tcpSyn("c0 00", "00 50")).toString("hex"), // from port 49152 to 80
);

const packet6 = bytes(
  "60 00 00 00", // version 6, flow
  "00 08", // payload length
  "11", // UDP
  "40", // hop limit
  "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01", // source 2001:db8::1
  "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02", // destination 2001:db8::2
  "c0 00", // source port 49152
  "00 35", // destination port 53
  "00 08", // length
  "00 00", // checksum
);

const request = arpRequest("02 00 00 00 00 01", "0a 00 00 01", "0a 00 00 09"); // from 10.0.0.1 for 10.0.0.9

const spanningTree = bytes(
  "42", // destination service access point
  "42", // source service access point
  "03", // unnumbered information
  "00 00 00 00", // protocol, version, type
);

const ofTcp = [
  "host 10.0.0.1",
  "src host 10.0.0.1",
  "dst net 192.168.0.0/16",
  "ip",
  "tcp",
  "tcp port 80",
  "dst portrange 79-81",
  "ip proto 6",
  "ip protochain 6",
  "ip[8] = 64",
  "tcp[13] & 2 != 0",
  "ether host 02:00:00:00:00:01",
  "not arp",
  "not udp",
];
const ofUdp6 = [
  "host 2001:db8::1",
  "net 2001:db8::/32",
  "ip6",
  "udp",
  "udp port 53",
  "ip6 protochain 17",
  "ether host 02:00:00:00:00:01",
  "not arp",
  "not tcp",
  "not ip",
];
const ofArp = [
  "host 10.0.0.1",
  "src host 10.0.0.1",
  "host 10.0.0.9",
  "ether host 02:00:00:00:00:01",
  "not udp",
  "arp",
  "arp host 10.0.0.1",
  "arp[7] = 1",
  "not tcp",
  "not ip",
];
const ofSpanningTree = [
  "stp",
  "llc",
  "llc ui",
  "ether host 02:00:00:00:00:01",
  "not arp",
  "not udp",
  "not tcp",
  "not ip",
];
const every = [...new Set([...ofTcp, ...ofUdp6, ...ofArp, ...ofSpanningTree])];
const only = (wanted: readonly string[]) => every.filter((text) => wanted.includes(text));

const contents: readonly [name: string, type: string, payload: Uint8Array, wanted: readonly string[]][] = [
  ["TCP over IPv4", "08 00", packet, ofTcp],
  ["UDP over IPv6", "86 dd", packet6, ofUdp6],
  ["ARP", "08 06", request, ofArp],
  ["a spanning tree", "00 07", spanningTree, ofSpanningTree],
];

/** Each is the type of the first tag, ids and types in between; what the frame holds comes behind. */
const tags: readonly [name: string, fields: string][] = [
  ["an 802.1Q tag", "81 00  00 05"],
  ["a tag with a priority", "81 00  e0 05"],
  ["an 802.1ad tag", "88 a8  00 05"],
  ["an old QinQ tag", "91 00  00 05"],
  ["two tags of QinQ", "88 a8  00 05  81 00  00 07"],
  ["two 802.1Q tags", "81 00  00 05  81 00  00 07"],
  ["three tags", "91 00  00 05  88 a8  00 06  81 00  00 07"],
];

describe("vlanTransparent", () => {
  describe.each(contents)("on %s", (_name, type, payload, wanted) => {
    it("selects the same frames without tags as without the option", () => {
      const frame = concat(macs, bytes(type), payload);
      expect(matching(frame, every, undefined)).toEqual(only(wanted));
      expect(matching(frame, every, true)).toEqual(only(wanted));
    });

    it.each(tags)("finds behind %s what it would find without", (_tag, fields) => {
      const frame = concat(macs, bytes(fields, type), payload);
      expect(matching(frame, every, true)).toEqual(only(wanted));
    });
  });

  it("takes vlan for any tag of the frame, wherever it stands in the filter", () => {
    const filters = [
      "vlan",
      "vlan 0",
      "vlan 5",
      "vlan 6",
      "vlan 7",
      "vlan 5 and vlan 7",
      "vlan 7 and vlan 5",
      "vlan 5 and host 10.0.0.1",
      "host 10.0.0.1 and vlan 7",
      "not vlan",
      "not vlan 6",
    ];
    const one = concat(macs, bytes("81 00", "a0 05", "08 00"), packet);
    expect(matching(one, filters, true)).toEqual([
      "vlan",
      "vlan 5",
      "vlan 5 and host 10.0.0.1",
      "not vlan 6",
    ]);
    const two = concat(macs, bytes("88 a8", "00 05", "81 00", "00 07", "08 00"), packet);
    expect(matching(two, filters, true)).toEqual(
      filters.filter((text) => !["vlan 0", "vlan 6", "not vlan"].includes(text)),
    );
    const none = concat(macs, bytes("08 00"), packet);
    expect(matching(none, filters, true)).toEqual(["not vlan", "not vlan 6"]);
    const priority = concat(macs, bytes("81 00", "e0 00", "08 00"), packet);
    expect(matching(priority, filters, true)).toEqual(["vlan", "vlan 0", "not vlan 6"]);
  });

  it("leaves the Ethernet header where it is", () => {
    const frame = concat(macs, bytes("81 00", "00 05", "08 00"), packet);
    expect(matching(frame, ["ether[12:2] = 0x8100", "ether[12:2] = 0x0800"], true)).toEqual([
      "ether[12:2] = 0x8100",
    ]);
  });

  it("takes no tag of which the end was not captured", () => {
    const frame = concat(macs, bytes("81 00", "00 05", "08 00"));
    const filters = ["vlan", "vlan 5", "ip", "not ip"];
    expect(matching(frame, filters, true)).toEqual(["vlan", "vlan 5", "ip"]);
    expect(matching(frame.subarray(0, 17), filters, true)).toEqual(["not ip"]);
    expect(matching(frame.subarray(0, 13), filters, true)).toEqual([]);
  });

  it.each([
    [
      cooked,
      (type: string) =>
        bytes(
          "00 00", // packet type: to us
          "00 01", // Ethernet
          "00 06", // length of the address
          "02 00 00 00 00 01 00 00", // address
          type,
        ),
    ],
    [
      cooked2,
      (type: string) =>
        bytes(
          type,
          "00 00", // reserved
          "00 00 00 02", // interface
          "00 01", // Ethernet
          "00", // packet type: to us
          "06", // length of the address
          "02 00 00 00 00 01 00 00", // address
        ),
    ],
  ] as const)("looks behind the tags of Linux cooked frames of link type %i", (linkType, header) => {
    const filters = every.filter((text) => !/ether|llc/.test(text));
    const expected = (wanted: readonly string[]) => only(wanted).filter((text) => filters.includes(text));
    for (const [, type, payload, wanted] of contents.slice(0, 3)) {
      expect(matching(concat(header(type), payload), filters, undefined, linkType)).toEqual(expected(wanted));
      expect(matching(concat(header(type), payload), filters, true, linkType)).toEqual(expected(wanted));
      const one = concat(header("81 00"), bytes("00 05", type), payload);
      expect(matching(one, filters, true, linkType)).toEqual(expected(wanted));
      const two = concat(header("88 a8"), bytes("00 05", "81 00", "00 07", type), payload);
      expect(matching(two, filters, true, linkType)).toEqual(expected(wanted));
      expect(matching(two, ["vlan", "vlan 5", "vlan 6", "vlan 7", "inbound"], true, linkType)).toEqual([
        "vlan",
        "vlan 5",
        "vlan 7",
        "inbound",
      ]);
    }
  });

  it("changes nothing for link types that have no tags", () => {
    expect(matching(packet, ["host 10.0.0.1", "tcp port 80", "arp", "not tcp"], true, 101)).toEqual([
      "host 10.0.0.1",
      "tcp port 80",
    ]);
    expect(() => matching(packet, ["vlan 5"], true, 101)).toThrow(
      "there are no VLAN tags in raw IP captures",
    );
  });

  it.each([
    ["left out", undefined],
    ["false", false],
  ] as const)("means, when %s, what libpcap means: tags are looked behind by vlan only", (_how, option) => {
    const filters = [
      "host 10.0.0.1",
      "tcp port 80",
      "tcp",
      "ip",
      "arp",
      "not tcp",
      "vlan",
      "vlan 5",
      "vlan 7",
      "host 10.0.0.1 and vlan 5",
      "vlan 5 and host 10.0.0.1",
      "vlan and tcp port 80",
      "vlan 5 and vlan 7",
      "vlan and vlan and host 10.0.0.1",
      "vlan 7 and vlan 5",
    ];
    const one = concat(macs, bytes("81 00", "00 05", "08 00"), packet);
    expect(matching(one, filters, option)).toEqual([
      "not tcp",
      "vlan",
      "vlan 5",
      "vlan 5 and host 10.0.0.1",
      "vlan and tcp port 80",
    ]);
    const two = concat(macs, bytes("88 a8", "00 05", "81 00", "00 07", "08 00"), packet);
    expect(matching(two, filters, option)).toEqual([
      "not tcp",
      "vlan",
      "vlan 5",
      "vlan 5 and vlan 7",
      "vlan and vlan and host 10.0.0.1",
    ]);
    const arp = concat(macs, bytes("81 00", "00 05", "08 06"), request);
    expect(matching(arp, ["arp", "vlan and arp", "host 10.0.0.9", "not tcp"], option)).toEqual([
      "vlan and arp",
      "not tcp",
    ]);
    const cookedFrame = concat(
      bytes("00 00", "00 01", "00 06", "02 00 00 00 00 01 00 00", "81 00", "00 05", "08 00"),
      packet,
    );
    expect(matching(cookedFrame, ["host 10.0.0.1", "tcp", "not tcp"], option, cooked)).toEqual(["not tcp"]);
    expect(() => matching(cookedFrame, ["vlan 5"], option, cooked)).toThrow(
      "no VLAN tags in Linux cooked v1",
    );
  });
});
