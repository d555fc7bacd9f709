import { type FilterDialect, maxFilterLength, parseFilter, printFilter } from "@stenogrpc/query";
import { createRandom, type Random } from "@stenogrpc/testkit";
import fc from "fast-check";
import { anyFilter } from "../../packages/query/test-support/arbitraries.js";
import {
  documentedFilters,
  documentedFiltersWithNames,
} from "../../packages/query/test-support/documented-filters.js";
import { filterText } from "../../packages/query/test-support/pcap-filter-text.js";

/** A text to read as a filter, and how it was made. */
export interface FuzzText {
  readonly kind: "bytes" | "soup" | "mutation" | "nesting" | "64 KiB" | "1 MiB";
  readonly dialect: FilterDialect;
  readonly text: string;
}

/** Makes texts: number `index` is always the same one for the same seed, so that each can be had again alone. */
export function filterTexts(seed: number): (index: number) => FuzzText {
  const good: Record<FilterDialect, readonly string[]> = {
    stenographer: fc.sample(anyFilter, { numRuns: 1000, seed }).map(printFilter),
    pcap: [
      ...fc.sample(filterText, { numRuns: 2000, seed }),
      ...documentedFilters,
      ...documentedFiltersWithNames,
    ],
  };
  const read = { stenographer: good.stenographer, pcap: good.pcap.filter(isRead) };
  return (index) => {
    const random = createRandom((seed * 0x9e3779b1 + index) | 0);
    const dialect = random.pick(["stenographer", "pcap", "pcap"] as const);
    const dice = random.between(0, 20_000);
    if (dice < 4) return { kind: "1 MiB", dialect, text: long(random, 1024 * 1024) };
    if (dice < 40) {
      const length = random.between(1000, maxFilterLength + 1);
      const isGood = random.between(0, 2) === 0;
      const text = isGood ? joined(random, read[dialect], length / 2) : long(random, length);
      return { kind: "64 KiB", dialect, text };
    }
    if (dice < 600) return { kind: "nesting", dialect, text: nested(random) };
    if (dice < 4000) return { kind: "bytes", dialect, text: bytes(random) };
    if (dice < 7000) return { kind: "soup", dialect, text: sentence(random) };
    if (dice < 11_000) return { kind: "soup", dialect, text: soup(random, random.between(1, 20)) };
    return { kind: "mutation", dialect, text: mutated(random, random.pick(good[dialect])) };
  };
}

const pieces =
  `( ) [ ] : / + - * % & | ^ << >> = == != < <= > >= ! && || , . # \\ \\tcp \\a 0 1 6 80 0x10 08 255 65535 65536 4294967295
  4294967296 99999999999999999999 1.2.3.4 10.0.0.0/8 10.1 1.2.3 300.1.1.1 255.0.255.0 ::1 fe80::/10 :: 1:2:3:4:5:6 0-1-2-3-4-5
  001122334455 1:2:3:4:5:6:7:8 ::ffff:1.2.3.4 5m 3h 5s 2015-01-01T13:14:15Z 2015-01-01T13:14:15.123456789+01:00 TCP a abc
  tcpflags tcp-syn icmptype icmp-echo https domain 6000-6008 80-http tcp udp icmp host net port portrange proto protochain
  vlan mpls pppoes pppoed geneve ip ip6 arp rarp ether sctp icmp6 igmp src dst and or not mask before after ago len less
  greater broadcast multicast gateway llc ui iso isis l1 inbound ifindex byte decnet wlan radio type ifname`
    .split(/\s+/)
    .concat(" ", " ", "\n", "\t", "\u0000", "\u00e9", "\u{1f600}", "\ud800", "\u2028");

function bytes(random: Random): string {
  const codes = Array.from({ length: random.between(0, 60) }, () =>
    random.between(0, 8) === 0 ? random.between(0, 0x10000) : random.between(0, 128),
  );
  return String.fromCharCode(...codes);
}

function soup(random: Random, length: number): string {
  const between = random.pick(["", " ", " ", " "]);
  return Array.from({ length }, () => random.pick(pieces)).join(between);
}

function isRead(text: string): boolean {
  try {
    // Behind tags and labels less can be asked.
    return (
      !/vlan|mpls|pppoes|geneve|bound|ifindex|before|after/.test(text) &&
      parseFilter(text, { dialect: "pcap" }) !== undefined
    );
  } catch {
    return false;
  }
}

const slots = [
  ["", "", "not ", "! ", "(", "not ("],
  ["", "", "tcp ", "udp ", "sctp ", "ip ", "ip6 ", "arp ", "ether ", "iso "],
  ["", "", "src ", "dst ", "src or dst ", "dst and src "],
  ["", "host ", "host ", "net ", "port ", "port ", "portrange ", "proto ", "protochain ", "vlan ", "mpls "],
  [
    "10.0.0.1",
    "10.0.0.0/8",
    "::1",
    "2001:db8::/32",
    "10",
    "80",
    "6",
    "1-2",
    "http",
    "\\udp",
    "0:1:2:3:4:5",
    "",
    "5",
  ],
  ["", "", "", ")"],
];

/** Words in the order in which a filter has them, which often makes one. */
function sentence(random: Random): string {
  const tests = Array.from({ length: random.between(1, 6) }, () =>
    slots.map((words) => random.pick(words)).join(""),
  );
  return tests.reduce((left, right) => `${left} ${random.pick(["and", "or", "&&", "||"])} ${right}`);
}

/** Good filters, one after another, up to a length. */
function joined(random: Random, good: readonly string[], length: number): string {
  const parts = [random.pick(good)];
  for (let sum = 0; sum < length; ) {
    const next = `${random.pick([" and ", " or ", " or ", " or not "])}${random.pick(good)}`;
    sum += next.length;
    parts.push(next);
  }
  return parts.join("").slice(0, maxFilterLength);
}

function mutated(random: Random, good: string): string {
  let text = good;
  for (let changes = random.between(0, 4); changes > 0; changes--) {
    const at = random.between(0, text.length + 1);
    const end = Math.min(text.length, at + random.between(0, 8));
    switch (random.between(0, 6)) {
      case 0:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 1:
        text = `${text.slice(0, at)} ${random.pick(pieces)} ${text.slice(at)}`;
        break;
      case 2:
        text = text.slice(0, at) + random.pick(pieces) + text.slice(end);
        break;
      case 3:
        text = text.slice(0, end) + text.slice(at);
        break;
      case 4:
        text = `(${text}) ${random.pick(["and", "or"])} not (${text})`;
        break;
      default:
        text = text.slice(0, at) + String.fromCharCode(random.between(0, 256)) + text.slice(at + 1);
    }
  }
  return text.slice(0, maxFilterLength);
}

/** Things that open, something in the middle, and as many that close, or nearly. */
function nested(random: Random): string {
  const [open, close] = random.pick([
    ["(", ")"],
    ["not (", ")"],
    ["tcp or (", ")"],
    ["(tcp and ", ")"],
    ["ip[", "]"],
    ["(1+", ")"],
    ["- (", ")"],
    ["not ", ""],
    ["- ", ""],
    ["1 + ", ""],
    ["tcp or ", ""],
    ["tcp and udp or ", ""],
    ["vlan or ", ""],
    ["mpls and ", ""],
  ] as const);
  const depth = random.pick([10, 199, 200, 201, 399, 400, 401, 1000, 5000]);
  const middle = random.pick(["tcp", "1", "1 = 1", "port 80", "", "ip[0] = 1"]);
  return `${open.repeat(depth)}${middle}${close.repeat(depth - random.between(0, 2))}`.slice(
    0,
    maxFilterLength,
  );
}

function long(random: Random, length: number): string {
  const unit = soup(random, random.between(1, 4)) + random.pick(["", " ", " or ", " and "]);
  const piece = unit === "" ? "(" : unit;
  const text =
    random.pick(["", "host ", "port ", "tcp src and dst port "]) +
    piece.repeat(Math.ceil(length / piece.length));
  return text.slice(0, length);
}
