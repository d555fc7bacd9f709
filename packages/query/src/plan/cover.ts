import { type IpAddress, networkAddress } from "../address.js";
import type {
  ArithmeticNode,
  LoadProtocol,
  PcapCastNode,
  PcapHostNode,
  PcapNetNode,
  PcapPortNode,
  PcapPrimitiveNode,
  PcapRelationNode,
  ProtocolName,
} from "../pcap/ast.js";
import type { PrimitiveNode } from "../stenographer/ast.js";
import type { TimeNode } from "../time.js";
import type { Bound, Bounds } from "./bound.js";
import { type ByProtocol, joinByProtocol, whatever } from "./by-protocol.js";
import type { Place } from "./view.js";

/** What a packet surely has in the index if a test passes (`yes`), and if it fails (`no`). A cut packet does neither. */
interface Cover {
  readonly yes: ByProtocol;
  readonly no: ByProtocol;
}

/** Ranges of more ports are not asked for one by one. */
export const maxPorts = 64;

const numbers = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  igrp: 9,
  udp: 17,
  esp: 50,
  ah: 51,
  icmp6: 58,
  pim: 103,
  vrrp: 112,
  carp: 112,
  sctp: 132,
} as const;
const ipv6Fragment = 44;
/** Headers that the index walks over: what it has is the protocol behind them. */
const walkedOver: readonly number[] = [0, 43, ipv6Fragment, 60, 135];
/** Types of what a mover of the filter looks for. */
const tagTypes: readonly number[] = [0x8100, 0x88a8, 0x9100, 0x8847];
const ethertype = { ipv4: 0x0800, ipv6: 0x86dd } as const;

/** What is known in advance of each test, place by place: pcap/lower/ says what a test looks at, stenographer/frame.ts what is indexed. */
export class Coverer {
  private readonly always: Cover;
  private readonly never: Cover;
  private readonly perhaps: Cover;

  constructor(
    private readonly bounds: Bounds,
    private readonly vlanTransparent: boolean,
  ) {
    const everything = whatever(bounds.all);
    const nothing = whatever(bounds.none);
    this.always = { yes: everything, no: nothing };
    this.never = { yes: nothing, no: everything };
    this.perhaps = { yes: everything, no: everything };
  }

  /**
   * @param isBehindLabels the test looks behind an MPLS label
   * @throws TypeError if a time is still relative
   */
  cover(node: PcapPrimitiveNode, place: Place, isBehindLabels: boolean): Cover {
    if (node.kind === "before" || node.kind === "after") return this.time(node);
    if (node.kind === "vlan" && this.vlanTransparent) {
      return place === "unknown" ? this.perhaps : this.tag(node.id, (id) => ({ kind: "vlan", id }));
    }
    if (place === "unknown") return this.perhaps;
    switch (node.kind) {
      case "host":
      case "net":
        return this.address(node, place, isBehindLabels);
      case "port":
        return this.port(node, place);
      case "proto":
        if (node.protocol === "ether") return this.type(node.number, place);
        if (node.protocol === "iso" || node.protocol === "isis") return this.in(["other"], place);
        return this.protocol(node.number, node.protocol, place);
      case "protochain":
        return this.chain(node.number, node.protocol, place);
      case "protocol":
        return this.named(node.name, place);
      case "broadcast":
      case "multicast":
        return this.cast(node, place);
      case "relation":
        return this.relation(node, place);
      case "vlan":
        return this.moved(node.id, (id) => ({ kind: "vlan", id }), place);
      case "mpls":
        return this.moved(node.label, (label) => ({ kind: "mpls", label }), place);
      case "pppoed":
      case "pppoes":
      case "llc":
        return this.in(["other"], place);
      case "geneve":
        return this.port({ kind: "port", protocol: "udp", low: 6081, high: 6081 }, place);
      default:
        // Ethernet addresses; what Ethernet does not tell.
        return this.perhaps;
    }
  }

  private if(bound: Bound): Cover {
    return { yes: whatever(bound), no: this.perhaps.no };
  }

  /** Passes perhaps in these places, and never elsewhere. */
  private in(places: readonly Place[], place: Place): Cover {
    return places.includes(place) ? this.perhaps : this.never;
  }

  private onlyListed(listed: readonly (readonly [number, Bound])[]): ByProtocol {
    return { otherwise: this.bounds.none, listed: new Map(listed) };
  }

  private time({ kind, time }: TimeNode): Cover {
    if (time.kind === "ago") {
      throw new TypeError(`"${kind} ${time.text} ago" has no fixed time yet: call resolveTimes first`);
    }
    const term = (which: "before" | "after") => whatever(this.bounds.term({ kind: which, time }));
    // Packets have no times before 1970.
    const [after, before] =
      time.timestampNs <= 0n ? [this.always.yes, this.always.no] : [term("after"), term("before")];
    return kind === "after" ? { yes: after, no: before } : { yes: before, no: after };
  }

  private tag(number: number | undefined, term: (number: number) => PrimitiveNode): Cover {
    return number === undefined ? this.perhaps : this.if(this.bounds.term(term(number)));
  }

  /** A tag is there in the frames that have one at this place, and in no other: it is what tells views apart. */
  private moved(number: number | undefined, term: (number: number) => PrimitiveNode, place: Place): Cover {
    if (place !== "tag") return this.never;
    return number === undefined ? this.always : this.tag(number, term);
  }

  private address(node: PcapHostNode | PcapNetNode, place: Place, isBehindLabels: boolean): Cover {
    const { address, protocol } = node;
    if (address.version === 6) return isIpv6(place) ? this.if(this.network(node)) : this.never;
    if (place === "ipv4") {
      return protocol === "arp" || protocol === "rarp" ? this.never : this.if(this.network(node));
    }
    // ARP has the addresses as well, and is in no index; it does not come in MPLS.
    return protocol === "ip" || isBehindLabels ? this.never : this.in(["other"], place);
  }

  /** The network that the leading ones of the mask make. */
  private network(node: PcapHostNode | PcapNetNode): Bound {
    const { address } = node;
    const ones = node.kind === "host" ? 128 : leadingOnes(node.mask);
    if (address.version === 4) return this.prefix(address, Math.min(ones, 32));
    // Stenographer takes ::ffff:a.b.c.d for the IPv4 address: one bit less makes it a network of IPv6 again.
    const [a, b, c] = address.words;
    const isMapped = a === 0 && b === 0 && c === 0xffff;
    return this.prefix(address, isMapped ? Math.min(ones, 95) : ones);
  }

  private prefix(address: IpAddress, prefixLength: number): Bound {
    if (prefixLength === 0) return this.bounds.all;
    if (prefixLength === (address.version === 4 ? 32 : 128))
      return this.bounds.term({ kind: "host", address });
    return this.bounds.term({
      kind: "net",
      address: networkAddress(address, prefixLength),
      prefixLength,
    });
  }

  private port({ protocol, low, high }: PcapPortNode, place: Place): Cover {
    // libpcap looks at the next header of IPv6 only.
    if (place !== "ipv4" && place !== "ipv6") return this.never;
    const wanted: readonly ("tcp" | "udp" | "sctp")[] =
      protocol === undefined ? ["tcp", "udp", "sctp"] : [protocol];
    const ports = this.ports(low, high);
    // SCTP's ports are not in the index.
    const listed = wanted.map((name) => [numbers[name], name === "sctp" ? this.bounds.all : ports] as const);
    return { yes: this.onlyListed(listed), no: this.perhaps.no };
  }

  private ports(low: number, high: number): Bound {
    if (high - low >= maxPorts) return this.bounds.all;
    let ports = this.bounds.none;
    for (let port = low; port <= high; port++) {
      ports = this.bounds.or(ports, this.bounds.term({ kind: "port", port }));
    }
    return ports;
  }

  /** An Ethernet type or LLC service access point. */
  private type(number: number, place: Place): Cover {
    switch (place) {
      case "ipv4":
        return number === ethertype.ipv4 ? this.always : this.never;
      case "tag":
        return tagTypes.includes(number) ? this.perhaps : this.never;
      case "other":
        return number === ethertype.ipv4 || number === ethertype.ipv6 ? this.never : this.perhaps;
      default:
        return number === ethertype.ipv6 ? this.always : this.never;
    }
  }

  private protocol(number: number, version: "ip" | "ip6" | undefined, place: Place): Cover {
    const { all } = this.bounds;
    if (number > 255 || !isVersion(version, place)) return this.never;
    if (place === "ipv4") return this.exactly(number);
    const isWalkedOver = walkedOver.includes(number);
    if (place === "ipv6") return isWalkedOver ? this.never : this.exactly(number);
    if (place === "ipv6-extension") {
      return isWalkedOver && number !== ipv6Fragment ? this.perhaps : this.never;
    }
    // At once, or behind the fragment header; a later fragment has the fragment header's number in the index.
    if (number === ipv6Fragment) return this.always;
    if (isWalkedOver) return this.perhaps;
    return {
      yes: this.onlyListed([
        [number, all],
        [ipv6Fragment, all],
      ]),
      no: this.perhaps.no,
    };
  }

  /** The packet has this protocol in the index, or passes not. */
  private exactly(number: number): Cover {
    const { all, none } = this.bounds;
    return {
      yes: this.onlyListed([[number, all]]),
      no: { otherwise: all, listed: new Map([[number, none]]) },
    };
  }

  /** libpcap walks over authentication headers too, where the index stops; the index stops at later fragments. */
  private chain(number: number, version: "ip" | "ip6" | undefined, place: Place): Cover {
    if (!isVersion(version, place)) return this.never;
    const isDirect = place === "ipv4" || place === "ipv6";
    if (!isDirect && walkedOver.includes(number)) return this.perhaps;
    const stops = isDirect ? [number, numbers.ah] : [number, numbers.ah, ipv6Fragment];
    const listed = stops.map((protocol) => [protocol, this.bounds.all] as const);
    return { yes: this.onlyListed(listed.filter(([protocol]) => protocol <= 255)), no: this.perhaps.no };
  }

  private named(name: ProtocolName, place: Place): Cover {
    switch (name) {
      case "ip":
        return this.type(ethertype.ipv4, place);
      case "ip6":
        return this.type(ethertype.ipv6, place);
      case "tcp":
      case "udp":
      case "sctp":
      case "pim":
      case "ah":
      case "esp":
        return this.protocol(numbers[name], undefined, place);
      case "icmp":
      case "igmp":
      case "igrp":
      case "vrrp":
      case "carp":
        return this.protocol(numbers[name], "ip", place);
      case "icmp6":
        return this.protocol(numbers[name], "ip6", place);
      default:
        return this.in(["other"], place);
    }
  }

  private cast({ kind, protocol }: PcapCastNode, place: Place): Cover {
    const { bounds } = this;
    if (protocol === "ether") return this.perhaps;
    if (protocol === "ip6") {
      if (!isIpv6(place)) return this.never;
      return this.if(this.prefix({ version: 6, words: [0xff000000, 0, 0, 0] }, 8));
    }
    if (place !== "ipv4") return this.never;
    // libpcap takes 240.0.0.0/4 for multicast, too.
    if (kind === "multicast") return this.if(this.prefix({ version: 4, value: 0xe0000000 }, 3));
    const host = (value: number) => bounds.term({ kind: "host", address: { version: 4, value } });
    return this.if(bounds.or(host(0), host(0xffffffff)));
  }

  /** Loads test first that their protocol is there. */
  private relation({ left, right }: PcapRelationNode, place: Place): Cover {
    let yes = this.perhaps.yes;
    for (const protocol of [...checkedLoads(left), ...checkedLoads(right)]) {
      yes = joinByProtocol(this.bounds, "and", yes, this.loadable(protocol, place));
    }
    return { yes, no: this.perhaps.no };
  }

  private loadable(protocol: LoadProtocol, place: Place): ByProtocol {
    switch (protocol) {
      case "ether":
        return this.perhaps.yes;
      case "tcp":
      case "udp":
      case "sctp":
      case "icmp":
      case "igmp":
      case "igrp":
      case "pim":
      case "vrrp":
      case "carp":
        return place === "ipv4" ? this.exactly(numbers[protocol]).yes : this.never.yes;
      case "icmp6":
        return place === "ipv6" ? this.exactly(numbers.icmp6).yes : this.never.yes;
      default:
        return this.named(protocol, place).yes;
    }
  }
}

/**
 * The protocols that libpcap tests before a value is worked out. It forgets those of an operation's right side:
 * `1 + tcp[0]` looks into any packet.
 */
function checkedLoads(value: ArithmeticNode): LoadProtocol[] {
  const protocols: LoadProtocol[] = [];
  for (let node = value; ; ) {
    if (node.kind === "load") {
      protocols.push(node.protocol);
      node = node.offset;
    } else if (node.kind === "operation") node = node.left;
    else if (node.kind === "negative") node = node.operand;
    else return protocols;
  }
}

function isIpv6(place: Place): boolean {
  return place === "ipv6" || place === "ipv6-fragment" || place === "ipv6-extension";
}

function isVersion(version: "ip" | "ip6" | undefined, place: Place): boolean {
  if (place === "ipv4") return version !== "ip6";
  return version !== "ip" && isIpv6(place);
}

function leadingOnes(mask: IpAddress): number {
  const words = mask.version === 4 ? [mask.value] : mask.words;
  let ones = 0;
  for (const word of words) {
    const more = Math.clz32(~word);
    ones += more;
    if (more < 32) break;
  }
  return ones;
}
