import { type Address, type AddressBook, createAddressBook } from "./address-book.js";
import { FrameBuffer } from "./frame-buffer.js";
import { internetChecksum } from "./internet-checksum.js";
import { createRandom, type Random } from "./random.js";
import { count, type TrafficTruth } from "./traffic-truth.js";

const ethertype = {
  ipv4: 0x0800,
  arp: 0x0806,
  ipv6: 0x86dd,
  experimental: 0x88b5,
  vlan: 0x8100,
  qinq: 0x88a8,
  mpls: 0x8847,
};
const protocol = { icmp: 1, tcp: 6, udp: 17, fragment: 44, gre: 47, icmpv6: 58, sctp: 132 };

const servicePorts = [80, 443, 53, 22, 25, 123, 514, 3389, 8080, 8443, 5060, 161, 445, 1900, 5353];
const macAddresses = Buffer.from("020000000002020000000001", "hex");
const shortestFrameBytes = 60;
const poolBytes = 65_536;

/** What is random about a packet before it is written. */
interface Datagram {
  readonly protocol: number;
  readonly source: Address;
  readonly destination: Address;
  readonly isIpv6: boolean;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payloadBytes: number;
  readonly identification: number;
}

/** Composes one synthetic frame after another and counts in `truth` what filters would find in it. */
export class FrameComposer {
  readonly frame = new FrameBuffer();
  private readonly random: Random;
  private readonly addresses: AddressBook;
  private readonly pool = Buffer.alloc(poolBytes);
  /** The datagram whose second fragment is the next frame. */
  private cut: Datagram | undefined;

  constructor(
    seed: number,
    private readonly options: { readonly maxPayload: number; readonly isPlain: boolean },
    private readonly truth: TrafficTruth,
  ) {
    this.random = createRandom(seed);
    this.addresses = createAddressBook(this.random);
    for (let at = 0; at < poolBytes; at += 4) this.pool.writeUInt32LE(this.random.bits(), at);
  }

  /** Nanoseconds until the next packet, in whole microseconds. */
  gapNs(packetsPerSecond: number): bigint {
    return BigInt(Math.floor(this.random.exponential(1e6 / packetsPerSecond))) * 1000n;
  }

  /** Writes the next frame into `frame`. `ordinal` lies in its payload, so no two frames are equal. */
  compose(ordinal: number): void {
    const { random, frame } = this;
    frame.clear();
    frame.append(macAddresses);
    if (this.cut !== undefined) {
      this.encapsulated(this.cut.isIpv6 ? ethertype.ipv6 : ethertype.ipv4);
      this.laterFragment(this.cut, ordinal);
      this.cut = undefined;
    } else {
      const share = random.fraction();
      if (share < 0.01) this.arp(ordinal);
      else if (share < 0.02) this.unknown(ordinal);
      else if (share < 0.04) this.firstFragment(ordinal);
      else this.whole(this.datagram(share), ordinal);
    }
    if (frame.length < shortestFrameBytes) frame.zeros(shortestFrameBytes - frame.length);
    this.truth.packets++;
    this.truth.frameBytes += frame.length;
  }

  private arp(ordinal: number): void {
    const { frame } = this;
    this.encapsulated(ethertype.arp, { isLabelled: false });
    frame.append(Buffer.from("00010800060400010200000000010a000001000000000000", "hex"));
    frame.uint32(ordinal);
    count(this.truth.kinds, "arp");
  }

  /** An Ethernet type of the IEEE's local experiments: in no index. */
  private unknown(ordinal: number): void {
    this.encapsulated(ethertype.experimental, { isLabelled: false });
    this.payload(ordinal, this.payloadBytes());
    count(this.truth.kinds, "other");
  }

  private whole(datagram: Datagram, ordinal: number): void {
    this.encapsulated(datagram.isIpv6 ? ethertype.ipv6 : ethertype.ipv4);
    const transportBytes = transportHeaderBytes(datagram.protocol) + 8 + datagram.payloadBytes;
    if (datagram.isIpv6) this.ipv6Header(datagram, transportBytes);
    else this.ipv4Header(datagram, transportBytes, 0);
    this.transport(datagram, ordinal);
    this.payload(ordinal, datagram.payloadBytes);
    this.countDatagram(datagram, { hasPorts: true });
  }

  private firstFragment(ordinal: number): void {
    const isTcp = this.random.fraction() < 0.2;
    // Eight bytes of ordinal, and fragments end on a multiple of eight.
    const datagram = { ...this.datagram(isTcp ? 0.1 : 0.7), payloadBytes: 504 };
    this.cut = datagram;
    this.encapsulated(datagram.isIpv6 ? ethertype.ipv6 : ethertype.ipv4);
    const transportBytes = fragmentBytes(datagram);
    if (datagram.isIpv6) this.ipv6FragmentHeader(datagram, transportBytes, 1);
    else this.ipv4Header(datagram, transportBytes, 0x2000);
    this.transport(datagram, ordinal);
    this.payload(ordinal, transportBytes - transportHeaderBytes(datagram.protocol) - 8);
    this.countDatagram(datagram, { hasPorts: true });
  }

  private laterFragment(datagram: Datagram, ordinal: number): void {
    const offset = fragmentBytes(datagram) / 8;
    if (datagram.isIpv6) this.ipv6FragmentHeader(datagram, 8 + datagram.payloadBytes, offset << 3);
    else this.ipv4Header(datagram, 8 + datagram.payloadBytes, offset);
    this.payload(ordinal, datagram.payloadBytes);
    const counted = datagram.isIpv6 ? { ...datagram, protocol: protocol.fragment } : datagram;
    this.countDatagram(counted, { hasPorts: false });
  }

  private datagram(share: number): Datagram {
    const { random } = this;
    const isIpv6 = random.fraction() < 0.15;
    const client = random.between(1024, 65_536);
    const service = random.pick(servicePorts);
    const isReply = random.fraction() < 0.5;
    const isSame = random.fraction() < 0.002; // the same port on both sides: one key, not two
    return {
      protocol: protocolFor(share, isIpv6),
      source: isIpv6 ? this.addresses.ipv6() : this.addresses.ipv4(),
      destination: isIpv6 ? this.addresses.ipv6() : this.addresses.ipv4(),
      isIpv6,
      sourcePort: isReply || isSame ? service : client,
      destinationPort: isReply && !isSame ? client : service,
      payloadBytes: this.payloadBytes(),
      identification: random.between(0, 65_536),
    };
  }

  private payloadBytes(): number {
    const { maxPayload } = this.options;
    return Math.min(this.random.pick([0, 16, 64, 200, 512, maxPayload]), maxPayload);
  }

  /** Writes the Ethernet type, and in front of it sometimes VLAN tags or MPLS labels. */
  private encapsulated(type: number, { isLabelled = true } = {}): void {
    const { frame, random, truth } = this;
    const share = this.options.isPlain ? 1 : random.fraction();
    if (share < 0.1) {
      const id = random.pick([10, 20, 100, 4094]);
      frame.uint16(ethertype.vlan);
      frame.uint16((random.between(0, 8) << 13) | id);
      frame.uint16(type);
      count(truth.vlans, id);
    } else if (share < 0.12) {
      const outer = random.pick([1000, 2000]);
      const inner = random.pick([10, 20]);
      frame.uint16(ethertype.qinq);
      frame.uint16(outer);
      frame.uint16(ethertype.vlan);
      frame.uint16(inner);
      frame.uint16(type);
      count(truth.vlans, outer);
      count(truth.vlans, inner);
    } else if (share < 0.15 && isLabelled) {
      const first = random.pick([16, 100, 1_048_575]);
      const second = random.pick([299, 300]);
      const isTwo = random.fraction() < 0.5;
      frame.uint16(ethertype.mpls);
      frame.uint32(((first << 12) | (isTwo ? 0 : 0x100) | 64) >>> 0);
      if (isTwo) frame.uint32((second << 12) | 0x100 | 64);
      count(truth.labels, first);
      if (isTwo) count(truth.labels, second);
    } else {
      frame.uint16(type);
    }
  }

  private ipv4Header(datagram: Datagram, dataBytes: number, flagsAndOffset: number): void {
    const { frame } = this;
    const start = frame.length;
    frame.uint16(0x4500);
    frame.uint16(20 + dataBytes);
    frame.uint16(datagram.identification);
    frame.uint16(flagsAndOffset);
    frame.uint8(64);
    frame.uint8(datagram.protocol);
    frame.uint16(0);
    frame.append(datagram.source.bytes);
    frame.append(datagram.destination.bytes);
    frame.putUint16(start + 10, internetChecksum(frame.bytes, start, start + 20));
  }

  private ipv6Header(datagram: Datagram, dataBytes: number): void {
    const { frame } = this;
    const hasHopByHop = this.random.fraction() < 0.05;
    frame.uint32(0x60000000);
    frame.uint16(dataBytes + (hasHopByHop ? 8 : 0));
    frame.uint8(hasHopByHop ? 0 : datagram.protocol);
    frame.uint8(64);
    frame.append(datagram.source.bytes);
    frame.append(datagram.destination.bytes);
    if (!hasHopByHop) return;
    frame.uint8(datagram.protocol);
    frame.uint8(0); // eight bytes in all
    frame.uint16(0x0104); // PadN over the rest
    frame.uint32(0);
  }

  private ipv6FragmentHeader(datagram: Datagram, dataBytes: number, offsetAndFlags: number): void {
    const { frame } = this;
    frame.uint32(0x60000000);
    frame.uint16(dataBytes + 8);
    frame.uint8(protocol.fragment);
    frame.uint8(64);
    frame.append(datagram.source.bytes);
    frame.append(datagram.destination.bytes);
    frame.uint8(datagram.protocol);
    frame.uint8(0);
    frame.uint16(offsetAndFlags);
    frame.uint32(datagram.identification);
  }

  private transport(datagram: Datagram, ordinal: number): void {
    const { frame } = this;
    switch (datagram.protocol) {
      case protocol.tcp:
        frame.uint16(datagram.sourcePort);
        frame.uint16(datagram.destinationPort);
        frame.uint32(ordinal);
        frame.uint32(0);
        frame.uint8(0x50);
        frame.uint8(this.random.pick([0x02, 0x10, 0x11, 0x18]));
        frame.uint16(8192);
        frame.uint32(0);
        break;
      case protocol.udp:
        frame.uint16(datagram.sourcePort);
        frame.uint16(datagram.destinationPort);
        frame.uint16(8 + 8 + datagram.payloadBytes);
        frame.uint16(0);
        break;
      case protocol.sctp:
        frame.uint16(datagram.sourcePort);
        frame.uint16(datagram.destinationPort);
        frame.zeros(8);
        break;
      case protocol.gre:
        frame.uint16(0);
        frame.uint16(0x6558);
        break;
      default: // an echo request
        frame.uint8(datagram.protocol === protocol.icmp ? 8 : 128);
        frame.uint8(0);
        frame.uint16(0);
        frame.uint16(1);
        frame.uint16(ordinal & 0xffff);
    }
  }

  /** The ordinal as eight bytes, and `more` bytes of noise. */
  private payload(ordinal: number, more: number): void {
    this.frame.uint32(Math.floor(ordinal / 2 ** 32));
    this.frame.uint32(ordinal >>> 0);
    const start = this.random.between(0, poolBytes - more + 1);
    this.frame.append(this.pool, start, start + more);
  }

  private countDatagram(datagram: Datagram, { hasPorts }: { hasPorts: boolean }): void {
    const { truth } = this;
    const { source, destination, sourcePort, destinationPort } = datagram;
    count(truth.kinds, datagram.isIpv6 ? "ipv6" : "ipv4");
    count(truth.protocols, datagram.protocol);
    count(truth.hosts, source.text);
    if (destination.text !== source.text) count(truth.hosts, destination.text);
    if (!hasPorts || (datagram.protocol !== protocol.tcp && datagram.protocol !== protocol.udp)) return;
    count(truth.ports, sourcePort);
    if (destinationPort !== sourcePort) count(truth.ports, destinationPort);
  }
}

function protocolFor(share: number, isIpv6: boolean): number {
  if (share < 0.57) return protocol.tcp;
  if (share < 0.88) return protocol.udp;
  if (share < 0.96) return isIpv6 ? protocol.icmpv6 : protocol.icmp;
  return share < 0.985 ? protocol.gre : protocol.sctp;
}

function transportHeaderBytes(which: number): number {
  switch (which) {
    case protocol.tcp:
      return 20;
    case protocol.sctp:
      return 12;
    case protocol.gre:
      return 4;
    default:
      return 8;
  }
}

/** What goes into the first fragment: its transport header and payload, on a multiple of eight. */
function fragmentBytes(datagram: Datagram): number {
  return (transportHeaderBytes(datagram.protocol) + 8 + datagram.payloadBytes) & ~7;
}
