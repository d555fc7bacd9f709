import type { Framing } from "../link-type.js";
import type { SeenNumbers } from "./seen-numbers.js";

const ethertype = { ethernet: 0, ipv4: 0x0800, ipv6: 0x86dd, none: -1 } as const;
const protocol = { tcp: 6, udp: 17, ipv6Fragment: 44 } as const;

/**
 * The headers of one frame, found the way Stenographer's capture program finds what it indexes: the first IP header
 * behind VLAN tags and MPLS labels (and the Ethernet in a pseudo-wire), nothing inside tunnels.
 *
 * One reader is used for all frames of a capture; `read` overwrites the fields and allocates nothing.
 */
export class FrameReader {
  /** IP version of the first IP header, 0 if there is none that is captured whole. */
  version: 0 | 4 | 6 = 0;
  /** Addresses as signed 32-bit words; IPv4 has only the first. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** IP protocol behind all extension headers, -1 if unknown; 44 for a later fragment of IPv6. */
  protocol = -1;
  /** Ports of TCP and UDP, -1 if there are none. */
  sourcePort = -1;
  destinationPort = -1;
  /** Where the link layer's headers end, tags, labels and a pseudo-wire's included: the IP header begins there, if there is one. */
  linkEnd = 0;
  /** The same without the Ethernet inside a pseudo-wire, which may be something else that only looks like one. */
  outerLinkEnd = 0;
  /** Where the header of `protocol` should begin; -1 where the protocol is unknown. */
  transportStart = -1;
  /** A fragment behind the first: what stands at `transportStart` is data. */
  isLaterFragment = false;
  /** A fragment header of IPv6 has a bit in its reserved byte. */
  isOddFragment = false;

  private offset = 0;
  /** Where the labels of the first pseudo-wire end, -1 if there is none. */
  private wireStart = -1;

  constructor(
    private readonly framing: Framing,
    /** Gets the VLAN ids of the frame. */
    private readonly vlans: SeenNumbers,
    /** Gets the MPLS labels of the frame. */
    private readonly labels: SeenNumbers,
  ) {}

  /** Reads the headers of the frame at `start`, of which `length` bytes were captured. */
  read(bytes: Uint8Array, start: number, length: number): void {
    const end = start + length;
    this.version = 0;
    this.protocol = -1;
    this.sourcePort = -1;
    this.destinationPort = -1;
    this.transportStart = -1;
    this.isLaterFragment = false;
    this.isOddFragment = false;
    this.vlans.begin();
    this.labels.begin();
    this.offset = start;
    this.wireStart = -1;
    const first = this.firstType(bytes, start, end);
    const inner = first === ethertype.none ? first : this.skipToIp(bytes, end, first);
    this.linkEnd = this.offset;
    this.outerLinkEnd = this.wireStart < 0 ? this.offset : this.wireStart;
    if (inner === ethertype.ipv4) this.readIpv4(bytes, end);
    else if (inner === ethertype.ipv6) this.readIpv6(bytes, end);
  }

  /** The type of what stands at `offset` behind the link layer's header; `none` if no filter can look into it. */
  private firstType(bytes: Uint8Array, start: number, end: number): number {
    switch (this.framing) {
      case "ethernet":
        return ethertype.ethernet;
      case "ipv4":
        return ethertype.ipv4;
      case "ipv6":
        return ethertype.ipv6;
      case "raw":
        return start < end ? typeByVersion(byteAt(bytes, start) >>> 4) : ethertype.none;
      case "linux-sll":
        // LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length (2 each), address (8), protocol (2).
        if (start + 16 > end) return ethertype.none;
        this.offset = start + 16;
        return cookedType(uint16At(bytes, start + 14), uint16At(bytes, start + 2));
      case "linux-sll2":
        // LINKTYPE_LINUX_SLL2: protocol (2), reserved (2), interface (4), ARPHRD (2), type, address length, address (8).
        if (start + 20 > end) return ethertype.none;
        this.offset = start + 20;
        return cookedType(uint16At(bytes, start), uint16At(bytes, start + 8));
      case "null":
      case "loop":
        if (start + 4 > end) return ethertype.none;
        this.offset = start + 4;
        return loopbackType(bytes, start, this.framing === "null");
    }
  }

  /** Steps over VLAN tags, MPLS labels and pseudo-wire Ethernet. */
  private skipToIp(bytes: Uint8Array, end: number, first: number): number {
    let type = first;
    for (;;) {
      const at = this.offset;
      switch (type) {
        case ethertype.ethernet:
          if (at + 14 > end) return ethertype.none;
          type = uint16At(bytes, at + 12);
          this.offset = at + 14;
          if (type === ethertype.ethernet) return ethertype.none;
          break;
        case 0x8100: // 802.1Q
        case 0x88a8: // 802.1ad
        case 0x9100: // QinQ before 802.1ad, in three dialects
        case 0x9200:
        case 0x9300:
          if (at + 4 > end) return ethertype.none;
          this.vlans.note(uint16At(bytes, at) & 0x0fff);
          type = uint16At(bytes, at + 2);
          this.offset = at + 4;
          break;
        case 0x8847: // MPLS, RFC 3032
        case 0x8848:
          type = this.skipLabels(bytes, end);
          break;
        default:
          return type;
      }
    }
  }

  private skipLabels(bytes: Uint8Array, end: number): number {
    let isBottom = false;
    while (!isBottom) {
      // Five: the label, and the byte behind it, which tells what follows.
      if (this.offset + 5 > end) return ethertype.none;
      const entry = uint32At(bytes, this.offset);
      this.labels.note(entry >>> 12);
      isBottom = (entry & 0x100) !== 0;
      this.offset += 4;
    }
    const nibble = byteAt(bytes, this.offset) >>> 4;
    if (nibble !== 0) return typeByVersion(nibble);
    if (this.wireStart < 0) this.wireStart = this.offset;
    this.offset += 4; // the control word of a pseudo-wire, RFC 4385
    return ethertype.ethernet;
  }

  private readIpv4(bytes: Uint8Array, end: number): void {
    const at = this.offset;
    if (at + 20 > end) return;
    this.version = 4;
    this.source0 = uint32At(bytes, at + 12);
    this.destination0 = uint32At(bytes, at + 16);
    const headerLength = (byteAt(bytes, at) & 15) * 4;
    if (headerLength < 20) return;
    this.protocol = byteAt(bytes, at + 9);
    // Stenographer indexes whatever stands in a later fragment as ports. We don't: it is data.
    this.isLaterFragment = (uint16At(bytes, at + 6) & 0x1fff) !== 0;
    this.transportStart = at + headerLength;
    if (!this.isLaterFragment) this.readPorts(bytes, at + headerLength, end);
  }

  private readIpv6(bytes: Uint8Array, end: number): void {
    let at = this.offset;
    if (at + 40 > end) return;
    this.version = 6;
    this.source0 = uint32At(bytes, at + 8);
    this.source1 = uint32At(bytes, at + 12);
    this.source2 = uint32At(bytes, at + 16);
    this.source3 = uint32At(bytes, at + 20);
    this.destination0 = uint32At(bytes, at + 24);
    this.destination1 = uint32At(bytes, at + 28);
    this.destination2 = uint32At(bytes, at + 32);
    this.destination3 = uint32At(bytes, at + 36);
    let next = byteAt(bytes, at + 6);
    at += 40;
    while (isExtensionHeader(next)) {
      if (next === protocol.ipv6Fragment) {
        if (at + 8 > end) return;
        this.isLaterFragment = (uint16At(bytes, at + 2) & 0xfff8) !== 0;
        if (byteAt(bytes, at + 1) !== 0) this.isOddFragment = true;
        if (this.isLaterFragment) break;
      }
      if (at + 2 > end) return;
      next = byteAt(bytes, at);
      // Also for a fragment header, whose second byte is reserved: so does the index.
      at += (byteAt(bytes, at + 1) + 1) * 8;
    }
    this.protocol = next;
    this.transportStart = this.isLaterFragment ? at + 8 : at;
    this.readPorts(bytes, at, end);
  }

  private readPorts(bytes: Uint8Array, at: number, end: number): void {
    const isTcp = this.protocol === protocol.tcp && at + 20 <= end;
    const isUdp = this.protocol === protocol.udp && at + 8 <= end;
    if (!isTcp && !isUdp) return;
    this.sourcePort = uint16At(bytes, at);
    this.destinationPort = uint16At(bytes, at + 2);
  }
}

/** Hop-by-hop, routing, fragment, destination options, mobility: those the index walks over. */
function isExtensionHeader(next: number): boolean {
  return next === 0 || next === 43 || next === protocol.ipv6Fragment || next === 60 || next === 135;
}

function typeByVersion(version: number): number {
  if (version === 4) return ethertype.ipv4;
  return version === 6 ? ethertype.ipv6 : ethertype.none;
}

/** For these ARPHRD_ types the field is no Ethernet type: Frame Relay, radiotap, Netlink (LINKTYPE_LINUX_SLL). */
function cookedType(type: number, arphrd: number): number {
  const isOther = arphrd === 770 || arphrd === 803 || arphrd === 824;
  return isOther || type === ethertype.ethernet ? ethertype.none : type;
}

/**
 * The address family in front of a BSD loopback packet: in the byte order of the machine that captured for
 * LINKTYPE_NULL (so either is taken), in network order for LINKTYPE_LOOP.
 */
function loopbackType(bytes: Uint8Array, at: number, isEitherOrder: boolean): number {
  const big = uint32At(bytes, at);
  const family = isEitherOrder && (big & 0xffff) === 0 ? (big >>> 24) | ((big >>> 8) & 0xff00) : big;
  switch (family) {
    case 2:
      return ethertype.ipv4;
    case 10: // AF_INET6 of Linux
    case 24: // NetBSD, OpenBSD, Npcap
    case 28: // FreeBSD
    case 30: // Darwin
      return ethertype.ipv6;
    default:
      return ethertype.none;
  }
}

// The callers have compared the offset with the end of what was captured.
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number; // in range, see above
}

function uint16At(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
}

/** Signed, so that `===` and `&` work on it without a conversion. */
function uint32At(bytes: Uint8Array, at: number): number {
  return (uint16At(bytes, at) << 16) | uint16At(bytes, at + 2);
}
