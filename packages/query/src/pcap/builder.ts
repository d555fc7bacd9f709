import {
  addressBits,
  type IpAddress,
  networkAddress,
  parseIpAddress,
  parseIpv6Words,
  printIpAddress,
} from "../address.js";
import { checked } from "../checked.js";
import { type TimeInput, toTime } from "../time-input.js";
import type { Direction, PcapNode, ProtocolName } from "./ast.js";
import {
  joinPcap,
  negatePcap,
  type PcapFilter,
  type PcapFilterInput,
  pcapFilter,
  toPcapNode,
} from "./filter.js";

/** What narrows a test of addresses. */
export interface AddressOptions {
  /** Which end of the packet. Default: either. */
  readonly direction?: Direction | undefined;
  /** Which header. Default for IPv4: IP, ARP and RARP. An IPv6 address is only in `ip6`. */
  readonly protocol?: "ip" | "ip6" | "arp" | "rarp" | undefined;
}

/** What narrows a test of ports. */
export interface PortOptions {
  /** Which end of the packet. Default: either. */
  readonly direction?: Direction | undefined;
  /** Default: any of them. */
  readonly protocol?: "tcp" | "udp" | "sctp" | undefined;
}

/** A filter from its text: `pcap.raw("tcp[tcpflags] & tcp-syn != 0")`. @throws FilterSyntaxError */
export function raw(text: string): PcapFilter {
  return pcapFilter(toPcapNode(text));
}

/** Packets from or to an IP address. @throws RangeError if the text is none; names are not looked up */
export function host(address: string | IpAddress, options: AddressOptions = {}): PcapFilter {
  const parsed = toAddress(address);
  return pcapFilter({
    kind: "host",
    protocol: headerOf(parsed, options),
    direction: options.direction,
    address: parsed,
  });
}

/** Packets from an IP address. @throws RangeError */
export function srcHost(address: string | IpAddress): PcapFilter {
  return host(address, { direction: "src" });
}

/** Packets to an IP address. @throws RangeError */
export function dstHost(address: string | IpAddress): PcapFilter {
  return host(address, { direction: "dst" });
}

/** Packets from or to a network such as `10.0.0.0/8`. Bits past the length are cleared. @throws RangeError if it is none */
export function net(network: string, options: AddressOptions = {}): PcapFilter {
  const match = /^([^/]*)\/([0-9]{1,3})$/.exec(network);
  if (match === null) throw new RangeError(`network ${JSON.stringify(network)} is not ADDRESS/LENGTH`);
  const address = toAddress(match[1] ?? "");
  const bits = addressBits(address);
  const length = checked("prefix length", Number(match[2]), bits);
  if (length === bits) return host(address, options);
  return pcapFilter({
    kind: "net",
    protocol: headerOf(address, options),
    direction: options.direction,
    address: networkAddress(address, length),
    mask: networkAddress(allOnes[address.version], length),
  });
}

/** Packets with a port, 0 to 65535, of TCP, UDP or SCTP. @throws RangeError */
export function port(number: number, options: PortOptions = {}): PcapFilter {
  return portRange(number, number, options);
}

/** Packets from a port. @throws RangeError */
export function srcPort(number: number): PcapFilter {
  return port(number, { direction: "src" });
}

/** Packets to a port. @throws RangeError */
export function dstPort(number: number): PcapFilter {
  return port(number, { direction: "dst" });
}

/** Packets with a port from `low` to `high`, both included. @throws RangeError */
export function portRange(low: number, high: number, { direction, protocol }: PortOptions = {}): PcapFilter {
  for (const end of [low, high]) checked("port", end, 0xffff);
  if (low > high) throw new RangeError(`ports ${low} to ${high} are no range`);
  return pcapFilter({ kind: "port", protocol, direction, low, high });
}

/** Packets of a protocol that has a name of its own: `pcap.protocol("icmp6")`. */
export function protocol(name: ProtocolName): PcapFilter {
  return pcapFilter({ kind: "protocol", name });
}

/** TCP packets, over IPv4 and IPv6. */
export function tcp(): PcapFilter {
  return protocol("tcp");
}

/** UDP packets, over IPv4 and IPv6. */
export function udp(): PcapFilter {
  return protocol("udp");
}

/** ICMP packets of IPv4. */
export function icmp(): PcapFilter {
  return protocol("icmp");
}

/**
 * Packets of a protocol by its number: of IP by default (0 to 255), or of the header that `of` names.
 *
 * @throws RangeError
 */
export function proto(number: number, of?: "ip" | "ip6" | "ether" | "iso" | "isis"): PcapFilter {
  return pcapFilter({
    kind: "proto",
    protocol: of,
    number: checked("proto", number, of === "ether" ? 0xffff : 0xff),
  });
}

/** Frames from or to an Ethernet address such as `00:00:5e:00:53:01`. @throws RangeError if it is none */
export function etherHost(
  address: string,
  { direction }: Pick<AddressOptions, "direction"> = {},
): PcapFilter {
  if (!/^[0-9A-Fa-f]{1,2}([:-][0-9A-Fa-f]{1,2}){5}$/.test(address)) {
    throw new RangeError(`${JSON.stringify(address)} is not an Ethernet address`);
  }
  const bytes = address.split(/[:-]/).map((byte) => Number.parseInt(byte, 16));
  return pcapFilter({ kind: "ether-host", direction, address: bytes });
}

/** Broadcasts: by the Ethernet destination, or the IP one. @throws FilterMeaningError for `ip6` */
export function broadcast(of: "ether" | "ip" = "ether"): PcapFilter {
  return pcapFilter({ kind: "broadcast", protocol: of });
}

/** Multicasts: by the Ethernet destination, or the IP one. */
export function multicast(of: "ether" | "ip" | "ip6" = "ether"): PcapFilter {
  return pcapFilter({ kind: "multicast", protocol: of });
}

/** Frames with a VLAN tag, of this id (0 to 4095) or any. What is joined behind it looks inside the tag. @throws RangeError */
export function vlan(id?: number): PcapFilter {
  return pcapFilter({ kind: "vlan", id: optional("vlan", id, 0xfff) });
}

/** Frames with an MPLS label, this one (0 to 1048575) or any. What is joined behind it looks inside. @throws RangeError */
export function mpls(label?: number): PcapFilter {
  return pcapFilter({ kind: "mpls", label: optional("mpls", label, 0xfffff) });
}

/** Packets of at most so many bytes on the wire. @throws RangeError */
export function less(length: number): PcapFilter {
  return lengthTest("<=", length);
}

/** Packets of at least so many bytes on the wire. @throws RangeError */
export function greater(length: number): PcapFilter {
  return lengthTest(">=", length);
}

/** Packets earlier than an instant, itself excluded. tcpdump has no such test. @throws RangeError if it is none */
export function before(time: TimeInput): PcapFilter {
  return pcapFilter({ kind: "before", time: toTime(time) });
}

/** Packets at an instant or later. tcpdump has no such test. @throws RangeError if it is none */
export function after(time: TimeInput): PcapFilter {
  return pcapFilter({ kind: "after", time: toTime(time) });
}

/** Packets that pass all of the filters. @throws FilterSyntaxError, FilterMeaningError; TypeError without any */
export function and(...filters: readonly PcapFilterInput[]): PcapFilter {
  return joinPcap("and", filters);
}

/** Packets that pass at least one of the filters. @throws FilterSyntaxError, FilterMeaningError; TypeError without any */
export function or(...filters: readonly PcapFilterInput[]): PcapFilter {
  return joinPcap("or", filters);
}

/** Packets that do not pass the filter. @throws FilterSyntaxError */
export function not(filter: PcapFilterInput): PcapFilter {
  return negatePcap(filter);
}

function lengthTest(operator: "<=" | ">=", length: number): PcapFilter {
  const value = checked("length", length, 0xffffffff);
  const node: PcapNode = {
    kind: "relation",
    operator,
    left: { kind: "length" },
    right: { kind: "number", value },
  };
  return pcapFilter(node);
}

const word = 0xffffffff;
const allOnes = {
  4: { version: 4, value: word },
  6: { version: 6, words: [word, word, word, word] },
} as const;

/** IPv4-mapped addresses stay IPv6 here: that is what is in the packet. */
function toAddress(address: string | IpAddress): IpAddress {
  const text = typeof address === "string" ? address.toLowerCase() : printIpAddress(address);
  if (!text.includes(":")) {
    const parsed = parseIpAddress(text);
    if (parsed !== undefined) return parsed;
  } else {
    const words = parseIpv6Words(text);
    if (words !== undefined) return { version: 6, words };
  }
  throw new RangeError(`${JSON.stringify(address)} is not an IP address`);
}

function headerOf({ version }: IpAddress, options: AddressOptions): AddressOptions["protocol"] {
  const { protocol: wanted } = options;
  if (version === 4 ? wanted === "ip6" : wanted !== undefined && wanted !== "ip6") {
    throw new RangeError(`an IPv${version} address is not in a header of ${wanted}`);
  }
  return version === 6 ? "ip6" : wanted;
}

function optional(what: string, value: number | undefined, most: number): number | undefined {
  return value === undefined ? undefined : checked(what, value, most);
}
