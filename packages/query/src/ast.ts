import type { PcapFilterNode } from "./pcap/ast.js";

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

/** A fixed instant, in nanoseconds since 1970 UTC, within the years 0000 to 9999. */
export interface AbsoluteTime {
  readonly kind: "absolute";
  readonly timestampNs: bigint;
}

/** An instant so long before the moment the filter is used: `45m ago`. `resolveTimes` makes it absolute. */
export interface RelativeTime {
  readonly kind: "ago";
  /** A whole number of minutes. */
  readonly nanoseconds: bigint;
  /** The same as it is printed: hours where they come out even (`3h`), else minutes (`45m`). */
  readonly text: string;
}

export type TimeReference = AbsoluteTime | RelativeTime;

/** Both sides match (`and`), or at least one of them (`or`). */
export interface BinaryNode {
  readonly kind: "and" | "or";
  readonly left: FilterNode;
  readonly right: FilterNode;
}

/** Source or destination address of the first IP header. */
export interface HostNode {
  readonly kind: "host";
  readonly address: IpAddress;
}

/** Source or destination address in a network. Bits of `address` past `prefixLength` are zero. */
export interface NetNode {
  readonly kind: "net";
  readonly address: IpAddress;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefixLength: number;
}

/** TCP or UDP source or destination port, 0 to 65535. */
export interface PortNode {
  readonly kind: "port";
  readonly port: number;
}

/** VLAN id of any tag in the frame, 0 to 65535 (as Stenographer takes it; ids on the wire end at 4095). */
export interface VlanNode {
  readonly kind: "vlan";
  readonly id: number;
}

/** Any label of the MPLS stack, 0 to 1048575. */
export interface MplsNode {
  readonly kind: "mpls";
  readonly label: number;
}

/** IP protocol number, 0 to 255, of IPv4 or of the end of IPv6's extension headers. */
export interface IpProtoNode {
  readonly kind: "ip-proto";
  readonly protocol: number;
}

/** `tcp`, `udp` or `icmp` (ICMP of IPv4; ICMPv6 is `ip proto 58`). */
export interface ProtocolNode {
  readonly kind: "protocol";
  readonly name: "tcp" | "udp" | "icmp";
}

/** Packet time: `after T` is t >= T, `before T` is t < T, so that the two make a half-open window. */
export interface TimeNode {
  readonly kind: "before" | "after";
  readonly time: TimeReference;
}

/** A filter without `and` and `or`. */
export type PrimitiveNode =
  | HostNode
  | NetNode
  | PortNode
  | VlanNode
  | MplsNode
  | IpProtoNode
  | ProtocolNode
  | TimeNode;

/** A parsed filter in Stenographer's language: plain, immutable data. */
export type FilterNode = BinaryNode | PrimitiveNode;

/** A parsed filter in either language. */
export type AnyFilterNode = FilterNode | PcapFilterNode;

/**
 * The language of a filter's text: Stenographer's own, or pcap-filter(7), which is tcpdump's, with Stenographer's `before`
 * and `after` added.
 */
export type FilterDialect = "stenographer" | "pcap";

/** True for `and` and `or`. */
export function isBinary(node: { readonly kind: string }): node is BinaryNode {
  return node.kind === "and" || node.kind === "or";
}
