import type { Framing } from "../../link-type.js";
import { behind, type Place, type TagPlaces, type TunnelTest } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";

/** What the link layer is here: the capture's, Ethernet in a tunnel, or PPP in a session. */
type Link = Framing | "ppp";

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

/** Where VLAN tags are to be skipped before the tests: the link type's place and the payload's. */
export interface SkippedTags {
  readonly linkType: number;
  readonly payload: number;
}

export interface HeaderOptions {
  /** Byte order of the machine that captured, for LINKTYPE_NULL; undefined: either will do. */
  readonly byteOrder?: "little" | "big" | undefined;
  /** Look behind VLAN tags wherever there are some. */
  readonly vlanTransparent?: boolean | undefined;
}

/**
 * Where the headers are that a test looks at.
 *
 * They stand at the frame's start, until `vlan`, `mpls`, `pppoes` and `geneve` move them for whatever stands behind
 * them in the filter's text. Nothing else does.
 */
export class Headers {
  readonly byteOrder: "little" | "big" | undefined;
  readonly skippedTags: SkippedTags | undefined;
  private currentLink: Link;
  private currentLinkHeader: Place = { at: 0, register: -1 };
  private currentLinkType: Place | undefined;
  private currentPayload: Place;
  private currentTags: TagPlaces | undefined;
  /** From the payload to the network layer's header. */
  private toNetwork = 0;
  /** The same behind an LLC header without SNAP. */
  private toNetworkBehindLlc = 0;
  private labels = 0;
  private tunnels = 0;
  private registersInUse = 0;

  constructor(framing: Framing, { byteOrder, vlanTransparent = false }: HeaderOptions) {
    this.byteOrder = byteOrder;
    this.currentLink = framing;
    const [linkType, payload] = layout(framing);
    this.currentLinkType = linkType === undefined ? undefined : { at: linkType, register: -1 };
    this.currentPayload = { at: payload, register: -1 };
    if (framing === "ethernet") this.toNetworkBehindLlc = 3;
    const hasTags = framing === "ethernet" || framing === "linux-sll" || framing === "linux-sll2";
    if (vlanTransparent && hasTags && linkType !== undefined) {
      this.skippedTags = { linkType, payload };
      this.currentLinkType = { at: linkType, register: this.register() };
      this.currentPayload = { at: payload, register: this.register() };
      this.currentTags = { first: { at: payload, register: -1 }, end: this.currentPayload };
    }
  }

  get link(): Link {
    return this.currentLink;
  }

  get linkName(): string {
    return linkNames[this.currentLink];
  }

  get linkHeader(): Place {
    return this.currentLinkHeader;
  }

  /** Where the protocol's number is. @throws FilterMeaningError if the link type has none */
  get linkType(): Place {
    if (this.currentLinkType === undefined) {
      throw new FilterMeaningError(`${this.linkName} captures have no protocol number`);
    }
    return this.currentLinkType;
  }

  /** What the link layer carries. */
  get payload(): Place {
    return this.currentPayload;
  }

  /** The network layer's header: that of IP, ARP and others. */
  get network(): Place {
    return behind(this.currentPayload, this.toNetwork);
  }

  /** The network layer's header behind an LLC header without SNAP: that of OSI's protocols. */
  get networkBehindLlc(): Place {
    return behind(this.currentPayload, this.toNetworkBehindLlc);
  }

  get isBehindLabel(): boolean {
    return this.labels > 0;
  }

  get isInTunnel(): boolean {
    return this.tunnels > 0;
  }

  /** The VLAN tags that are skipped here; undefined if none are. */
  get tags(): TagPlaces | undefined {
    return this.currentTags;
  }

  /** How many registers the places are told with. */
  get registers(): number {
    return this.registersInUse;
  }

  /** Moves behind a VLAN tag. */
  vlan(): void {
    this.currentLinkType = behind(this.linkType, 4);
    this.currentPayload = behind(this.currentPayload, 4);
  }

  /** Moves behind an MPLS label. */
  mpls(): void {
    this.toNetwork += 4;
    this.toNetworkBehindLlc += 4;
    this.labels++;
  }

  /** Moves into a PPPoE session. */
  pppoes(): void {
    const ppp = behind(this.network, 6);
    this.currentLink = "ppp";
    this.currentLinkHeader = ppp;
    this.currentLinkType = ppp;
    this.currentPayload = behind(ppp, 2);
    this.toNetwork = 0;
    this.toNetworkBehindLlc = 0;
  }

  /** Moves into a Geneve tunnel: where its headers are the packet tells, by these registers. */
  geneve(): TunnelTest["registers"] {
    const registers = {
      linkType: this.register(),
      linkHeader: this.register(),
      payload: this.register(),
      tags: this.currentTags === undefined ? undefined : this.register(),
    };
    this.currentLink = "ethernet";
    this.currentLinkType = { at: 0, register: registers.linkType };
    this.currentLinkHeader = { at: 0, register: registers.linkHeader };
    this.currentPayload = { at: 0, register: registers.payload };
    if (registers.tags !== undefined) {
      this.currentTags = { first: { at: 0, register: registers.tags }, end: this.currentPayload };
    }
    this.toNetwork = 0;
    this.tunnels++;
    return registers;
  }

  private register(): number {
    return this.registersInUse++;
  }
}

/** Where the protocol's number and the payload are. */
function layout(framing: Framing): [linkType: number | undefined, payload: number] {
  switch (framing) {
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
