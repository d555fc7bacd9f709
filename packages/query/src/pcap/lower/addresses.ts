import type { Ipv4Address, Ipv6Address } from "../../address.js";
import type { Direction, PcapCastNode, PcapEtherHostNode, PcapHostNode, PcapNetNode } from "../ast.js";
import { all, any, behind, type Condition, compare, compareBytes } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import { directed } from "./directed.js";
import type { Headers } from "./headers.js";
import { hasType } from "./link-layer.js";
import { etherType } from "./numbers.js";

/** An address of the IP header or, where the node names no protocol, of ARP and RARP too. */
export function hasAddress(headers: Headers, node: PcapHostNode | PcapNetNode): Condition {
  const { address } = node;
  const mask = node.kind === "net" ? node.mask : undefined;
  if (address.version === 6) {
    const words =
      mask?.version === 6 ? mask.words : ([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff] as const);
    return hasIpv6Address(headers, address, words, node.direction);
  }
  const bits = mask?.version === 4 ? mask.value : 0xffffffff;
  return hasIpv4Address(headers, address, bits, node);
}

function hasIpv6Address(
  headers: Headers,
  address: Ipv6Address,
  mask: Ipv6Address["words"],
  direction: Direction | undefined,
): Condition {
  const at = (offset: number) =>
    all(
      hasType(headers, etherType.ipv6),
      ...([0, 1, 2, 3] as const).map((i) =>
        compare(4, headers.network, offset + 4 * i, address.words[i], "eq", mask[i]),
      ),
    );
  return directed(
    direction,
    () => at(8),
    () => at(24),
  );
}

function hasIpv4Address(
  headers: Headers,
  { value }: Ipv4Address,
  mask: number,
  { protocol, direction }: Pick<PcapHostNode, "protocol" | "direction">,
): Condition {
  const inHeader = (type: number, source: number, destination: number) => {
    const at = (offset: number) =>
      all(hasType(headers, type), compare(4, headers.network, offset, value, "eq", mask));
    return directed(
      direction,
      () => at(source),
      () => at(destination),
    );
  };
  const inIp = () => inHeader(etherType.ipv4, 12, 16);
  const inArp = () => inHeader(etherType.arp, 14, 24);
  const inRarp = () => inHeader(etherType.rarp, 14, 24);
  switch (protocol) {
    case "ip":
      return inIp();
    case "arp":
      return inArp();
    case "rarp":
      return inRarp();
    default:
      // ARP does not come in MPLS.
      return headers.isBehindLabel ? inIp() : any(inIp(), inArp(), inRarp());
  }
}

/** An Ethernet address. */
export function hasEthernetAddress(headers: Headers, { address, direction }: PcapEtherHostNode): Condition {
  const { link, linkName, linkHeader } = headers;
  if (link !== "ethernet")
    throw new FilterMeaningError(`there are no Ethernet addresses in ${linkName} captures`);
  const source = () => compareBytes(behind(linkHeader, 6), address);
  const destination = () => compareBytes(linkHeader, address);
  return inEthernet(headers, directed(direction, source, destination));
}

/** Sent to all, or to a group. */
export function isCast(headers: Headers, { kind, protocol }: PcapCastNode): Condition {
  const { network } = headers;
  switch (protocol) {
    case "ether":
      return isEthernetCast(headers, kind);
    case "ip6":
      if (kind === "broadcast") throw new FilterMeaningError("IPv6 has no broadcast");
      return all(hasType(headers, etherType.ipv6), compare(1, network, 24, 255));
    case "ip":
      if (kind === "multicast") {
        return all(hasType(headers, etherType.ipv4), compare(1, network, 16, 224, "ge"));
      }
      // Without a network mask, as tcpdump reads files: all ones and all zeros.
      return all(
        hasType(headers, etherType.ipv4),
        any(compare(4, network, 16, 0), compare(4, network, 16, 0xffffffff)),
      );
  }
}

function isEthernetCast(headers: Headers, kind: "broadcast" | "multicast"): Condition {
  const { link, linkName, linkHeader } = headers;
  if (link !== "ethernet") throw new FilterMeaningError(`${linkName} captures do not tell a ${kind}`);
  return inEthernet(
    headers,
    kind === "broadcast"
      ? compareBytes(linkHeader, [255, 255, 255, 255, 255, 255])
      : compare(1, linkHeader, 0, 1, "set"),
  );
}

/** In a Geneve tunnel only if there is an Ethernet header. */
function inEthernet({ isInTunnel, linkHeader, payload, tags }: Headers, condition: Condition): Condition {
  if (!isInTunnel) return condition;
  return all(
    { op: "ethernet-inside", first: linkHeader.register, second: (tags?.first ?? payload).register },
    condition,
  );
}
