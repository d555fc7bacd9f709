import { parseIpAddress } from "../address.js";
import { clip } from "../syntax-error.js";
import { maxHoursAgo, maxMinutesAgo } from "../time.js";
import { isOneEditAway, wordAt } from "../words.js";
import type { Token } from "./tokenizer.js";

const words = [
  "tcp",
  "udp",
  "icmp",
  "host",
  "net",
  "port",
  "vlan",
  "mpls",
  "ip",
  "proto",
  "before",
  "after",
  "and",
  "or",
  "mask",
  "ago",
];

const noNegation = "There is no negation: leave the part out and drop those packets from the answer";
const noDirection = "There is no direction: write host, net or port alone, it matches source and destination";
const noRange = "There are no ranges: join the ports one by one with or";
const notIndexed =
  "Stenographer keeps no index of this: leave the part out and filter the answer, with tcpdump for example";

/** Words people know from tcpdump, and what to write instead. */
const foreignWords: Readonly<Record<string, string>> = {
  not: noNegation,
  "!": noNegation,
  "!=": noNegation,
  src: noDirection,
  dst: noDirection,
  portrange: noRange,
  ip: "Write ip proto NUMBER, or net 0.0.0.0/0 for all of IPv4",
  ip6: "Write net ::/0 for all of IPv6; tcp, udp and ip proto cover IPv6 already",
  icmp6: "Write ip proto 58",
  sctp: "Write ip proto 132",
  gre: "Write ip proto 47",
  esp: "Write ip proto 50",
  ah: "Write ip proto 51",
  igmp: "Write ip proto 2",
  ospf: "Write ip proto 89",
  tcp6: "Write tcp, it covers IPv6 too",
  proto: "Write ip proto NUMBER",
  protocol: "Write ip proto NUMBER",
  last: "Write after 5m ago",
  since: "Write after",
  until: "Write before",
  between: "Write after TIME and before TIME",
  addr: "Write host",
  "&": 'Write "and" or "&&"',
  "|": 'Write "or" or "||"',
  ",": 'Join with or, each part in full: "port 80 or port 443"',
  "#": "There are no comments",
};
for (const word of ["arp", "rarp", "ether", "len", "less", "greater", "gateway", "broadcast", "multicast"]) {
  (foreignWords as Record<string, string>)[word] = notIndexed; // only this module adds to it, here
}

/** What to do where a primitive (`tcp`, `host ...`) should stand. */
export function hintForPrimitive(text: string, token: Token): string | undefined {
  if (token.kind === "address") return `Say what the address is: "host ${clip(token.text)}"`;
  if (token.kind === "number") return `Say what the number is: "port ${clip(token.text)}"`;
  if (token.kind === "time" && /^[0-9]/.test(token.text))
    return "Say which side of the time: before or after";
  if (token.kind === "duration" && /^[0-9]/.test(token.text)) return `Write after ${clip(token.text)} ago`;
  if (token.kind === "and" || token.kind === "or") return undefined;
  return hintForWord(wordAt(text, token.start));
}

/** What to do where `and`, `or` or the end should stand. */
export function hintForOperator(text: string, token: Token): string | undefined {
  const word = wordAt(text, token.start);
  const before = text.slice(Math.max(0, token.start - 12), token.start);
  if (/^[xX][0-9a-fA-F]/.test(word) && before.endsWith("0")) return "Numbers are decimal";
  if (word.startsWith("[")) return notIndexed;
  if (word.startsWith("%")) return "Leave the zone of the address out: packets do not carry it";
  if (/[0-9a-f:]:[0-9a-f]*$/.test(before) && token.start > 0 && /^n?d\b/.test(word)) {
    return 'The letters a to f count as part of the address: put a space before "and"';
  }
  if (token.kind === "/") {
    return /^\/[a-z]/.test(word)
      ? `Write it as a part of its own: ${word.slice(1)} and port NUMBER`
      : "Write net, not host, for an address with a prefix length";
  }
  if (/^[\u00a0\u2000-\u200b\u3000\ufeff]/.test(text.slice(token.start))) {
    return "This is no plain space, though it may look like one: replace it";
  }
  const glued = /[a-z]+$/.exec(before)?.[0];
  const otherWord = glued === undefined ? undefined : foreign(glued + word);
  if (otherWord !== undefined) return otherWord;
  const hint = hintForWord(word);
  if (hint !== undefined && token.kind === "unknown") return hint;
  return token.kind === "unknown" ? undefined : 'Join the two parts with "and" or "or"';
}

/** What to do where a number should stand. `what` is the keyword before it. */
export function hintForNumber(text: string, token: Token, what: string, most: number): string | undefined {
  const word = wordAt(text, token.start);
  if (what === "port" && word.startsWith("range")) return noRange;
  if (/^[0-9]+-[0-9]+$/.test(word) || /^[0-9]+:[0-9]+$/.test(word)) return noRange;
  if (/^[0-9]+[a-f]+/.test(word))
    return "The letters a to f count as part of the number: put a space behind it";
  if (token.kind === "(") return `Repeat the word: (${what} 1 or ${what} 2)`;
  if (/^[a-z]/i.test(word)) return `Names are not looked up: write the number, 0 to ${most}`;
  return `Write a whole decimal number, 0 to ${most}`;
}

/** What to do where an address should stand. */
export function hintForAddress(text: string, token: Token): string | undefined {
  const word = wordAt(text, token.start);
  if (token.kind === "(") return "Repeat the word: (host 10.0.0.1 or host 10.0.0.2)";
  if (/m$/.test(token.text) && text.startsWith("ask", token.end)) return 'Put a space before "mask"';
  if (parseIpAddress(word.toLowerCase()) !== undefined) return "Write the address in lower case";
  if (/^[0-9a-f.:]+a$/.test(token.text) && text.startsWith("nd", token.end)) {
    return 'The letters a to f count as part of the address: put a space before "and"';
  }
  if (/^[0-9.]+(\/|$)/.test(word)) {
    return "An IPv4 address is four numbers from 0 to 255 with dots between, without leading zeros";
  }
  if (word.includes(":")) {
    return /^[0-9.]+:[0-9]+$/.test(word) ? "Write the port apart: host ADDRESS and port NUMBER" : undefined;
  }
  if (/[a-z]/i.test(word)) return "Names are not looked up: a sensor does no DNS. Write the address";
  return undefined;
}

/** What to do where a time should stand. */
export function hintForTime(text: string, token: Token): string | undefined {
  const word = wordAt(text, token.start);
  if (/[Za]$/.test(token.text) && /^[0-9-]{10}T.*Zand/.test(word)) {
    return 'The letters a to f count as part of the time: put a space before "and"';
  }
  if (token.kind === "duration" && /^[0-9]/.test(word)) {
    return `The longest are ${maxHoursAgo}h and ${maxMinutesAgo}m, in decimal digits`;
  }
  if (/^[+-]?[0-9.]+(ms|s|d|w|[HM])$/.test(word) || /^[0-9]+\.[0-9]+[hm]$/.test(word)) {
    return "Write whole minutes or hours: 5m ago, 48h ago";
  }
  if (/^[0-9]+$/.test(word)) {
    return /^\s+[mh]/.test(text.slice(token.end, token.end + 8))
      ? `Leave no space between: ${clip(word)}m ago`
      : "Write date and time, such as 2015-01-01T13:14:15Z, not a number";
  }
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(word)) return `Add the time and the zone: ${word}T00:00:00Z`;
  if (/^[0-9-]{10}[Tt][0-9]{1,2}(:[0-9]{2})?[Zz]$/.test(word)) {
    return "Write the seconds, too: 2015-01-01T13:14:15Z";
  }
  if (/^[0-9-]{10}[Tt][0-9:.]+$/.test(word)) {
    return /:[0-9]{2}:[0-9]{2}/.test(word)
      ? "Say which zone: add Z for UTC, or an offset such as +01:00"
      : "Write the seconds and the zone: 2015-01-01T13:14:15Z";
  }
  if (/^[0-9-]{10}[Tt][0-9:.]+[Zz]$/.test(word) && /[tz]/.test(word)) return "Write T and Z in upper case";
  if (/[+-][0-9]{2}([0-9]{2})?$/.test(word) && word.length > 19) return "Write the offset as +01:00";
  if (/:60([.Z+-]|$)/.test(word)) return "There are no leap seconds: write second 59, or the next minute";
  if (/^[0-9]/.test(word)) return "There is no such time. Write it as 2015-01-01T13:14:15Z";
  return "Write a time as 2015-01-01T13:14:15Z, or as 45m ago";
}

/** What to do where `ago` should stand behind a duration. */
export function hintForAgo(text: string, duration: Token, written: string): string {
  const word = wordAt(text, duration.start);
  if (/^[0-9]+[hm][0-9]+[hm]$/.test(word)) return "Write one number: 90m ago";
  return /^[0-9]+ms/.test(word) ? "Write whole minutes or hours: 5m ago, 48h ago" : `Write "${written} ago"`;
}

function hintForWord(word: string): string | undefined {
  const name = /^[A-Za-z][A-Za-z0-9]*/.exec(word)?.[0] ?? "";
  const lower = name.toLowerCase();
  if (name !== lower && words.includes(lower)) return `Write it in lower case: ${lower}`;
  const known = foreign(lower) ?? foreign(word) ?? foreign(word.charAt(0));
  if (known !== undefined) return known;
  if (parseIpAddress(word.toLowerCase()) !== undefined)
    return `Say what the address is: "host ${clip(word)}"`;
  const near = words.find((candidate) => lower.length > 2 && isOneEditAway(lower, candidate));
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

function foreign(word: string): string | undefined {
  return Object.hasOwn(foreignWords, word) ? foreignWords[word] : undefined;
}
