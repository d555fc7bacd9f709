import { addressBits, type IpAddress, networkAddress, parseIpAddress, printIpAddress } from "../address.js";
import { checked } from "../checked.js";
import { unlimitedTimestampNs } from "../time.js";
import { type TimeInput, toTime } from "../time-input.js";
import type { FilterNode } from "./ast.js";
import { largest } from "./limits.js";
import { parseStenographerFilter } from "./parser.js";
import { printStenographerFilter, unlimitedTimeProblem } from "./print.js";

/** A filter as our functions take it: text in the filter language, what the builder made, or a parsed tree. */
export type FilterInput = string | Filter | FilterNode;

/** A filter made by the builder: `host("10.0.0.1").and(port(443))`. Immutable. */
export class Filter {
  /** The language of the text and the tree: see `pcap` for filters in tcpdump's. */
  readonly dialect = "stenographer";

  constructor(
    /** The tree. */
    readonly node: FilterNode,
  ) {}

  /** This filter, and all of those. @throws FilterSyntaxError for a text that cannot be read */
  and(...others: readonly FilterInput[]): Filter {
    return joined("and", [this, ...others]);
  }

  /** This filter, or any of those. @throws FilterSyntaxError for a text that cannot be read */
  or(...others: readonly FilterInput[]): Filter {
    return joined("or", [this, ...others]);
  }

  /** The filter as canonical text. */
  toString(): string {
    return printStenographerFilter(this.node);
  }
}

/**
 * The tree of any kind of filter in Stenographer's language.
 *
 * @throws FilterSyntaxError for a text that cannot be read; TypeError for a filter in the pcap-filter language
 */
export function toFilterNode(input: FilterInput): FilterNode {
  if (typeof input === "string") return parseStenographerFilter(input);
  const node = "node" in input ? input.node : input;
  // JavaScript may bring what the types forbid.
  if ((node as { readonly kind: string }).kind === "pcap") {
    throw new TypeError(
      "a filter in the pcap-filter language (pcap.host and the like) cannot be part of one in Stenographer's",
    );
  }
  return node;
}

/** Packets from or to an IP address. @throws RangeError if the text is none; names are not looked up */
export function host(address: string | IpAddress): Filter {
  return new Filter({ kind: "host", address: toAddress(address) });
}

/**
 * Packets from or to a network: `net("10.0.0.0/8")` or `net("10.0.0.0", 8)`.
 *
 * @throws RangeError if it is none
 */
export function net(network: string): Filter;
export function net(address: string | IpAddress, prefixLength: number): Filter;
export function net(network: string | IpAddress, prefixLength?: number): Filter {
  let base = network;
  let length = prefixLength;
  if (length === undefined && typeof network === "string") {
    const match = /^([^/]*)\/([0-9]{1,3})$/.exec(network);
    if (match === null) throw new RangeError(`network ${JSON.stringify(network)} is not ADDRESS/LENGTH`);
    base = match[1] ?? "";
    length = Number(match[2]);
  }
  const address = toAddress(base);
  const bits = checked("prefix length", length ?? Number.NaN, addressBits(address));
  return new Filter({ kind: "net", address: networkAddress(address, bits), prefixLength: bits });
}

/** Packets with a TCP or UDP port, 0 to 65535, at either end. @throws RangeError */
export function port(number: number): Filter {
  return new Filter({ kind: "port", port: checked("port", number, largest.port) });
}

/** Packets with a VLAN id, 0 to 65535, in any of their tags. @throws RangeError */
export function vlan(id: number): Filter {
  return new Filter({ kind: "vlan", id: checked("vlan", id, largest.vlan) });
}

/** Packets with an MPLS label, 0 to 1048575, anywhere in their stack. @throws RangeError */
export function mpls(label: number): Filter {
  return new Filter({ kind: "mpls", label: checked("mpls", label, largest.mpls) });
}

/** Packets of an IP protocol by its number, 0 to 255. @throws RangeError */
export function ipProto(number: number): Filter {
  return new Filter({ kind: "ip-proto", protocol: checked("ip proto", number, largest["ip proto"]) });
}

/** TCP packets, over IPv4 and IPv6. */
export function tcp(): Filter {
  return new Filter({ kind: "protocol", name: "tcp" });
}

/** UDP packets, over IPv4 and IPv6. */
export function udp(): Filter {
  return new Filter({ kind: "protocol", name: "udp" });
}

/** ICMP packets of IPv4. ICMPv6 is `ipProto(58)`. */
export function icmp(): Filter {
  return new Filter({ kind: "protocol", name: "icmp" });
}

/** Packets earlier than an instant, itself excluded. @throws RangeError if it is none */
export function before(time: TimeInput): Filter {
  const reference = toTime(time);
  if (reference.kind === "absolute" && reference.timestampNs === unlimitedTimestampNs) {
    throw new RangeError(unlimitedTimeProblem);
  }
  return new Filter({ kind: "before", time: reference });
}

/** Packets at an instant or later. @throws RangeError if it is none */
export function after(time: TimeInput): Filter {
  return new Filter({ kind: "after", time: toTime(time) });
}

/** Packets that pass all of the filters. @throws FilterSyntaxError; TypeError without any */
export function and(...filters: readonly FilterInput[]): Filter {
  return joined("and", filters);
}

/** Packets that pass at least one of the filters. @throws FilterSyntaxError; TypeError without any */
export function or(...filters: readonly FilterInput[]): Filter {
  return joined("or", filters);
}

function joined(kind: "and" | "or", filters: readonly FilterInput[]): Filter {
  const [first, ...rest] = filters.map(toFilterNode);
  if (first === undefined) throw new TypeError(`${kind}() needs at least one filter`);
  return new Filter(rest.reduce((left, right) => ({ kind, left, right }), first));
}

function toAddress(address: string | IpAddress): IpAddress {
  // A tree made by hand may hold an IPv4-mapped address: through the text it becomes what it is everywhere else.
  const text = typeof address === "string" ? address.toLowerCase() : printIpAddress(address);
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new RangeError(`${JSON.stringify(address)} is not an IP address`);
  return parsed;
}
