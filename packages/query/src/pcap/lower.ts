import type { IpAddress, TimeNode } from "../ast.js";
import { floorToSecond, nanosecondsPerSecond } from "../time.js";
import type {
  ArithmeticNode,
  Direction,
  LlcType,
  LoadProtocol,
  PcapNode,
  PcapPrimitiveNode,
  ProtocolName,
} from "./ast.js";
import {
  all,
  any,
  type Comparison,
  type Condition,
  not,
  type Place,
  type TagPlaces,
  type Value,
} from "./condition.js";
import { FilterMeaningError } from "./meaning-error.js";
import { foldPcap, pcapPrimitives } from "./walk.js";

/** What a filter is lowered for. */
export interface LowerOptions {
  /** LINKTYPE_ number of the capture. */
  readonly linkType: number;
  /** Byte order of the machine that captured, for LINKTYPE_NULL; undefined: either will do. */
  readonly byteOrder?: "little" | "big" | undefined;
  /** Look behind VLAN tags wherever there are some. */
  readonly vlanTransparent?: boolean | undefined;
  /** Whether relative times are a mistake. Default true. */
  readonly isTimed?: boolean | undefined;
}

export interface Lowered {
  readonly condition: Condition;
  /** How many registers its tests use. */
  readonly registers: number;
  /** Where VLAN tags are to be skipped before the tests: the link type's place and the payload's. */
  readonly tags: { readonly linkType: number; readonly payload: number } | undefined;
}

type Link = "ethernet" | "raw" | "ipv4" | "ipv6" | "linux-sll" | "linux-sll2" | "null" | "loop" | "ppp";

const links: ReadonlyMap<number, Link> = new Map([
  [0, "null"],
  [1, "ethernet"],
  [12, "raw"],
  [14, "raw"],
  [101, "raw"],
  [108, "loop"],
  [113, "linux-sll"],
  [228, "ipv4"],
  [229, "ipv6"],
  [276, "linux-sll2"],
]);

const linkNames: Readonly<Record<Link, string>> = {
  ethernet: "Ethernet",
  raw: "raw IP",
  ipv4: "raw IPv4",
  ipv6: "raw IPv6",
  "linux-sll": "Linux cooked v1",
  "linux-sll2": "Linux cooked v2",
  null: "BSD loopback",
  loop: "OpenBSD loopback",
  ppp: "PPP",
};

const type = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ipv6: 0x86dd,
  vlan: 0x8100,
  mpls: 0x8847,
  pppoeDiscovery: 0x8863,
  pppoeSession: 0x8864,
  serviceVlan: 0x88a8,
  oldVlan: 0x9100,
  atalk: 0x809b,
  aarp: 0x80f3,
  decnet: 0x6003,
  ipx: 0x8137,
} as const;
/** LLC service access points; they are told from Ethernet types by being below 1501. */
const sap = { ip: 0x06, stp: 0x42, snap: 0xaa, ipx: 0xe0, netbeui: 0xf0, iso: 0xfe } as const;
const longestLength = 1500;

const protocolNumbers = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  igmp: 2,
  igrp: 9,
  pim: 103,
  vrrp: 112,
  carp: 112,
  icmp6: 58,
  ah: 51,
  esp: 50,
} as const;

/** Ethernet types of protocols that are a test by name. */
const linkTypeNumbers: Readonly<Partial<Record<ProtocolName, number>>> = {
  ip: type.ipv4,
  ip6: type.ipv6,
  arp: type.arp,
  rarp: type.rarp,
  atalk: type.atalk,
  aarp: type.aarp,
  decnet: type.decnet,
  lat: 0x6004,
  sca: 0x6007,
  moprc: 0x6002,
  mopdl: 0x6001,
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

/**
 * A filter in terms of bytes for one link type, test for test what libpcap 1.10 compiles it to.
 *
 * @throws FilterMeaningError where libpcap refuses to compile
 */
export function lower(expression: PcapNode, options: LowerOptions): Lowered {
  const link = links.get(options.linkType);
  if (link === undefined) {
    throw new FilterMeaningError(`link type ${options.linkType} is not one that filters can be applied to`);
  }
  return new Lowering(link, options).lower(expression);
}

/**
 * Throws what `lower` would throw, without making anything: filters of thousands of tests are checked as they are read.
 *
 * @throws FilterMeaningError
 */
export function checkMeaning(expression: PcapNode, linkType: number): void {
  new Lowering(links.get(linkType) ?? "ethernet", { linkType, isTimed: false }).check(expression);
}

/**
 * Goes through the filter from left to right, since `vlan`, `mpls`, `pppoes` and `geneve` move the headers for whatever
 * stands behind them in the text.
 */
class Lowering {
  private link: Link;
  private registers = 0;
  private linkHeader: Place = { at: 0, register: -1 };
  /** Where the protocol's number is; undefined where the link type has none. */
  private linkType: Place | undefined;
  private payload: Place;
  /** From the payload to the network layer's header. */
  private network = 0;
  /** The same behind an LLC header without SNAP. */
  private networkBehindLlc = 0;
  private labels = 0;
  private isTunnel = false;
  private readonly tags: Lowered["tags"];
  /** The VLAN tags that are skipped here; undefined if none are. */
  private skipped: TagPlaces | undefined;
  private node: PcapNode | undefined;

  constructor(
    link: Link,
    private readonly options: LowerOptions,
  ) {
    this.link = link;
    const [linkType, payload] = layout(link);
    this.linkType = linkType === undefined ? undefined : { at: linkType, register: -1 };
    this.payload = { at: payload, register: -1 };
    if (link === "ethernet") this.networkBehindLlc = 3;
    const hasTags = link === "ethernet" || link === "linux-sll" || link === "linux-sll2";
    if (options.vlanTransparent === true && hasTags && linkType !== undefined) {
      this.tags = { linkType, payload };
      this.linkType = { at: linkType, register: this.register() };
      this.payload = { at: payload, register: this.register() };
      this.skipped = { first: { at: payload, register: -1 }, end: this.payload };
    }
  }

  lower(expression: PcapNode): Lowered {
    const condition = foldPcap<Condition>(expression, {
      primitive: (node) => {
        this.node = node;
        return this.primitive(node);
      },
      not,
      binary: (op, left, right) => ({ op, left, right }),
    });
    return { condition, registers: this.registers, tags: this.tags };
  }

  check(expression: PcapNode): void {
    /** Protocols that are known to mean something here. */
    const known = new Set<ProtocolName>();
    for (const node of pcapPrimitives(expression)) {
      if (isAlwaysMeaningful(node)) continue;
      if (node.kind === "protocol") {
        if (known.has(node.name)) continue;
        known.add(node.name);
      } else if (movesHeaders(node)) {
        known.clear();
      }
      this.node = node;
      this.primitive(node);
    }
  }

  private primitive(node: PcapPrimitiveNode): Condition {
    switch (node.kind) {
      case "host":
        return this.address(node.address, undefined, node.protocol, node.direction);
      case "net":
        return this.address(node.address, node.mask, node.protocol, node.direction);
      case "ether-host":
        return this.etherHost(node.address, node.direction);
      case "port":
        return any(this.port6(node), this.port4(node));
      case "proto":
        return this.proto(node.number, node.protocol);
      case "protochain":
        return this.protochain(node.number, node.protocol);
      case "protocol":
        return this.protocol(node.name);
      case "broadcast":
      case "multicast":
        return this.cast(node.kind, node.protocol);
      case "relation":
        return this.relation(node);
      case "vlan":
        return this.vlan(node.id);
      case "mpls":
        return this.mpls(node.label);
      case "pppoed":
        return this.type(type.pppoeDiscovery);
      case "pppoes":
        return this.pppoes(node.session);
      case "geneve":
        return this.geneve(node.vni);
      case "llc":
        return this.llc(node.type);
      case "inbound":
      case "outbound":
        return this.way(node.kind);
      case "ifindex":
        if (this.link !== "linux-sll2") throw this.problem(`"ifindex" is not in ${this.linkName()} captures`);
        return this.compare(4, this.linkHeader, 4, node.index);
      case "before":
      case "after":
        return this.time(node);
    }
  }

  // --- what all of them are made of

  private compare(
    size: 1 | 2 | 4,
    place: Place,
    offset: number,
    value: number,
    comparison: Comparison = "eq",
    mask = 0xffffffff,
  ): Condition {
    return { op: "compare", size, place: behind(place, offset), mask, comparison, value };
  }

  private inNetwork(
    size: 1 | 2 | 4,
    offset: number,
    value: number,
    comparison: Comparison = "eq",
    mask = 0xffffffff,
  ): Condition {
    return this.compare(size, this.payload, this.network + offset, value, comparison, mask);
  }

  /** The bytes at a place, longest pieces from behind, as libpcap compares them. */
  private bytes(place: Place, offset: number, wanted: readonly number[]): Condition {
    const at = (index: number) => wanted[index] ?? 0;
    let left = wanted.length;
    let condition: Condition | undefined;
    const add = (next: Condition) => {
      condition = condition === undefined ? next : all(condition, next);
    };
    for (; left >= 4; left -= 4) {
      const i = left - 4;
      const value = at(i) * 0x1000000 + ((at(i + 1) << 16) | (at(i + 2) << 8) | at(i + 3));
      add(this.compare(4, place, offset + i, value));
    }
    for (; left >= 2; left -= 2)
      add(this.compare(2, place, offset + left - 2, (at(left - 2) << 8) | at(left - 1)));
    return condition ?? constant(true);
  }

  private register(): number {
    return this.registers++;
  }

  private problem(message: string, hint?: string): FilterMeaningError {
    return new FilterMeaningError(message, this.node, hint);
  }

  private linkName(): string {
    return linkNames[this.link];
  }

  // --- the link layer

  /** Whether the packet is of this Ethernet type or LLC service access point, by the means of the link type. */
  private type(wanted: number): Condition {
    if (this.labels > 0) return this.typeBehindLabels(wanted);
    switch (this.link) {
      case "ethernet":
        return this.ethernetType(wanted);
      case "linux-sll":
        return this.cookedType(wanted);
      case "linux-sll2":
        return this.compare(2, this.linkTypePlace(), 0, wanted);
      case "raw":
        if (wanted === type.ipv4) return this.compare(1, this.linkHeader, 0, 0x40, "eq", 0xf0);
        if (wanted === type.ipv6) return this.compare(1, this.linkHeader, 0, 0x60, "eq", 0xf0);
        return constant(false);
      case "ipv4":
        return constant(wanted === type.ipv4);
      case "ipv6":
        return constant(wanted === type.ipv6);
      case "null":
      case "loop":
        if (wanted === type.ipv4) return this.family(2);
        // NetBSD, OpenBSD and Npcap; FreeBSD; Darwin.
        if (wanted === type.ipv6) return any(this.family(30), any(this.family(24), this.family(28)));
        return constant(false);
      case "ppp":
        return this.compare(2, this.linkTypePlace(), 0, pppProtocol(wanted));
    }
  }

  private linkTypePlace(): Place {
    if (this.linkType === undefined)
      throw this.problem(`${this.linkName()} captures have no protocol number`);
    return this.linkType;
  }

  private typeBehindLabels(wanted: number): Condition {
    const version = wanted === type.ipv4 ? 0x40 : wanted === type.ipv6 ? 0x60 : undefined;
    if (version === undefined) throw this.problem("behind mpls only ip and ip6 can be told apart");
    return all(this.inNetwork(1, -2, 0x01, "eq", 0x01), this.inNetwork(1, 0, version, "eq", 0xf0));
  }

  private ethernetType(wanted: number): Condition {
    const at = this.linkTypePlace();
    const isLength = not(this.compare(2, at, 0, longestLength, "gt"));
    switch (wanted) {
      case sap.iso:
      case sap.ip:
      case sap.netbeui:
        return all(isLength, this.compare(2, this.payload, 0, (wanted << 8) | wanted));
      case sap.ipx:
        return any(
          this.compare(2, at, 0, type.ipx),
          all(
            isLength,
            any(
              this.snap(0, type.ipx),
              any(this.compare(1, this.payload, 0, sap.ipx), this.compare(2, this.payload, 0, 0xffff)),
            ),
          ),
        );
      case type.atalk:
      case type.aarp:
        return any(
          this.compare(2, at, 0, wanted),
          all(isLength, this.snap(wanted === type.atalk ? 0x080007 : 0, wanted)),
        );
      default:
        return wanted <= longestLength
          ? all(isLength, this.compare(1, at, 2, wanted))
          : this.compare(2, at, 0, wanted);
    }
  }

  /** Linux writes 4 where an LLC header follows, and 1 for Novell's frames without one. */
  private cookedType(wanted: number): Condition {
    const at = this.linkTypePlace();
    const isLlc = this.compare(2, at, 0, 4);
    switch (wanted) {
      case sap.iso:
      case sap.ip:
      case sap.netbeui:
        return all(isLlc, this.compare(2, this.payload, 0, (wanted << 8) | wanted));
      case sap.ipx:
        return any(
          this.compare(2, at, 0, type.ipx),
          any(
            this.compare(2, at, 0, 1),
            all(isLlc, any(this.compare(1, this.payload, 0, sap.ipx), this.snap(0, type.ipx))),
          ),
        );
      case type.atalk:
      case type.aarp:
        return any(
          this.compare(2, at, 0, wanted),
          all(isLlc, this.snap(wanted === type.atalk ? 0x080007 : 0, wanted)),
        );
      default:
        return wanted <= longestLength
          ? all(isLlc, this.compare(1, this.payload, 0, wanted))
          : this.compare(2, at, 0, wanted);
    }
  }

  private snap(organization: number, protocol: number): Condition {
    const bytes = [
      sap.snap,
      sap.snap,
      0x03,
      organization >> 16,
      (organization >> 8) & 255,
      organization & 255,
      protocol >> 8,
      protocol & 255,
    ];
    return this.bytes(this.payload, 0, bytes);
  }

  /** The address family in front of a BSD loopback packet; of LINKTYPE_NULL in the capturing machine's byte order. */
  private family(number: number): Condition {
    const big = this.compare(4, this.linkHeader, 0, number);
    if (this.link === "loop" || this.options.byteOrder === "big") return big;
    const little = this.compare(4, this.linkHeader, 0, number * 0x1000000);
    return this.options.byteOrder === "little" ? little : any(little, big);
  }

  private etherHost(address: readonly number[], direction: Direction | undefined): Condition {
    if (this.link !== "ethernet")
      throw this.problem(`there are no Ethernet addresses in ${this.linkName()} captures`);
    const source = () => this.bytes(this.linkHeader, 6, address);
    const destination = () => this.bytes(this.linkHeader, 0, address);
    return this.insideEthernet(directed(direction, source, destination));
  }

  /** In a Geneve tunnel only if there is an Ethernet header. */
  private insideEthernet(condition: Condition): Condition {
    if (!this.isTunnel) return condition;
    return all(
      {
        op: "ethernet-inside",
        first: this.linkHeader.register,
        second: (this.skipped?.first ?? this.payload).register,
      },
      condition,
    );
  }

  private cast(kind: "broadcast" | "multicast", protocol: "ether" | "ip" | "ip6"): Condition {
    if (protocol === "ether") {
      if (this.link !== "ethernet") throw this.problem(`${this.linkName()} captures do not tell a ${kind}`);
      return this.insideEthernet(
        kind === "broadcast"
          ? this.bytes(this.linkHeader, 0, [255, 255, 255, 255, 255, 255])
          : this.compare(1, this.linkHeader, 0, 1, "set"),
      );
    }
    if (protocol === "ip6") {
      if (kind === "broadcast") throw this.problem("IPv6 has no broadcast");
      return all(this.type(type.ipv6), this.inNetwork(1, 24, 255));
    }
    if (kind === "multicast") return all(this.type(type.ipv4), this.inNetwork(1, 16, 224, "ge"));
    // Without a network mask, as tcpdump reads files: all ones and all zeros.
    return all(this.type(type.ipv4), any(this.inNetwork(4, 16, 0), this.inNetwork(4, 16, 0xffffffff)));
  }

  private llc(kind: LlcType | undefined): Condition {
    if (this.link !== "ethernet")
      throw this.problem(`"llc" is not supported for ${this.linkName()} captures`);
    const isLlc = all(
      not(this.compare(2, this.linkTypePlace(), 0, longestLength, "gt")),
      not(this.compare(2, this.payload, 0, 0xffff)),
    );
    const control = (value: number, mask: number) =>
      all(isLlc, this.compare(1, this.payload, 2, value, "eq", mask));
    switch (kind) {
      case undefined:
        return isLlc;
      case "i":
        return all(isLlc, not(this.compare(1, this.payload, 2, 1, "set")));
      case "s":
        return control(1, 3);
      case "u":
        return control(3, 3);
      case "rr":
        return control(0x01, 0x0f);
      case "rnr":
        return control(0x05, 0x0f);
      case "rej":
        return control(0x09, 0x0f);
      default:
        return control(unnumbered[kind], 0xef);
    }
  }

  private way(kind: "inbound" | "outbound"): Condition {
    const outgoing =
      this.link === "linux-sll"
        ? this.compare(2, this.linkHeader, 0, 4)
        : this.link === "linux-sll2"
          ? this.compare(1, this.linkHeader, 10, 4)
          : undefined;
    if (outgoing === undefined) throw this.problem(`${this.linkName()} captures do not tell "${kind}"`);
    return kind === "outbound" ? outgoing : not(outgoing);
  }

  // --- addresses

  private address(
    address: IpAddress,
    mask: IpAddress | undefined,
    protocol: "ip" | "ip6" | "arp" | "rarp" | undefined,
    direction: Direction | undefined,
  ): Condition {
    if (address.version === 6) {
      const words =
        mask?.version === 6 ? mask.words : ([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff] as const);
      const at = (offset: number) =>
        all(
          this.type(type.ipv6),
          ...([0, 1, 2, 3] as const).map((i) =>
            this.inNetwork(4, offset + 4 * i, address.words[i], "eq", words[i]),
          ),
        );
      return directed(
        direction,
        () => at(8),
        () => at(24),
      );
    }
    const bits = mask?.version === 4 ? mask.value : 0xffffffff;
    const inHeader = (wanted: number, source: number, destination: number) => {
      const at = (offset: number) =>
        all(this.type(wanted), this.inNetwork(4, offset, address.value, "eq", bits));
      return directed(
        direction,
        () => at(source),
        () => at(destination),
      );
    };
    const inIp = () => inHeader(type.ipv4, 12, 16);
    const inArp = () => inHeader(type.arp, 14, 24);
    const inRarp = () => inHeader(type.rarp, 14, 24);
    switch (protocol) {
      case "ip":
        return inIp();
      case "arp":
        return inArp();
      case "rarp":
        return inRarp();
      default:
        // ARP does not come in MPLS.
        return this.labels > 0 ? inIp() : any(inIp(), inArp(), inRarp());
    }
  }

  // --- protocols and ports

  private protocol(name: ProtocolName): Condition {
    const linkType = linkTypeNumbers[name];
    if (linkType !== undefined) return this.type(linkType);
    const isis = isisTypes[name];
    if (isis !== undefined) {
      const [first, ...rest] = isis.map((number) => this.proto(number, "isis"));
      return any(first ?? constant(false), ...rest);
    }
    switch (name) {
      case "tcp":
      case "udp":
      case "sctp":
      case "pim":
      case "ah":
      case "esp":
        return this.proto(protocolNumbers[name], undefined);
      case "icmp":
      case "igmp":
      case "igrp":
      case "vrrp":
      case "carp":
        return this.proto(protocolNumbers[name], "ip");
      case "icmp6":
        return this.proto(protocolNumbers[name], "ip6");
      case "esis":
        return this.proto(0x82, "iso");
      case "isis":
        return this.proto(0x83, "iso");
      default:
        return this.proto(0x81, "iso"); // clnp is the one that is left
    }
  }

  private proto(number: number, protocol: "ip" | "ip6" | "ether" | "iso" | "isis" | undefined): Condition {
    switch (protocol) {
      case undefined:
        return any(this.proto(number, "ip"), this.proto(number, "ip6"));
      case "ether":
        return this.type(number);
      case "ip":
        return all(this.type(type.ipv4), this.inNetwork(1, 9, number));
      case "ip6":
        // At once, or behind a fragment header.
        return all(
          this.type(type.ipv6),
          any(this.inNetwork(1, 6, number), all(this.inNetwork(1, 6, 44), this.inNetwork(1, 40, number))),
        );
      case "iso":
        return all(this.type(sap.iso), this.compare(1, this.payload, this.networkBehindLlc, number));
      case "isis":
        return all(this.proto(0x83, "iso"), this.compare(1, this.payload, this.networkBehindLlc + 4, number));
    }
  }

  private protochain(number: number, protocol: "ip" | "ip6" | undefined): Condition {
    if (this.isTunnel) throw this.problem('"protochain" does not work inside a tunnel');
    const chain = (version: 4 | 6): Condition =>
      all(this.type(version === 4 ? type.ipv4 : type.ipv6), {
        op: "chain",
        version,
        number,
        place: behind(this.payload, this.network),
      });
    if (protocol !== undefined) return chain(protocol === "ip" ? 4 : 6);
    return any(chain(4), chain(6));
  }

  private isFirstFragment(): Condition {
    return not(this.inNetwork(2, 6, 0x1fff, "set"));
  }

  private port4(node: PortTest): Condition {
    const at = (offset: number): Condition => {
      const compare = (value: number, comparison: Comparison): Condition => ({
        op: "compare",
        size: 2,
        place: behind(this.payload, this.network + offset),
        behindIpv4: behind(this.payload, this.network),
        mask: 0xffffffff,
        comparison,
        value,
      });
      return node.low === node.high
        ? compare(node.low, "eq")
        : all(compare(node.low, "ge"), not(compare(node.high, "gt")));
    };
    const inProtocol = (number: number) =>
      all(
        this.inNetwork(1, 9, number),
        this.isFirstFragment(),
        directed(
          node.direction,
          () => at(0),
          () => at(2),
        ),
      );
    return all(this.type(type.ipv4), this.inTransports(node, inProtocol));
  }

  private port6(node: PortTest): Condition {
    const at = (offset: number): Condition =>
      node.low === node.high
        ? this.inNetwork(2, 40 + offset, node.low)
        : all(
            this.inNetwork(2, 40 + offset, node.low, "ge"),
            not(this.inNetwork(2, 40 + offset, node.high, "gt")),
          );
    const inProtocol = (number: number) =>
      all(
        this.inNetwork(1, 6, number),
        directed(
          node.direction,
          () => at(0),
          () => at(2),
        ),
      );
    return all(this.type(type.ipv6), this.inTransports(node, inProtocol));
  }

  private inTransports({ protocol }: PortTest, test: (number: number) => Condition): Condition {
    if (protocol !== undefined) return test(protocolNumbers[protocol]);
    return any(test(protocolNumbers.sctp), test(protocolNumbers.tcp), test(protocolNumbers.udp));
  }

  // --- what moves the headers

  private vlan(id: number | undefined): Condition {
    if (this.skipped !== undefined) return { op: "vlan-tag", id: id ?? -1, tags: this.skipped };
    if (this.labels > 0) throw this.problem('"vlan" cannot stand behind "mpls"');
    if (this.link !== "ethernet") throw this.problem(`there are no VLAN tags in ${this.linkName()} captures`);
    const isTag = any(this.type(type.vlan), this.type(type.serviceVlan), this.type(type.oldVlan));
    const condition =
      id === undefined ? isTag : all(isTag, this.compare(2, this.payload, 0, id, "eq", 0x0fff));
    this.payload = behind(this.payload, 4);
    this.linkType = behind(this.linkTypePlace(), 4);
    return condition;
  }

  private mpls(label: number | undefined): Condition {
    let condition: Condition;
    if (this.labels > 0) condition = this.inNetwork(1, -2, 0, "eq", 0x01);
    else if (this.link === "ethernet") condition = this.type(type.mpls);
    else if (this.link === "ppp") condition = this.type(0x0281);
    else throw this.problem(`there is no MPLS in ${this.linkName()} captures`);
    if (label !== undefined) {
      condition = all(
        condition,
        this.compare(4, this.payload, this.network, label * 0x1000, "eq", 0xfffff000),
      );
    }
    this.network += 4;
    this.networkBehindLlc += 4;
    this.labels++;
    return condition;
  }

  private pppoes(session: number | undefined): Condition {
    let condition = this.type(type.pppoeSession);
    if (session !== undefined) condition = all(condition, this.inNetwork(4, 0, session, "eq", 0xffff));
    this.link = "ppp";
    this.linkHeader = behind(this.payload, this.network + 6);
    this.linkType = this.linkHeader;
    this.payload = behind(this.linkHeader, 2);
    this.network = 0;
    this.networkBehindLlc = 0;
    return condition;
  }

  private geneve(vni: number | undefined): Condition {
    const test = (version: 4 | 6): Condition => {
      const header = behind(this.payload, this.network);
      const inHeader = (size: 1 | 4, offset: number, value: number, mask: number): Condition =>
        version === 4
          ? {
              op: "compare",
              size,
              place: behind(header, offset),
              behindIpv4: header,
              mask,
              comparison: "eq",
              value,
            }
          : this.compare(size, header, 40 + offset, value, "eq", mask);
      const port: PortTest = { protocol: "udp", direction: "dst", low: 6081, high: 6081 };
      return all(
        version === 4 ? this.port4(port) : this.port6(port),
        inHeader(1, 8, 0, 0xc0),
        vni === undefined ? undefined : inHeader(4, 12, vni * 0x100, 0xffffff00),
      );
    };
    const outer = behind(this.payload, this.network);
    const registers = {
      linkType: this.register(),
      linkHeader: this.register(),
      payload: this.register(),
      tags: this.skipped === undefined ? undefined : this.register(),
    };
    const condition = any(
      all(test(4), { op: "geneve", version: 4, place: outer, registers }),
      all(test(6), { op: "geneve", version: 6, place: outer, registers }),
    );
    this.link = "ethernet";
    this.linkType = { at: 0, register: registers.linkType };
    this.linkHeader = { at: 0, register: registers.linkHeader };
    this.payload = { at: 0, register: registers.payload };
    if (registers.tags !== undefined) {
      this.skipped = { first: { at: 0, register: registers.tags }, end: this.payload };
    }
    this.network = 0;
    this.isTunnel = true;
    return condition;
  }

  // --- arithmetic

  private relation({ operator, left, right }: Extract<PcapNode, { kind: "relation" }>): Condition {
    const first = this.value(left);
    const second = this.value(right);
    const comparison =
      operator === "=" || operator === "!=" ? "eq" : operator === ">" || operator === "<=" ? "gt" : "ge";
    const test = comparisonOf(first.value, second.value, comparison);
    const isNegated = operator === "!=" || operator === "<=" || operator === "<";
    const checks = [...first.checks, ...second.checks];
    const compared = isNegated ? not(test) : test;
    const [check, ...more] = checks;
    return check === undefined ? compared : all(check, ...more, compared);
  }

  private value(node: ArithmeticNode): { value: Value; checks: readonly Condition[] } {
    switch (node.kind) {
      case "number":
        return { value: { op: "constant", value: node.value >>> 0 }, checks: [] };
      case "length":
        return { value: { op: "length" }, checks: [] };
      case "negative": {
        const { value, checks } = this.value(node.operand);
        return { value: folded({ op: "negative", operand: value }), checks };
      }
      case "load":
        return this.load(node.protocol, node.size, node.offset);
      case "operation": {
        const left = this.value(node.left);
        const right = this.value(node.right);
        this.refuseConstant(node.operator, node.right);
        return {
          value: folded({ op: node.operator, left: left.value, right: right.value }),
          // libpcap 1.10 forgets what the right side's loads check: `1 + tcp[0]` looks into any packet.
          checks: left.checks,
        };
      }
    }
  }

  /** libpcap looks at the first number of the right side only. (Its optimizer refuses more, where it meets it.) */
  private refuseConstant(operator: string, written: ArithmeticNode): void {
    const number = firstNumber(written);
    if ((operator === "/" || operator === "%") && number === 0) {
      throw this.problem(operator === "/" ? "division by zero" : "remainder of a division by zero");
    }
    if ((operator === "<<" || operator === ">>") && number !== undefined && number > 31) {
      throw this.problem("a shift by more than 31 bits");
    }
  }

  private load(protocol: LoadProtocol, size: 1 | 2 | 4, offset: ArithmeticNode) {
    const { value: index, checks } = this.value(offset);
    const network = behind(this.payload, this.network);
    const made = (place: Place, after: readonly Condition[], behindIpv4?: Place) => ({
      value: { op: "load", size, place, index, behindIpv4 } as const,
      checks: after,
    });
    switch (protocol) {
      case "ether":
        return made(this.linkHeader, checks);
      case "ip":
      case "ip6":
      case "arp":
      case "rarp":
      case "atalk":
      case "decnet":
      case "sca":
      case "lat":
      case "moprc":
      case "mopdl":
        return made(network, [...checks, this.protocol(protocol)]);
      case "icmp6":
        return made(behind(network, 40), [...checks, this.type(type.ipv6), this.inNetwork(1, 6, 58)]);
      default:
        return made(
          network,
          [this.type(type.ipv4), ...checks, this.protocol(protocol), this.isFirstFragment()],
          network,
        );
    }
  }

  private time({ kind, time }: TimeNode): Condition {
    if (time.kind === "ago") {
      if (this.options.isTimed === false) return constant(true);
      throw new TypeError(`"${kind} ${time.text} ago" has no fixed time yet: call resolveTimes first`);
    }
    const whole = floorToSecond(time.timestampNs);
    const isAfter: Condition = {
      op: "time",
      seconds: Number(whole / nanosecondsPerSecond),
      nanoseconds: Number(time.timestampNs - whole),
    };
    return kind === "after" ? isAfter : not(isAfter);
  }
}

/** What every link type has, wherever the headers are. */
function isAlwaysMeaningful(node: PcapPrimitiveNode): boolean {
  switch (node.kind) {
    case "port":
    case "before":
    case "after":
      return true;
    case "host":
    case "net":
      return node.protocol !== "arp" && node.protocol !== "rarp";
    default:
      return false;
  }
}

function movesHeaders({ kind }: PcapPrimitiveNode): boolean {
  return kind === "vlan" || kind === "mpls" || kind === "pppoes" || kind === "geneve";
}

type PortTest = Pick<Extract<PcapNode, { kind: "port" }>, "protocol" | "direction" | "low" | "high">;

const unnumbered: Readonly<Record<Exclude<LlcType, "i" | "s" | "u" | "rr" | "rnr" | "rej">, number>> = {
  ui: 0x03,
  ua: 0x63,
  disc: 0x43,
  dm: 0x0f,
  sabme: 0x6f,
  test: 0xe3,
  xid: 0xaf,
  frmr: 0x87,
};

/** Where the protocol's number and the payload are. */
function layout(link: Link): [linkType: number | undefined, payload: number] {
  switch (link) {
    case "ethernet":
      return [12, 14];
    case "linux-sll":
      return [14, 16];
    case "linux-sll2":
      return [0, 20];
    case "null":
    case "loop":
      return [0, 4];
    default:
      return [undefined, 0];
  }
}

function behind({ at, register }: Place, offset: number): Place {
  return { at: at + offset, register };
}

function constant(value: boolean): Condition {
  return { op: "constant", value };
}

function directed(
  direction: Direction | undefined,
  source: () => Condition,
  destination: () => Condition,
): Condition {
  switch (direction) {
    case "src":
      return source();
    case "dst":
      return destination();
    case "src and dst":
      return all(source(), destination());
    default:
      return any(source(), destination());
  }
}

/** PPP's numbers for what Ethernet and LLC have others for (RFC 1661 and IANA). */
function pppProtocol(wanted: number): number {
  switch (wanted) {
    case type.ipv4:
      return 0x0021;
    case type.ipv6:
      return 0x0057;
    case type.decnet:
      return 0x0027;
    case type.atalk:
      return 0x0029;
    case 0x0600: // Xerox NS
      return 0x0025;
    case sap.iso:
      return 0x0023;
    case sap.stp:
      return 0x0031;
    case sap.ipx:
      return 0x002b;
    default:
      return wanted;
  }
}

/** The number that arithmetic begins with, if it begins with one. */
function firstNumber(node: ArithmeticNode): number | undefined {
  let first = node;
  for (;;) {
    if (first.kind === "operation") first = first.left;
    else if (first.kind === "negative") first = first.operand;
    else if (first.kind === "load") first = first.offset;
    else return first.kind === "number" ? first.value : undefined;
  }
}

/** What the operation gives for constants: unsigned, 32 bits. The divisor is not 0. */
export function calculate(operator: string, left: number, right: number): number {
  switch (operator) {
    case "+":
      return (left + right) >>> 0;
    case "-":
      return (left - right) >>> 0;
    case "*":
      return Math.imul(left, right) >>> 0;
    case "/":
      return Math.floor((left >>> 0) / (right >>> 0));
    case "%":
      return (left >>> 0) % (right >>> 0);
    case "&":
      return (left & right) >>> 0;
    case "|":
      return (left | right) >>> 0;
    case "^":
      return (left ^ right) >>> 0;
    case "<<":
      return right >>> 0 > 31 ? 0 : (left << right) >>> 0;
    default:
      return right >>> 0 > 31 ? 0 : left >>> right;
  }
}

function folded(value: Value): Value {
  if (value.op === "negative") {
    return value.operand.op === "constant" ? { op: "constant", value: -value.operand.value >>> 0 } : value;
  }
  if (value.op === "constant" || value.op === "length" || value.op === "load") return value;
  const { left, right } = value;
  if (left.op !== "constant" || right.op !== "constant") return value;
  if (right.value === 0 && (value.op === "/" || value.op === "%")) return value;
  return { op: "constant", value: calculate(value.op, left.value, right.value) };
}

/** The comparison in its cheapest form: most are of a few bytes, perhaps masked, with a constant. */
function comparisonOf(left: Value, right: Value, comparison: "eq" | "gt" | "ge"): Condition {
  if (right.op === "constant") {
    const isMasked = left.op === "&" && left.left.op === "load" && left.right.op === "constant";
    const loaded = isMasked && left.op === "&" ? left.left : left;
    const mask = isMasked && left.op === "&" && left.right.op === "constant" ? left.right.value : 0xffffffff;
    if (loaded.op === "load" && loaded.index.op === "constant" && loaded.index.value < 0x10000000) {
      return {
        op: "compare",
        size: loaded.size,
        place: behind(loaded.place, loaded.index.value),
        behindIpv4: loaded.behindIpv4,
        mask,
        comparison,
        value: right.value,
      };
    }
  }
  return { op: "values", left, right, comparison };
}
