import type { IpAddress } from "../address.js";
import type { TimeNode } from "../time.js";

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

/** True for `and` and `or`. */
export function isBinary(node: { readonly kind: string }): node is BinaryNode {
  return node.kind === "and" || node.kind === "or";
}
