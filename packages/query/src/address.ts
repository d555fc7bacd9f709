/** An IPv4 address as one unsigned 32-bit number: 10.0.0.1 is 0x0a000001. */
export interface Ipv4Address {
  readonly version: 4;
  readonly value: number;
}

/** An IPv6 address as four unsigned 32-bit numbers, first one first. Never IPv4-mapped: those are IPv4 addresses here. */
export interface Ipv6Address {
  readonly version: 6;
  readonly words: readonly [number, number, number, number];
}

export type IpAddress = Ipv4Address | Ipv6Address;

/**
 * The address a text means, or undefined if it is none.
 *
 * Reads what Stenographer reads (Go's net.ParseIP), lower case only: IPv4 as four decimal numbers without leading
 * zeros; IPv6 with one `::` at most, which stands for at least one group, and an IPv4 tail. `::ffff:1.2.3.4` is the
 * IPv4 address 1.2.3.4, as there.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.includes(":")) {
    const groups = parseIpv6Groups(text);
    return groups && ipv6FromGroups(groups);
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { version: 4, value };
}

/**
 * The four 32-bit words of an IPv6 address, or undefined if the text is none. Reads what `parseIpAddress` reads, but an
 * IPv4-mapped address stays what it is on the wire: an IPv6 address.
 */
export function parseIpv6Words(text: string): readonly [number, number, number, number] | undefined {
  const groups = parseIpv6Groups(text);
  if (groups === undefined) return undefined;
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]; // 8 by parseIpv6Groups
  return [a * 0x10000 + b, c * 0x10000 + d, e * 0x10000 + f, g * 0x10000 + h];
}

/** The address in its one canonical form: dotted for IPv4, RFC 5952 for IPv6. */
export function printIpAddress(address: IpAddress): string {
  if (address.version === 4) {
    const value = checkWord(address.value);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const groups = address.words.flatMap((word) => [checkWord(word) >>> 16, word & 0xffff]);
  const gap = longestZeroRun(groups);
  if (gap === undefined) return groups.map(hex).join(":");
  const before = groups.slice(0, gap.start).map(hex).join(":");
  const after = groups
    .slice(gap.start + gap.length)
    .map(hex)
    .join(":");
  return `${before}::${after}`;
}

/** Bits of an address of this version: 32 or 128. */
export function addressBits(address: IpAddress): 32 | 128 {
  return address.version === 4 ? 32 : 128;
}

/** Whether an address has the first `prefixLength` bits of another one. Allocates nothing: plans compare them by the million. */
export function isInNetwork(address: IpAddress, network: IpAddress, prefixLength: number): boolean {
  if (address.version === 4) {
    return network.version === 4 && ((address.value ^ network.value) & prefixMask(prefixLength)) === 0;
  }
  if (network.version === 4) return false;
  for (let i = 0; i < 4; i++) {
    const differing = (address.words[i] as number) ^ (network.words[i] as number); // four words each
    if ((differing & prefixMask(prefixLength - 32 * i)) !== 0) return false;
  }
  return true;
}

/** The address with every bit past the first `prefixLength` cleared. */
export function networkAddress(address: IpAddress, prefixLength: number): IpAddress {
  if (address.version === 4) {
    return { version: 4, value: (address.value & prefixMask(prefixLength)) >>> 0 };
  }
  const [a, b, c, d] = address.words;
  const keep = (word: number, from: number) => (word & prefixMask(prefixLength - from)) >>> 0;
  return { version: 6, words: [keep(a, 0), keep(b, 32), keep(c, 64), keep(d, 96)] };
}

/** The mask of a 32-bit word whose first `bits` bits count; below 0 as 0, above 32 as 32. Signed, for `&`. */
export function prefixMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

/** The prefix length a mask means, or undefined if its ones are not all in front. */
export function prefixLengthOf(mask: IpAddress): number | undefined {
  const words = mask.version === 4 ? [mask.value] : mask.words;
  let length = 0;
  for (const word of words) length += Math.clz32(~word);
  const same = networkAddress(allOnes(mask.version), length);
  return printIpAddress(same) === printIpAddress(mask) ? length : undefined;
}

function allOnes(version: 4 | 6): IpAddress {
  const word = 0xffffffff;
  return version === 4 ? { version, value: word } : { version, words: [word, word, word, word] };
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    // A leading zero could be meant as octal: Go has refused it since 1.17.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function parseIpv6Groups(text: string): number[] | undefined {
  const halves = text.split("::", 3);
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  if (halves.length === 1) return head?.length === 8 ? head : undefined;
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":", 9);
  for (const [index, part] of parts.entries()) {
    if (isEnd && index === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part);
      if (value === undefined) return undefined;
      groups.push(value >>> 16, value & 0xffff);
      continue;
    }
    // Go 1.19, which Debian's Stenographer is built with, takes any number of leading zeros.
    if (!/^[0-9a-f]+$/.test(part)) return undefined;
    const group = Number.parseInt(part, 16);
    if (group > 0xffff) return undefined;
    groups.push(group);
  }
  return groups;
}

function ipv6FromGroups(groups: readonly number[]): IpAddress {
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]; // 8 by parseIpv6Groups
  const word = (high: number, low: number) => high * 0x10000 + low;
  const last = word(g, h);
  const isMapped = a + b + c + d + e === 0 && f === 0xffff;
  return isMapped
    ? { version: 4, value: last }
    : { version: 6, words: [word(a, b), word(c, d), word(e, f), last] };
}

/** RFC 5952, 4.2: the longest run of zero groups, the first of equals, never a single one. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > (best?.length ?? 1)) best = { start, length };
  }
  return best;
}

function hex(group: number): string {
  return group.toString(16);
}

function checkWord(word: number): number {
  if (!Number.isInteger(word) || word < 0 || word > 0xffffffff) {
    throw new RangeError(`part of an address out of range: ${word} is not an unsigned 32-bit number`);
  }
  return word;
}
