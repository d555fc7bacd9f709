import type { PcapPortNode, PcapProtochainNode, PcapProtoNode, ProtocolName } from "../ast.js";
import { all, any, behind, type Comparison, type Condition, compare, constant, not } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import { directed } from "./directed.js";
import type { Headers } from "./headers.js";
import { hasType } from "./link-layer.js";
import { etherType, ipProtocol, isoProtocol, sap } from "./numbers.js";

/** Types by which the link layer tells protocols that are a test by name. */
const linkTypes: Readonly<Partial<Record<ProtocolName, number>>> = {
  ip: etherType.ipv4,
  ip6: etherType.ipv6,
  arp: etherType.arp,
  rarp: etherType.rarp,
  atalk: etherType.atalk,
  aarp: etherType.aarp,
  decnet: etherType.decnet,
  lat: etherType.lat,
  sca: etherType.sca,
  moprc: etherType.moprc,
  mopdl: etherType.mopdl,
  iso: sap.iso,
  stp: sap.stp,
  ipx: sap.ipx,
  netbeui: sap.netbeui,
};

/** PDU types of IS-IS (ISO 10589) that each name means, in the order they are tried. */
const isisTypes: Readonly<Partial<Record<ProtocolName, readonly number[]>>> = {
  l1: [26, 24, 18, 15, 17],
  l2: [27, 25, 20, 16, 17],
  iih: [17, 15, 16],
  lsp: [18, 20],
  snp: [27, 26, 24, 25],
  csnp: [24, 25],
  psnp: [26, 27],
};

/** A protocol by its bare name. */
export function isProtocol(headers: Headers, name: ProtocolName): Condition {
  const linkType = linkTypes[name];
  if (linkType !== undefined) return hasType(headers, linkType);
  const isis = isisTypes[name];
  if (isis !== undefined) {
    const [first, ...rest] = isis.map((number) => hasNumber(headers, number, "isis"));
    return any(first ?? constant(false), ...rest);
  }
  switch (name) {
    case "tcp":
    case "udp":
    case "sctp":
    case "pim":
    case "ah":
    case "esp":
      return hasNumber(headers, ipProtocol[name], undefined);
    case "icmp":
    case "igmp":
    case "igrp":
    case "vrrp":
    case "carp":
      return hasNumber(headers, ipProtocol[name], "ip");
    case "icmp6":
      return hasNumber(headers, ipProtocol[name], "ip6");
    case "esis":
    case "isis":
      return hasNumber(headers, isoProtocol[name], "iso");
    default:
      return hasNumber(headers, isoProtocol.clnp, "iso"); // the one that is left
  }
}

/** A protocol by its number in the header of the one that carries it. */
export function hasNumber(headers: Headers, number: number, protocol: PcapProtoNode["protocol"]): Condition {
  switch (protocol) {
    case undefined:
      return any(hasNumber(headers, number, "ip"), hasNumber(headers, number, "ip6"));
    case "ether":
      return hasType(headers, number);
    case "ip":
      return all(hasType(headers, etherType.ipv4), compare(1, headers.network, 9, number));
    case "ip6": {
      const { network } = headers;
      // At once, or behind a fragment header.
      return all(
        hasType(headers, etherType.ipv6),
        any(compare(1, network, 6, number), all(compare(1, network, 6, 44), compare(1, network, 40, number))),
      );
    }
    case "iso":
      return all(hasType(headers, sap.iso), compare(1, headers.networkBehindLlc, 0, number));
    case "isis":
      return all(
        hasNumber(headers, isoProtocol.isis, "iso"),
        compare(1, headers.networkBehindLlc, 4, number),
      );
  }
}

/** A protocol anywhere in the chain of IP's headers. */
export function hasInChain(headers: Headers, { number, protocol }: PcapProtochainNode): Condition {
  if (headers.isInTunnel) throw new FilterMeaningError('"protochain" does not work inside a tunnel');
  const chain = (version: 4 | 6): Condition =>
    all(hasType(headers, version === 4 ? etherType.ipv4 : etherType.ipv6), {
      op: "chain",
      version,
      number,
      place: headers.network,
    });
  if (protocol !== undefined) return chain(protocol === "ip" ? 4 : 6);
  return any(chain(4), chain(6));
}

/** What of a packet's ports is looked for. */
export type PortTest = Pick<PcapPortNode, "protocol" | "direction" | "low" | "high">;

/** A port, over either version of IP. */
export function hasPort(headers: Headers, test: PortTest): Condition {
  return any(hasPortOverIpv6(headers, test), hasPortOverIpv4(headers, test));
}

export function hasPortOverIpv4(headers: Headers, test: PortTest): Condition {
  const { network } = headers;
  const at = (offset: number) =>
    inRange(test, (value, comparison) => ({
      op: "compare",
      size: 2,
      place: behind(network, offset),
      behindIpv4: network,
      mask: 0xffffffff,
      comparison,
      value,
    }));
  const inProtocol = (number: number) =>
    all(compare(1, network, 9, number), isFirstFragment(headers), atEnds(test, at));
  return all(hasType(headers, etherType.ipv4), inTransports(test, inProtocol));
}

export function hasPortOverIpv6(headers: Headers, test: PortTest): Condition {
  const { network } = headers;
  const at = (offset: number) =>
    inRange(test, (value, comparison) => compare(2, network, 40 + offset, value, comparison));
  const inProtocol = (number: number) => all(compare(1, network, 6, number), atEnds(test, at));
  return all(hasType(headers, etherType.ipv6), inTransports(test, inProtocol));
}

function inRange(
  { low, high }: PortTest,
  compareWith: (value: number, comparison: Comparison) => Condition,
): Condition {
  return low === high ? compareWith(low, "eq") : all(compareWith(low, "ge"), not(compareWith(high, "gt")));
}

/** At the source's and the destination's place in the transport's header. */
function atEnds({ direction }: PortTest, at: (offset: number) => Condition): Condition {
  return directed(
    direction,
    () => at(0),
    () => at(2),
  );
}

function inTransports({ protocol }: PortTest, test: (number: number) => Condition): Condition {
  if (protocol !== undefined) return test(ipProtocol[protocol]);
  return any(test(ipProtocol.sctp), test(ipProtocol.tcp), test(ipProtocol.udp));
}

/** Not a later fragment of an IPv4 packet, which has no header of the transport. */
export function isFirstFragment({ network }: Headers): Condition {
  return not(compare(2, network, 6, 0x1fff, "set"));
}
