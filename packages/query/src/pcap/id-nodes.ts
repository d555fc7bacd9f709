import { type IpAddress, networkAddress, parseIpv6Words, prefixMask, printIpAddress } from "../address.js";
import { quoted } from "../syntax-error.js";
import type { Direction, PcapPrimitiveNode } from "./ast.js";
import { etherProtocolByName, ipProtocolByName, isoProtocolByName, portByName } from "./names.js";
import { hintForId, type TokenReader } from "./token-reader.js";
import type { PcapToken } from "./tokenizer.js";

/** The kind of id that follows: an address, a port or a protocol. */
export type IdType = "host" | "net" | "port" | "portrange" | "proto" | "protochain";

/** What stands before an address, port or protocol, and holds for those that follow it: `tcp port 80 or 443`. */
export interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction | undefined;
  /** Undefined is a host. */
  readonly type: IdType | undefined;
}

/** What an address, or a name, means behind these qualifiers; reads the mask behind it. @throws FilterSyntaxError */
export function idNode(reader: TokenReader, token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
  switch (token.kind) {
    case "ipv4":
      return ipv4(reader, token, qualifiers);
    case "ipv6":
      return ipv6(reader, token, qualifiers);
    case "mac":
      return mac(reader, token, qualifiers);
    default:
      return named(reader, token, qualifiers);
  }
}

function ipv4(reader: TokenReader, token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
  const octets = token.text.split(".").map((octet) => (/^0[xX]/.test(octet) ? 256 : Number(octet)));
  if (octets.some((octet) => octet > 255)) {
    throw reader.problem(
      token,
      `${quoted(token.text)} is not an IPv4 address`,
      "Its numbers go from 0 to 255",
    );
  }
  const bits = 8 * octets.length;
  const value = (octets.reduce((sum, octet) => sum * 256 + octet, 0) * 2 ** (32 - bits)) >>> 0;
  let mask = bits === 32 ? 0xffffffff : prefixMask(bits) >>> 0;
  if (reader.isSymbol("/")) {
    reader.take();
    const length = reader.number("prefix length");
    if (length > 32) throw reader.problem(token, `prefix length ${length} is more than 32`);
    mask = prefixMask(length) >>> 0;
    requireNet(reader, token, qualifiers);
    requireNetwork(reader, token, value, mask);
  } else if (reader.isWord("mask")) {
    reader.take();
    const maskToken = reader.token;
    if (maskToken.kind !== "ipv4") throw reader.unexpected(["network mask"]);
    reader.take();
    const parts = maskToken.text.split(".").map((part) => (/^0[xX]/.test(part) ? 256 : Number(part)));
    if (parts.some((part) => part > 255)) {
      throw reader.problem(maskToken, `${quoted(maskToken.text)} is not a network mask`);
    }
    mask = (parts.reduce((sum, part) => sum * 256 + part, 0) * 2 ** (32 - 8 * parts.length)) >>> 0;
    requireNet(reader, token, qualifiers);
    requireNetwork(reader, token, value, mask);
  }
  return ipv4Node(reader, value, mask, qualifiers, token);
}

function requireNet(reader: TokenReader, token: PcapToken, { type }: Qualifiers): void {
  if (type !== "net") {
    throw reader.problem(token, "only a net has a mask or a prefix length", `Write net ${token.text}/...`);
  }
}

function requireNetwork(reader: TokenReader, token: PcapToken, value: number, mask: number): void {
  if ((value & ~mask) === 0) return;
  const network = printIpAddress({ version: 4, value: (value & mask) >>> 0 });
  throw reader.problem(
    token,
    `${quoted(token.text)} has bits set outside its mask`,
    `The network is ${network}`,
  );
}

function ipv4Node(
  reader: TokenReader,
  value: number,
  mask: number,
  qualifiers: Qualifiers,
  token: PcapToken,
): PcapPrimitiveNode {
  const { protocol, direction, type } = qualifiers;
  if (type !== undefined && type !== "host" && type !== "net") {
    throw reader.problem(token, `an IP address is no ${type}`);
  }
  if (protocol === "ip6") {
    throw reader.problem(
      token,
      `${quoted(token.text)} is an IPv4 address`,
      "Leave ip6 out, or write an IPv6 address",
    );
  }
  if (protocol === "decnet") throw reader.problem(token, "DECnet addresses are not supported");
  if (protocol !== undefined && protocol !== "ip" && protocol !== "arp" && protocol !== "rarp") {
    throw reader.problem(
      token,
      `${quoted(protocol)} has no ${type ?? "host"} addresses of its own`,
      protocol === "ether"
        ? "Write an Ethernet address, or leave ether out"
        : `Write ${protocol} and ${type ?? "host"} ...`,
    );
  }
  const address = { version: 4, value } as const;
  if (mask === 0xffffffff) return { kind: "host", protocol, direction, address };
  return { kind: "net", protocol, direction, address, mask: { version: 4, value: mask } };
}

function ipv6(reader: TokenReader, token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
  const words = parseIpv6Words(token.text.toLowerCase());
  if (words === undefined) throw reader.problem(token, `${quoted(token.text)} is not an IPv6 address`);
  const address: IpAddress = { version: 6, words };
  let length = 128;
  if (reader.isSymbol("/")) {
    reader.take();
    length = reader.number("prefix length");
    if (length > 128) throw reader.problem(token, `prefix length ${length} is more than 128`);
  }
  const network = networkAddress(address, length);
  if (network.version === 6 && network.words.some((word, at) => word !== words[at])) {
    const shown = printIpAddress(network);
    throw reader.problem(
      token,
      `${quoted(token.text)} has bits set outside its mask`,
      `The network is ${shown}`,
    );
  }
  const { protocol, direction, type } = qualifiers;
  if (type !== undefined && type !== "host" && type !== "net") {
    throw reader.problem(token, `an IP address is no ${type}`);
  }
  if (length !== 128) requireNet(reader, token, qualifiers);
  if (protocol !== undefined && protocol !== "ip6") {
    throw reader.problem(
      token,
      `${quoted(token.text)} is an IPv6 address, which ${quoted(protocol)} does not have`,
      protocol === "ip" || protocol === "arp" || protocol === "rarp"
        ? undefined
        : `Write ${protocol} and host ...`,
    );
  }
  if (length === 128) return { kind: "host", protocol: "ip6", direction, address };
  const mask: IpAddress = {
    version: 6,
    words: [0, 32, 64, 96].map((from) => prefixMask(length - from) >>> 0) as [number, number, number, number], // four in, four out
  };
  return { kind: "net", protocol: "ip6", direction, address, mask };
}

function mac(
  reader: TokenReader,
  token: PcapToken,
  { protocol, direction, type }: Qualifiers,
): PcapPrimitiveNode {
  if (protocol !== "ether" || (type !== undefined && type !== "host")) {
    throw reader.problem(
      token,
      `${quoted(token.text)} is an Ethernet address`,
      `Write ether host ${token.text}`,
    );
  }
  const digits = /[-:.]/.test(token.text) ? token.text.split(/[-:.]/) : (token.text.match(/../g) ?? []);
  const address = digits.flatMap((piece) =>
    piece.length > 2 ? [piece.slice(0, 2), piece.slice(2)] : [piece],
  );
  return { kind: "ether-host", direction, address: address.map((piece) => Number.parseInt(piece, 16)) };
}

/** What a number means behind these qualifiers. @throws FilterSyntaxError */
export function numberNode(
  reader: TokenReader,
  value: number,
  qualifiers: Qualifiers | undefined,
  token: PcapToken,
): PcapPrimitiveNode {
  if (qualifiers === undefined) {
    throw reader.problem(
      token,
      `unexpected ${quoted(token.text)}`,
      `Say what the number is: port ${token.text}`,
    );
  }
  const { protocol, direction, type } = qualifiers;
  switch (type) {
    case undefined:
    case "host":
      return ipv4Node(reader, value, 0xffffffff, qualifiers, token);
    case "net": {
      // `net 10` is 10.0.0.0/8: the number is moved to the left until its first byte is not 0.
      let address = value;
      let mask = 0xffffffff;
      while (address !== 0 && address >>> 24 === 0) {
        address = (address << 8) >>> 0;
        mask = (mask << 8) >>> 0;
      }
      return ipv4Node(reader, address, mask, qualifiers, token);
    }
    case "port":
    case "portrange":
      return portNode(reader, value, value, qualifiers, token);
    case "proto":
    case "protochain":
      return protoNode(reader, value, { protocol, direction, type }, token);
  }
}

function portNode(
  reader: TokenReader,
  low: number,
  high: number,
  qualifiers: Qualifiers,
  token: PcapToken,
): PcapPrimitiveNode {
  const { protocol, direction } = qualifiers;
  if (protocol !== undefined && protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    throw reader.problem(token, `${quoted(protocol)} has no ports`, "tcp, udp and sctp have");
  }
  if (Math.max(low, high) > 65_535) {
    throw reader.problem(token, `port ${Math.max(low, high)} is more than 65535`);
  }
  return { kind: "port", protocol, direction, low: Math.min(low, high), high: Math.max(low, high) };
}

function protoNode(
  reader: TokenReader,
  number: number,
  qualifiers: Qualifiers,
  token: PcapToken,
): PcapPrimitiveNode {
  const { protocol, type } = qualifiers;
  if (type === "protochain") {
    if (protocol === undefined || protocol === "ip" || protocol === "ip6")
      return { kind: type, protocol, number };
    throw reader.problem(token, `${quoted(protocol)} has no chain of headers`, "ip and ip6 have");
  }
  switch (protocol) {
    case undefined:
    case "ip":
    case "ip6":
    case "ether":
    case "iso":
    case "isis":
      return { kind: "proto", protocol, number };
    default:
      throw reader.problem(
        token,
        `${quoted(protocol)} carries no protocols that can be told apart`,
        "ether, ip, ip6, iso and isis do",
      );
  }
}

function named(reader: TokenReader, token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
  const { type, protocol } = qualifiers;
  switch (type) {
    case "port": {
      const found = portOf(reader, token.text, token, protocol);
      return portNode(
        reader,
        found.port,
        found.port,
        { ...qualifiers, protocol: protocol ?? found.transport },
        token,
      );
    }
    case "portrange": {
      const [low, high] = portRange(reader, token);
      const transport = low.transport === high.transport ? low.transport : undefined;
      return portNode(reader, low.port, high.port, { ...qualifiers, protocol: protocol ?? transport }, token);
    }
    case "proto":
    case "protochain":
      return protoNode(reader, protocolNumber(reader, token, protocol), qualifiers, token);
    default: {
      const hint = hintForId(token);
      throw reader.problem(
        token,
        protocol === "ether"
          ? `${quoted(token.text)} is not an Ethernet address`
          : `${quoted(token.text)} is not an IP address`,
        hint ?? "Names are not looked up: a sensor does no DNS. Write the address",
      );
    }
  }
}

function portOf(reader: TokenReader, name: string, token: PcapToken, protocol?: string) {
  if (/^[0-9]+$/.test(name)) return { port: Number(name), transport: undefined };
  const found = portByName(name);
  if (found === undefined) {
    throw reader.problem(
      token,
      `${quoted(name)} is not a port that has a name here`,
      /^[0-9]+-[0-9]+$/.test(name) ? `Write portrange ${name}` : "Write its number",
    );
  }
  if (protocol !== undefined && found.transport !== undefined && found.transport !== protocol) {
    throw reader.problem(token, `port ${quoted(name)} is a port of ${found.transport}`);
  }
  return found;
}

function portRange(reader: TokenReader, token: PcapToken) {
  const numbers = /^([0-9]+)-([0-9]+)$/.exec(token.text);
  if (numbers !== null) {
    return [
      { port: Number(numbers[1]), transport: undefined },
      { port: Number(numbers[2]), transport: undefined },
    ] as const;
  }
  const at = token.text.indexOf("-");
  if (at === -1)
    throw reader.problem(token, `${quoted(token.text)} is not a range of ports`, "Write 6000-6008");
  return [
    portOf(reader, token.text.slice(0, at), token),
    portOf(reader, token.text.slice(at + 1), token),
  ] as const;
}

function protocolNumber(reader: TokenReader, token: PcapToken, protocol: string | undefined): number {
  const name = token.text;
  const number =
    protocol === "ether"
      ? etherProtocolByName(name)
      : protocol === "iso"
        ? isoProtocolByName(name)
        : protocol === undefined || protocol === "ip" || protocol === "ip6"
          ? ipProtocolByName(name)
          : undefined;
  if (number !== undefined) return number;
  throw reader.problem(token, `${quoted(name)} is not a protocol that has a name here`, "Write its number");
}
