import fc from "fast-check";
import { concat } from "../../packages/query/test-support/bytes.js";

/** An IP address as its bytes. */
export type AddressBytes = readonly number[];

/** An Ethernet frame, and what was put into it: nothing here is read from its bytes. */
export interface AddressedFrame {
  readonly bytes: Uint8Array;
  /** Source and destination of the outermost IP header; empty where there is none, or it is cut. */
  readonly addresses: readonly AddressBytes[];
  /** Shorter than it was made. */
  readonly isCut: boolean;
}

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
const uint32 = (value: number): Uint8Array => concat(uint16(value >>> 16), uint16(value & 0xffff));
const v6 = (...last: readonly number[]): AddressBytes => [
  0x20,
  0x01,
  0x0d,
  0xb8,
  ...Array(11).fill(0),
  ...last,
];

const v4Address = fc.constantFrom<AddressBytes>(
  [10, 0, 0, 1],
  [10, 0, 0, 2],
  [10, 0, 255, 255],
  [10, 1, 0, 0],
  [9, 255, 255, 255],
  [11, 0, 0, 0],
  [192, 0, 2, 1],
  [255, 255, 255, 255],
  [0, 0, 0, 0],
);
/** An IPv4 address written as IPv6, which is in no network of IPv4. */
const mapped: AddressBytes = [...Array(10).fill(0), 0xff, 0xff, 10, 0, 0, 1];
const v6Base = fc.constantFrom<AddressBytes>(
  v6(1),
  v6(2),
  [0x20, 0x01, 0x0d, 0xb9, ...Array(11).fill(0), 1],
  [0xfe, 0x80, ...Array(13).fill(0), 1],
);

const v6Address = fc.oneof({ weight: 4, arbitrary: v6Base }, fc.constant(mapped));

/** A network that some of the addresses are in, and some only just not. */
export const network = fc.oneof(
  fc.tuple(v4Address, fc.constantFrom(0, 8, 15, 16, 24, 31, 32)),
  fc.tuple(v6Base, fc.constantFrom(0, 31, 32, 64, 127, 128)),
);

interface Packet {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly addresses: readonly AddressBytes[];
  /** Bytes of `bytes` up to which it must be whole for its addresses to be there. */
  readonly addressesEnd: number;
}

function ipv4(
  [source, destination]: AddressBytes[],
  protocol: number,
  fragment: number,
  body: Uint8Array,
): Packet {
  const addresses = [source ?? [], destination ?? []];
  const bytes = concat(
    Uint8Array.of(0x45, 0),
    uint16(20 + body.length),
    uint16(7),
    uint16(fragment),
    Uint8Array.of(64, protocol),
    uint16(0),
    ...addresses.map((address) => Uint8Array.from(address)),
    body,
  );
  return { type: 0x0800, bytes, addresses, addressesEnd: 20 };
}

function ipv6(
  [source, destination]: AddressBytes[],
  protocol: number,
  fragment: number,
  body: Uint8Array,
): Packet {
  const addresses = [source ?? [], destination ?? []];
  const extension =
    fragment === 0 ? new Uint8Array(0) : concat(Uint8Array.of(protocol, 0), uint16(fragment << 3), uint32(7));
  const bytes = concat(
    uint32(0x60000000),
    uint16(extension.length + body.length),
    Uint8Array.of(fragment === 0 ? protocol : 44, 64),
    ...addresses.map((address) => Uint8Array.from(address)),
    extension,
    body,
  );
  return { type: 0x86dd, bytes, addresses, addressesEnd: 40 };
}

const segment = fc
  .tuple(fc.constantFrom(53, 80, 5000), fc.constantFrom(22, 53, 80))
  .map(([source, destination]) => concat(uint16(source), uint16(destination), new Uint8Array(20).fill(0x50)));

const ip = fc
  .tuple(
    fc.oneof(
      fc.tuple(v4Address, v4Address, fc.constant(ipv4)),
      fc.tuple(v6Address, v6Address, fc.constant(ipv6)),
    ),
    fc.constantFrom(6, 17, 1, 58),
    fc.constantFrom(0, 0, 0, 185),
    segment,
  )
  .map(([[source, destination, make], protocol, fragment, body]) =>
    make([source, destination], protocol, fragment, body),
  );

/** IP in IP, GRE and VXLAN: the outer addresses are those that count. */
const tunnel = fc
  .tuple(
    fc.oneof(
      fc.tuple(v4Address, v4Address, fc.constant(ipv4)),
      fc.tuple(v6Address, v6Address, fc.constant(ipv6)),
    ),
    ip,
    fc.constantFrom("ip", "gre", "vxlan"),
  )
  .map(([[source, destination, make], inner, kind]) => {
    const outer = [source, destination];
    if (kind === "ip") return make(outer, inner.type === 0x0800 ? 4 : 41, 0, inner.bytes);
    if (kind === "gre") return make(outer, 47, 0, concat(uint16(0), uint16(inner.type), inner.bytes));
    const ethernet = concat(new Uint8Array(12), uint16(inner.type), inner.bytes);
    const udp = concat(uint16(5000), uint16(4789), uint16(16 + ethernet.length), uint16(0));
    return make(outer, 17, 0, concat(udp, uint32(0x08000000), uint32(0x100), ethernet));
  });

/** Frames with addresses in them that are not those of an IP header at their beginning. */
const addressless = fc
  .tuple(fc.constantFrom("arp", "unknown", "pppoe"), v4Address, v4Address, ip)
  .map(([kind, sender, target, inner]): Packet => {
    const none = { addresses: [], addressesEnd: 0 };
    if (kind === "unknown") return { type: 0x88b5, bytes: inner.bytes, ...none };
    if (kind === "pppoe") {
      const session = concat(Uint8Array.of(0x11, 0), uint16(1), uint16(inner.bytes.length + 2));
      return {
        type: 0x8864,
        bytes: concat(session, uint16(inner.type === 0x0800 ? 0x21 : 0x57), inner.bytes),
        ...none,
      };
    }
    const ends = [sender, target].map((address) => concat(new Uint8Array(6), Uint8Array.from(address)));
    return { type: 0x0806, bytes: concat(uint32(0x00010800), uint32(0x06040001), ...ends), ...none };
  });

function behind(packet: Packet, header: Uint8Array, type: number): Packet {
  const addressesEnd = packet.addressesEnd + header.length;
  return { ...packet, type, bytes: concat(header, packet.bytes), addressesEnd };
}

const labelled = fc
  .tuple(fc.oneof(ip, tunnel), fc.array(fc.constantFrom(1, 16), { minLength: 1, maxLength: 3 }))
  .map(([packet, labels]) => {
    const entries = labels.map((label, i) =>
      uint32(((label << 12) | (i === labels.length - 1 ? 0x140 : 0x40)) >>> 0),
    );
    return behind(packet, concat(...entries), 0x8847);
  });

const tagged = fc
  .tuple(
    fc.oneof({ weight: 6, arbitrary: ip }, { weight: 2, arbitrary: tunnel }, labelled, {
      weight: 2,
      arbitrary: addressless,
    }),
    fc.array(fc.tuple(fc.constantFrom(0x8100, 0x88a8, 0x9100), fc.constantFrom(1, 5)), { maxLength: 3 }),
  )
  .map(([packet, tags]) =>
    tags.reduce((inner, [type, id]) => behind(inner, concat(uint16(id), uint16(inner.type)), type), packet),
  );

/** Ethernet frames of every kind that could be taken for another, some of them cut anywhere. */
export const addressedFrame: fc.Arbitrary<AddressedFrame> = fc
  .tuple(tagged, fc.oneof({ weight: 4, arbitrary: fc.constant(2000) }, fc.nat(110)))
  .map(([packet, cut]) => {
    const whole = concat(new Uint8Array(12), uint16(packet.type), packet.bytes);
    const isThere = packet.addresses.length > 0 && cut >= 14 + packet.addressesEnd;
    return {
      bytes: whole.slice(0, cut),
      addresses: isThere ? packet.addresses : [],
      isCut: cut < whole.length,
    };
  });

/** Whether an address is in a network, bit by bit. */
export function isWithin(
  address: AddressBytes,
  [base, prefixLength]: readonly [AddressBytes, number],
): boolean {
  const bits = (bytes: AddressBytes) => bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (
    address.length === base.length &&
    bits(address).slice(0, prefixLength) === bits(base).slice(0, prefixLength)
  );
}

/** The network as a configuration says it. */
export function networkText([base, prefixLength]: readonly [AddressBytes, number]): string {
  if (base.length === 4) return `${base.join(".")}/${prefixLength}`;
  const hex = base.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${(hex.match(/.{4}/g) ?? []).join(":")}/${prefixLength}`;
}
