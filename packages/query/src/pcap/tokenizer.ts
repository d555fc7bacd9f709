import { namedNumbers } from "./names.js";

/** What a token is. Words of the language are `word`; what may be a name of something else is `name`. */
type PcapTokenKind =
  | "word"
  | "name"
  | "number"
  | "ipv4"
  | "ipv6"
  | "mac"
  | "symbol"
  | "time"
  | "unknown"
  | "end";

/** One token and where it stands, in UTF-16 code units; `end` is behind its last one. */
export interface PcapToken {
  readonly kind: PcapTokenKind;
  /** As it stands in the text; of a word, its usual form (`&&` is `and`, `!` is `not`). */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a number: its value, or why it is none. */
  readonly value: number | string;
}

/** Words that mean one thing, by every way to write them. */
const words = new Map<string, string>();
for (const word of (
  "dst src arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca " +
  "moprc mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui host net mask port portrange proto " +
  "protochain gateway type subtype dir addr1 addr2 addr3 addr4 ra ta less greater byte broadcast multicast and or not " +
  "len inbound outbound ifindex vlan mpls pppoed pppoes geneve lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic " +
  "vpi vci connectmsg metaconnect ifname rset rnr srnr reason action fisu lssu msu hfisu hlssu hmsu sio opc dpc sls " +
  "hsio hopc hdpc hsls ether before after"
).split(" ")) {
  words.set(word, word);
}
for (const [other, word] of [
  ["link", "ether"],
  ["ppp", "ether"],
  ["slip", "ether"],
  ["fddi", "ether"],
  ["tr", "ether"],
  ["wlan", "ether"],
  ["es-is", "esis"],
  ["is-is", "isis"],
  ["direction", "dir"],
  ["address1", "addr1"],
  ["address2", "addr2"],
  ["address3", "addr3"],
  ["address4", "addr4"],
  ["length", "len"],
  ["on", "ifname"],
  ["ruleset", "rset"],
  ["rulenum", "rnr"],
  ["subrulenum", "srnr"],
  ["lsu", "lssu"],
] as const) {
  words.set(other, word);
}

/** Every word of the language. */
export const pcapWords: readonly string[] = [...words.keys()];

const symbols = new Set("-+*/%:[]!<>()&|^=");
const longSymbols = new Set([">=", "<=", "!=", "==", "<<", ">>", "&&", "||"]);
const name = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y;
const number = /0[xX][0-9A-Fa-f]+|[0-9]+/y;
const part = "(?:0[xX][0-9A-Fa-f]+|[0-9]+)";
const ipv4 = new RegExp(`${part}\\.${part}(?:\\.${part}){0,2}`, "y");
const byte = "[0-9A-Fa-f]{1,2}";
const mac = new RegExp(
  [
    `${byte}(?::${byte}){5}`,
    `${byte}(?:-${byte}){5}`,
    `${byte}(?:\\.${byte}){5}`,
    "[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}",
    "[0-9A-Fa-f]{12}",
  ].join("|"),
  "y",
);
const brokenMac = new RegExp(`${byte}:+(?:${byte}:+)+`, "y");
const ipv6Run = /^[0-9A-Fa-f:]*[0-9A-Fa-fxX.]*/;
const escaped = /\\[^ !()\n\t]+/y;
const time = /[0-9][0-9A-Za-z:.+-]*/y;

/** Longest text an IPv6 address can have, with room for zeros: nothing longer is tried. */
const longestIpv6 = 80;

/** Cuts a filter into tokens as libpcap's scanner does: the longest match wins, of equals the more special one. */
export class PcapTokenizer {
  private position = 0;

  constructor(private readonly text: string) {}

  /** The next token; at the end of the text, `end` again and again. */
  next(): PcapToken {
    const start = this.skipSpace();
    if (start >= this.text.length) return this.token("end", start, start);

    const sign = this.symbolLength(start);
    // An IPv6 address may begin with a colon.
    if (sign > 0 && !this.text.startsWith("::", start)) return this.symbol(start, sign);
    if (this.text[start] === "\\") {
      const length = this.lengthAt(escaped, start);
      return length === 0
        ? this.token("unknown", start, start + 1)
        : this.token("name", start, start + length, this.text.slice(start + 1, start + length));
    }
    return this.literal(start);
  }

  /** The next token where a time must stand: `2015-01-01T13:14:15Z`, `45m`. */
  nextTime(): PcapToken {
    const start = this.skipSpace();
    const length = this.lengthAt(time, start);
    return length === 0 ? this.next() : this.token("time", start, start + length);
  }

  private skipSpace(): number {
    let at = this.position;
    while (isSpace(this.text.charCodeAt(at))) at++;
    return at;
  }

  private symbolLength(start: number): number {
    if (!symbols.has(this.text.charAt(start))) return 0;
    return longSymbols.has(this.text.slice(start, start + 2)) ? 2 : 1;
  }

  private symbol(start: number, length: number): PcapToken {
    const text = this.text.slice(start, start + length);
    if (text === "&&") return this.token("word", start, start + length, "and");
    if (text === "||") return this.token("word", start, start + length, "or");
    if (text === "!") return this.token("word", start, start + length, "not");
    return this.token("symbol", start, start + length, text === "==" ? "=" : text);
  }

  private literal(start: number): PcapToken {
    const plain = this.plainNumber(start);
    if (plain !== undefined) return plain;
    const nameLength = this.lengthAt(name, start);
    // Whatever is longer than a name goes on with a colon.
    const mayBeLonger = this.text[start + nameLength] === ":";
    if (!mayBeLonger && nameLength > 0) {
      const word = words.get(this.text.slice(start, start + nameLength));
      if (word !== undefined) return this.token("word", start, start + nameLength, word);
    }
    const lengths = {
      name: nameLength,
      number: this.lengthAt(number, start),
      ipv4: this.lengthAt(ipv4, start),
      mac: this.lengthAt(mac, start),
      ipv6: mayBeLonger ? this.ipv6Length(start) : 0,
      brokenMac: mayBeLonger ? this.lengthAt(brokenMac, start) : 0,
    };
    const longest = Math.max(...Object.values(lengths));
    if (longest === 0 && this.text[start] === ":") return this.symbol(start, 1);
    if (longest === 0) return this.token("unknown", start, start + codePointLength(this.text, start));
    const end = start + longest;
    const text = this.text.slice(start, end);
    if (lengths.name === longest) {
      const word = words.get(text);
      if (word !== undefined) return this.token("word", start, end, word);
    }
    if (lengths.mac === longest) return this.token("mac", start, end);
    if (lengths.number === longest) return this.token("number", start, end, text, numberOf(text));
    if (lengths.ipv4 === longest) return this.token("ipv4", start, end);
    if (lengths.ipv6 === longest) return this.token("ipv6", start, end);
    if (lengths.brokenMac === longest) return this.token("unknown", start, end);
    const value = namedNumbers.get(text);
    return value === undefined
      ? this.token("name", start, end)
      : this.token("number", start, end, text, value);
  }

  /** Most numbers: a few digits that nothing else can begin with. Twelve may be an Ethernet address. */
  private plainNumber(start: number): PcapToken | undefined {
    let end = start;
    while (isDigit(this.text.charCodeAt(end))) end++;
    const length = end - start;
    if (length === 0 || length > 10 || !mayFollowNumber(this.text.charAt(end))) return undefined;
    const text = this.text.slice(start, end);
    return this.token("number", start, end, text, numberOf(text));
  }

  private ipv6Length(start: number): number {
    const run = ipv6Run.exec(this.text.slice(start, start + longestIpv6))?.[0] ?? "";
    if (!run.includes(":")) return 0;
    for (let length = run.length; length >= 2; length--) {
      if (isIpv6Shape(run.slice(0, length))) return length;
    }
    return 0;
  }

  private lengthAt(pattern: RegExp, start: number): number {
    pattern.lastIndex = start;
    return pattern.exec(this.text)?.[0].length ?? 0;
  }

  private token(
    kind: PcapTokenKind,
    start: number,
    end: number,
    text = this.text.slice(start, end),
    value: number | string = 0,
  ): PcapToken {
    this.position = end;
    return { kind, text, start, end, value };
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Whether the character, or the end of the text, makes no longer token of the number before it. */
function mayFollowNumber(character: string): boolean {
  return !/[-_.:A-Za-z]/.test(character);
}

function codePointLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

const group = /^[0-9A-Fa-f]{1,4}$/;
const dotted = new RegExp(`^${part}\\.${part}\\.${part}\\.${part}$`);

/** Whether the text looks like an IPv6 address: groups, at most one `::`, perhaps an IPv4 address at the end. */
function isIpv6Shape(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [at, piece] of parts.entries()) {
      const isLast = index === halves.length - 1 && at === parts.length - 1;
      if (group.test(piece)) groups += 1;
      else if (isLast && dotted.test(piece)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** The value of decimal, octal (0...) or hexadecimal (0x...) digits; or what is wrong with them. */
function numberOf(text: string): number | string {
  const isHex = /^0[xX]/.test(text);
  const isOctal = !isHex && text.startsWith("0") && text.length > 1;
  if (isOctal && /[89]/.test(text)) return "is octal, since it begins with 0, and has a digit 8 or 9";
  const digits = isHex ? text.slice(2) : text;
  const value = Number.parseInt(digits, isHex ? 16 : isOctal ? 8 : 10);
  return value > 0xffffffff ? "does not fit in 32 bits" : value;
}
