import type { IpAddress } from "../address.js";
import type { TimeNode } from "../time.js";

/** Which end of the packet a test looks at; undefined in a node is either end. */
export type Direction = "src" | "dst" | "src and dst";

/** Protocols that are a test by their bare name. */
export type ProtocolName =
  | "ip"
  | "ip6"
  | "arp"
  | "rarp"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp"
  | "icmp6"
  | "igmp"
  | "igrp"
  | "pim"
  | "vrrp"
  | "carp"
  | "ah"
  | "esp"
  | "atalk"
  | "aarp"
  | "decnet"
  | "lat"
  | "sca"
  | "moprc"
  | "mopdl"
  | "iso"
  | "esis"
  | "isis"
  | "clnp"
  | "l1"
  | "l2"
  | "iih"
  | "lsp"
  | "snp"
  | "csnp"
  | "psnp"
  | "stp"
  | "ipx"
  | "netbeui";

/** Both sides match (`and`), or at least one of them (`or`). */
export interface PcapBinaryNode {
  readonly kind: "and" | "or";
  readonly left: PcapNode;
  readonly right: PcapNode;
}

/** The operand does not match. A packet too short for what the operand looks at matches neither way. */
export interface PcapNotNode {
  readonly kind: "not";
  readonly operand: PcapNode;
}

/** An address of the IP header, or without `protocol` also of an ARP or RARP packet. */
export interface PcapHostNode {
  readonly kind: "host";
  readonly protocol?: "ip" | "ip6" | "arp" | "rarp" | undefined;
  readonly direction?: Direction | undefined;
  readonly address: IpAddress;
}

/** The same for a network: `address` under `mask`, both of one version. An IPv4 mask may have holes. */
export interface PcapNetNode {
  readonly kind: "net";
  readonly protocol?: "ip" | "ip6" | "arp" | "rarp" | undefined;
  readonly direction?: Direction | undefined;
  readonly address: IpAddress;
  readonly mask: IpAddress;
}

/** An Ethernet address. */
export interface PcapEtherHostNode {
  readonly kind: "ether-host";
  readonly direction?: Direction | undefined;
  /** Six bytes. */
  readonly address: readonly number[];
}

/** A port, or all from `low` to `high`, of TCP, UDP or SCTP; without `protocol` of any of them. */
export interface PcapPortNode {
  readonly kind: "port";
  readonly protocol?: "tcp" | "udp" | "sctp" | undefined;
  readonly direction?: Direction | undefined;
  /** 0 to 65535. */
  readonly low: number;
  /** `low` to 65535. */
  readonly high: number;
}

/** A protocol's number: in the IP header (without `protocol`: of either version), the link layer, or OSI headers. */
export interface PcapProtoNode {
  readonly kind: "proto";
  readonly protocol?: "ip" | "ip6" | "ether" | "iso" | "isis" | undefined;
  readonly number: number;
}

/** A protocol's number anywhere in the chain of IP's extension headers. */
export interface PcapProtochainNode {
  readonly kind: "protochain";
  readonly protocol?: "ip" | "ip6" | undefined;
  readonly number: number;
}

/** A protocol by its bare name. */
export interface PcapProtocolNode {
  readonly kind: "protocol";
  readonly name: ProtocolName;
}

/** Broadcasts and multicasts, by the destination's Ethernet or IP address. */
export interface PcapCastNode {
  readonly kind: "broadcast" | "multicast";
  readonly protocol: "ether" | "ip" | "ip6";
}

/** A comparison of two numbers, unsigned, 32 bits. Loads test first that their protocol is there. */
export interface PcapRelationNode {
  readonly kind: "relation";
  readonly operator: RelationOperator;
  readonly left: ArithmeticNode;
  readonly right: ArithmeticNode;
}

export type RelationOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** A VLAN tag here, and everything behind it in the filter looks inside it. */
export interface PcapVlanNode {
  readonly kind: "vlan";
  /** 0 to 4095; undefined is any. */
  readonly id?: number | undefined;
}

/** An MPLS label here, and everything behind it in the filter looks inside it. */
export interface PcapMplsNode {
  readonly kind: "mpls";
  /** 0 to 1048575; undefined is any. */
  readonly label?: number | undefined;
}

/** PPPoE discovery. */
export interface PcapPppoedNode {
  readonly kind: "pppoed";
}

/** A PPPoE session here, and everything behind it in the filter looks inside it. */
export interface PcapPppoesNode {
  readonly kind: "pppoes";
  /** 0 to 65535; undefined is any. */
  readonly session?: number | undefined;
}

/** A Geneve tunnel here, and everything behind it in the filter looks inside it. */
export interface PcapGeneveNode {
  readonly kind: "geneve";
  /** Virtual network identifier, 0 to 16777215; undefined is any. */
  readonly vni?: number | undefined;
}

/** A frame with an LLC header, or one of a certain type. */
export interface PcapLlcNode {
  readonly kind: "llc";
  readonly type?: LlcType | undefined;
}

export type LlcType =
  | "i"
  | "s"
  | "u"
  | "rr"
  | "rnr"
  | "rej"
  | "ui"
  | "ua"
  | "disc"
  | "dm"
  | "sabme"
  | "test"
  | "xid"
  | "frmr";

/** Which way the packet went, where the link layer says so (Linux cooked captures). */
export interface PcapWayNode {
  readonly kind: "inbound" | "outbound";
}

/** The number of the interface (Linux cooked v2). */
export interface PcapInterfaceNode {
  readonly kind: "ifindex";
  readonly index: number;
}

/** A test without operands of its own. */
export type PcapPrimitiveNode =
  | PcapHostNode
  | PcapNetNode
  | PcapEtherHostNode
  | PcapPortNode
  | PcapProtoNode
  | PcapProtochainNode
  | PcapProtocolNode
  | PcapCastNode
  | PcapRelationNode
  | PcapVlanNode
  | PcapMplsNode
  | PcapPppoedNode
  | PcapPppoesNode
  | PcapGeneveNode
  | PcapLlcNode
  | PcapWayNode
  | PcapInterfaceNode
  | TimeNode;

/** An expression of the pcap-filter language, plain and immutable. Order matters: `vlan` shifts what stands behind it. */
export type PcapNode = PcapBinaryNode | PcapNotNode | PcapPrimitiveNode;

/** A whole filter in the pcap-filter language. */
export interface PcapFilterNode {
  readonly kind: "pcap";
  readonly expression: PcapNode;
}

/** Headers that bytes can be loaded from: `ether[0]` counts from the link layer's, `tcp[0]` from TCP's. */
export type LoadProtocol =
  | "ether"
  | "ip"
  | "ip6"
  | "arp"
  | "rarp"
  | "atalk"
  | "decnet"
  | "sca"
  | "lat"
  | "moprc"
  | "mopdl"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp"
  | "igmp"
  | "igrp"
  | "pim"
  | "vrrp"
  | "carp"
  | "icmp6";

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>";

/** A number worked out for each packet: unsigned, 32 bits, wrapping round. */
export type ArithmeticNode =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "length" }
  | {
      readonly kind: "load";
      readonly protocol: LoadProtocol;
      readonly offset: ArithmeticNode;
      readonly size: 1 | 2 | 4;
    }
  | {
      readonly kind: "operation";
      readonly operator: ArithmeticOperator;
      readonly left: ArithmeticNode;
      readonly right: ArithmeticNode;
    }
  | { readonly kind: "negative"; readonly operand: ArithmeticNode };

/** True for `and` and `or`. */
export function isPcapBinary(node: PcapNode): node is PcapBinaryNode {
  return node.kind === "and" || node.kind === "or";
}
