import { describe, expect, it } from "vitest";
import { parseFilter } from "../parse-filter.js";
import type { PcapFilterNode, PcapNode } from "../pcap/ast.js";
import { printFilter } from "../print-filter.js";
import type { FilterNode } from "../stenographer/ast.js";
import { stenographerQuery } from "../stenographer/stenographer-query.js";
import { primitives } from "../stenographer/walk.js";
import { planFilter } from "./plan-filter.js";

const window = { from: 1_700_000_000_000_000_000n, to: 1_700_000_060_000_000_000n };
const span = { startNs: window.from, endNs: window.to };
const pcap = (text: string) => parseFilter(text, { dialect: "pcap" });
const textOf = (index: FilterNode | undefined) => (index === undefined ? undefined : printFilter(index));
const plan = (text: string) => planFilter(pcap(text), window);
const asked = (text: string) => textOf(plan(text).index);

/** Filters in tcpdump's language and what the index is asked for them; undefined: time alone. */
const table: readonly (readonly [string, string | undefined])[] = [
  ["tcp", "(tcp or ip proto 44)"],
  ["udp", "(udp or ip proto 44)"],
  ["icmp", "icmp"],
  ["icmp6", "(ip proto 58 or ip proto 44)"],
  ["sctp", "(ip proto 132 or ip proto 44)"],
  ["igmp", "ip proto 2"],
  ["esp", "(ip proto 50 or ip proto 44)"],
  ["arp", undefined],
  ["ip", undefined],
  ["ip6", "net ::/0"],
  ["port 80", "(port 80 or ip proto 132)"],
  ["tcp port 80", "(tcp and port 80)"],
  ["udp port 53", "(udp and port 53)"],
  ["sctp port 80", "ip proto 132"],
  ["tcp src port 80", "(tcp and port 80)"],
  ["dst port 443", "(port 443 or ip proto 132)"],
  ["ip and port 443", "(port 443 or ip proto 132)"],
  ["ip6 and port 443", "(port 443 or ip proto 132)"],
  ["portrange 20-22", "(((port 20 or port 21) or port 22) or ip proto 132)"],
  ["udp portrange 5000-5100", "udp"],
  ["tcp portrange 0-64", "tcp"],
  ["host 10.0.0.1", undefined],
  ["ip host 10.0.0.1", "host 10.0.0.1"],
  ["arp host 10.0.0.1", undefined],
  ["host 2001:db8::1", "host 2001:db8::1"],
  ["host ::ffff:1.2.3.4", "net ::fffe:0:0/95"],
  ["src host 10.0.0.1 and dst port 80", "((host 10.0.0.1 and port 80) or (ip proto 132 and host 10.0.0.1))"],
  ["host 10.0.0.1 and host 10.0.0.2 and tcp", "((tcp and host 10.0.0.1) and host 10.0.0.2)"],
  ["host 10.0.0.1 and not port 22", undefined],
  ["ip host 10.0.0.1 and not port 22", "host 10.0.0.1"],
  ["tcp and not port 22", "(tcp or ip proto 44)"],
  ["ip and src net 10.0.0.0/8", "net 10.0.0.0/8"],
  ["ip net 10.0.0.0 mask 255.0.0.255", "net 10.0.0.0/8"],
  ["ip net 0.0.0.1 mask 0.0.0.255", undefined],
  ["net 10.0.0.0/8", undefined],
  ["ip6 net ::/0", "net ::/0"],
  ["net 2001:db8::/32", "net 2001:db8::/32"],
  ["ip proto 47", "ip proto 47"],
  ["proto 47", "(ip proto 47 or ip proto 44)"],
  ["ip6 proto 6", "(tcp or ip proto 44)"],
  ["ip6 proto 0", "net ::/0"],
  ["ip6 proto 44", "net ::/0"],
  ["ip protochain 6", "(tcp or ip proto 51)"],
  ["ip6 protochain 6", "((tcp or ip proto 51) or ip proto 44)"],
  ["protochain 6", "((tcp or ip proto 51) or ip proto 44)"],
  ["not tcp", undefined],
  ["not not tcp", "(tcp or ip proto 44)"],
  ["not (not tcp or not port 80)", "(tcp and port 80)"],
  ["port 53 and not tcp", "((udp and port 53) or ip proto 132)"],
  ["(tcp or udp) and not udp and ip", "tcp"],
  ["tcp port 80 or udp port 53", "((tcp and port 80) or (udp and port 53))"],
  ["port 53 or port 53", "(port 53 or ip proto 132)"],
  ["tcp or tcp port 80", "(tcp or ip proto 44)"],
  ["tcp or not tcp", undefined],
  ["tcp and arp", "(tcp and udp)"],
  ["tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp"],
  ["tcp[13] = 2 and dst port 80", "(tcp and port 80)"],
  ["ip[8] < 5", undefined],
  ["icmp6[0] = 135", "ip proto 58"],
  ["icmp[icmptype] = icmp-echo", "icmp"],
  ["1 + tcp[0] > 0", undefined],
  ["tcp[0] + 1 > 0", "tcp"],
  ["len > 1000", undefined],
  ["less 100 and udp", "(udp or ip proto 44)"],
  ["ether host 00:11:22:33:44:55", undefined],
  ["ether host 00:11:22:33:44:55 and tcp port 80", "(tcp and port 80)"],
  ["broadcast", undefined],
  ["ether multicast and udp", "(udp or ip proto 44)"],
  ["ip multicast", "net 224.0.0.0/3"],
  ["ip6 multicast", "net ff00::/8"],
  ["ip broadcast", "(host 0.0.0.0 or host 255.255.255.255)"],
  ["vlan", undefined],
  ["vlan 5", "vlan 5"],
  ["vlan and tcp port 80", "(tcp and port 80)"],
  ["vlan 5 and host 10.0.0.1", "vlan 5"],
  ["vlan 5 and tcp port 80", "((tcp and vlan 5) and port 80)"],
  ["vlan 5 and vlan 6 and udp port 53", "((udp and vlan 5) and (vlan 6 and port 53))"],
  ["vlan 5 or tcp", undefined],
  ["tcp or vlan 5", "(vlan 5 or (tcp or ip proto 44))"],
  ["tcp port 80 or (vlan and tcp port 80)", "(tcp and port 80)"],
  ["(vlan and tcp) and not udp", "(tcp or ip proto 44)"],
  ["tcp and vlan 5", "(tcp and udp)"],
  ["mpls", undefined],
  ["mpls 16", "mpls 16"],
  ["mpls 16 and host 10.0.0.1", "(mpls 16 and host 10.0.0.1)"],
  ["mpls 16 and mpls 17 and tcp port 80", "((tcp and mpls 16) and (mpls 17 and port 80))"],
  ["pppoes", undefined],
  ["pppoes and tcp", undefined],
  ["pppoes 5 and host 10.0.0.1", undefined],
  ["geneve", "(udp and port 6081)"],
  ["geneve 5 and host 10.0.0.1", "(udp and port 6081)"],
  ["llc and tcp", "(tcp and udp)"],
  ["stp", undefined],
  ["ether proto 0x86dd", "net ::/0"],
  ["ether proto 0x800 and tcp", "tcp"],
  ["udp and after 2023-11-14T22:14:00Z", "((udp or ip proto 44) and after 2023-11-14T22:14:00Z)"],
  ["not after 2023-11-14T22:14:00Z", "before 2023-11-14T22:14:00Z"],
  [
    "port 80 and before 2023-11-14T22:14:00Z",
    "((port 80 and before 2023-11-14T22:14:00Z) or (ip proto 132 and before 2023-11-14T22:14:00Z))",
  ],
  ["after 1969-12-31T23:59:59Z and udp", "(udp or ip proto 44)"],
  ["ip host 10.0.0.1 and (net 10.0.0.0/8 or net 192.168.0.0/16)", "host 10.0.0.1"],
  ["tcp and (host 10.0.0.1 or net 10.0.0.0/8)", "(tcp and net 10.0.0.0/8)"],
];

describe("planFilter", () => {
  it.each(table)("asks the index for %j as %j", (text, index) => {
    expect(asked(text)).toBe(index);
    expect(plan(text).query).toBe(stenographerQuery(plan(text).index, span));
  });

  it("leaves the whole filter to be matched, whatever the index does", () => {
    for (const [text] of table) {
      const filter = pcap(text);
      expect(planFilter(filter, window).residual).toBe(filter);
    }
  });

  it("asks for a filter in Stenographer's language as it is", () => {
    const filter = parseFilter("host 10.0.0.1 and after 2023-11-14T22:13:30Z");
    const { index, query, residual, explanation } = planFilter(filter, window);
    expect(index).toBe(filter);
    expect(residual).toBe(filter);
    expect(query).toBe(stenographerQuery(filter, span));
    expect(explanation[0]).toBe(
      "The index is asked for the filter as it is: `(host 10.0.0.1 and after 2023-11-14T22:13:30Z)`",
    );
  });

  it("asks for time alone where there is no filter, and leaves nothing to match", () => {
    const { index, query, residual, explanation } = planFilter(undefined, window);
    expect(index).toBeUndefined();
    expect(residual).toBeUndefined();
    expect(query).toBe("(after 2023-11-14T22:13:05Z and before 2023-11-14T22:14:20Z)");
    expect(explanation).toEqual(["Reads every packet in the window: there is no filter"]);
  });

  it("widens the window by what the sensor's files hold", () => {
    const { query } = planFilter(pcap("icmp"), { ...window, fileAgeSeconds: 300, blockageSeconds: 20 });
    expect(query).toBe("((after 2023-11-14T22:08:55Z and before 2023-11-14T22:14:20Z) and icmp)");
    expect(() => planFilter(pcap("icmp"), { ...window, fileAgeSeconds: -1 })).toThrow(RangeError);
  });

  it("refuses times that are still relative, in both languages", () => {
    expect(() => plan("tcp or after 5m ago")).toThrow(/resolveTimes/);
    expect(() => planFilter(parseFilter("after 5m ago"), window)).toThrow(/resolveTimes/);
  });

  it("takes vlan as any tag where tags are looked through, and what follows as if there were none", () => {
    const through = (text: string) =>
      textOf(planFilter(pcap(text), { ...window, vlanTransparent: true }).index);
    expect(through("vlan 5 and tcp port 80")).toBe("((tcp and vlan 5) and port 80)");
    expect(through("tcp port 80 and vlan 5")).toBe("((tcp and port 80) and vlan 5)");
    expect(through("vlan 5 or tcp port 80")).toBe("(vlan 5 or (tcp and port 80))");
    expect(through("vlan and udp port 53")).toBe("(udp and port 53)");
    expect(through("geneve and vlan 5")).toBe("(udp and port 6081)");
  });

  it("looks at each place of a node that stands at two", () => {
    const tcp: PcapNode = { kind: "protocol", name: "tcp" };
    const vlan: PcapNode = { kind: "vlan", id: 5 };
    const and = (left: PcapNode, right: PcapNode): PcapNode => ({ kind: "and", left, right });
    const expression: PcapNode = { kind: "or", left: tcp, right: and(vlan, tcp) };
    const filter: PcapFilterNode = { kind: "pcap", expression };
    expect(textOf(planFilter(filter, window).index)).toBe("(tcp or ip proto 44)");
    const other: PcapFilterNode = { kind: "pcap", expression: and(and(vlan, tcp), tcp) };
    expect(textOf(planFilter(other, window).index)).toBe("((tcp or ip proto 44) and vlan 5)");
  });

  it("tells no more than four tags and labels in a row apart", () => {
    expect(asked("vlan 1 and vlan 2 and vlan 3 and vlan 4 and vlan 5 and tcp")).toBe(
      "((vlan 1 and vlan 2) and (vlan 3 and vlan 4))",
    );
  });

  it("asks port by port for 64 ports of a range, and for the protocol beyond", () => {
    const ports = [...primitives(plan("tcp portrange 100-163").index ?? fail())];
    expect(ports).toHaveLength(65);
    expect(asked("tcp portrange 100-164")).toBe("tcp");
  });

  it("never asks for more than 512 terms and 16 KiB, however long the filter is", () => {
    const list = (length: number, item: (i: number) => string, between = " or ") =>
      Array.from({ length }, (_, i) => item(i)).join(between);
    const ip = (i: number) => `ip host 10.0.${i >> 8}.${i & 255}`;
    const whole = plan(list(512, ip));
    expect([...primitives(whole.index ?? fail())]).toHaveLength(512);
    const long: readonly [string, string | undefined][] = [
      [list(513, ip), undefined],
      [`tcp and (${list(513, ip)})`, "tcp"],
      [`udp port 53 and (${list(1000, ip)})`, "(udp and port 53)"],
      [list(600, (i) => `tcp port ${i}`), "tcp"],
      [list(400, (i) => `host 2001:db8:1111:2222:3333:4444:5555:${(i + 4096).toString(16)}`), "net ::/0"],
    ];
    for (const [text, index] of long) {
      expect(asked(text)).toBe(index);
      expect(plan(text).explanation.join("\n")).toContain("too long to be asked for in full");
    }
  });

  it.each([
    ["tcp or ", "tcp"],
    ["not ", "tcp"],
    ["(tcp and port 1 or ", "tcp"],
    ["ip host 10.0.0.1 or udp port 1 and ", "tcp"],
    ["vlan or ", "tcp"],
  ])("takes %j over and over", (piece, end) => {
    const isList = piece === "tcp or " || piece === "vlan or ";
    const times = isList ? Math.floor(60_000 / piece.length) : 190;
    const text = `${piece.repeat(times)}${end}${")".repeat(piece.startsWith("(") ? times : 0)}`;
    const { index, query } = planFilter(pcap(text), window);
    expect(query.length).toBeLessThan(17_000);
    expect(query).toBe(stenographerQuery(index, span));
  });

  it("ends soon for long filters that would have a bound of their own for each protocol", () => {
    let expression: PcapNode = { kind: "protocol", name: "tcp" };
    for (let i = 0; i < 3000; i++) {
      const kind = i % 2 === 0 ? "or" : "and";
      const address = { version: 4, value: 0x0a000000 + i } as const;
      const right: PcapNode =
        kind === "or"
          ? { kind: "proto", protocol: "ip", number: i % 200 }
          : { kind: "host", protocol: "ip", address };
      expression = { kind, left: expression, right };
    }
    const { index, query } = planFilter({ kind: "pcap", expression }, window);
    expect(query.length).toBeLessThan(17_000);
    expect(query).toBe(stenographerQuery(index, span));
  });
});

function fail(): never {
  throw new Error("there is no index filter");
}

// The server counts what matches behind tags only in what the index gives.
it("asks the index the same whether the filter looks behind VLAN tags or not, if it names none", () => {
  for (const [text, index] of table) {
    if (text.includes("vlan")) continue;
    const transparent = planFilter(pcap(text), { ...window, vlanTransparent: true });
    expect([text, textOf(transparent.index)]).toEqual([text, index]);
  }
});

describe("the explanation", () => {
  const matched = (text: string) =>
    `Every packet that comes back is matched here against \`${printFilter(pcap(text))}\``;
  const whole =
    "Not found are packets that were cut or malformed within the headers that the index is made from, up to TCP and UDP";
  const noTags =
    "The filter does not look behind VLAN tags, unless asked to with vlan_transparent (vlanTransparent, --any-vlan)";

  it("says what the index is asked, and why it is wider", () => {
    const text = "src port 53 and ip";
    expect(plan(text).explanation).toEqual([
      "The index is asked for `(port 53 or ip proto 132)`",
      "`src port 53` is asked for as `(port 53 or ip proto 132)`: the index has no ports of SCTP; the index knows no direction",
      "`ip` is not in the index: it has IP protocols by their number, and no other types",
      matched(text),
      whole,
      noTags,
    ]);
  });

  it("names the parts that make it read every packet", () => {
    const text = "src host 10.0.0.1 and not port 22";
    expect(plan(text).explanation).toEqual([
      "Reads every packet in the window: no part of the filter is in the index",
      "`src host 10.0.0.1` is not in the index: it also means ARP, which is in no index; with `ip` in front it would not",
      "`not port 22` is not in the index: it knows no `not`",
      matched(text),
      noTags,
    ]);
  });

  it("says that an or can make it read every packet, though a part is in the index", () => {
    const text = "tcp port 80 or len > 1000";
    expect(plan(text).explanation).toEqual([
      "Reads every packet in the window: not all that the filter allows is in the index",
      "`len > 1000` is not in the index: it has no bytes and lengths of packets",
      matched(text),
      noTags,
    ]);
  });

  it("says what vlan does behind an or, and which tags it means", () => {
    expect(plan("vlan 5 or tcp").explanation[1]).toMatch(/^`vlan` and `mpls` move what stands behind them/);
    expect(plan("vlan 5 and tcp").explanation.at(-1)).toMatch(/^VLAN tags that the network card took off/);
  });

  it.each(["vlan and tcp", "ether host 00:11:22:33:44:55", "len > 1000"])(
    "says nothing of VLAN tags where they make no difference: %s",
    (text) => {
      expect(plan(text).explanation).not.toContain(noTags);
    },
  );

  it("says nothing of them where the filter looks behind them", () => {
    const options = { ...window, vlanTransparent: true };
    expect(planFilter(pcap("tcp port 80"), options).explanation).not.toContain(noTags);
    expect(planFilter(parseFilter("port 80"), window).explanation).not.toContain(noTags);
  });

  it("says that nothing can match", () => {
    expect(plan("arp and tcp").explanation[0]).toBe(
      "No packet can match: the index is asked for `(tcp and udp)`, which no packet is",
    );
  });

  it("stays short for a filter of many parts", () => {
    const { explanation } = plan(Array.from({ length: 500 }, (_, i) => `len > ${i}`).join(" or "));
    expect(explanation.length).toBeLessThan(20);
    for (const line of explanation) expect(line.length).toBeLessThan(500);
  });
});
