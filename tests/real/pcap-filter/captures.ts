import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pcapOf, readPcap } from "@stenogrpc/testkit";
import fc from "fast-check";
import { ethernetFrame, ipPacket } from "../../../packages/query/test-support/arbitraries.js";
import { concat } from "../../../packages/query/test-support/bytes.js";

/** A capture file, and what is in it. */
export interface CaptureFile {
  readonly linkType: number;
  readonly file: string;
  readonly frames: readonly { readonly data: Uint8Array; readonly originalLength: number }[];
}

const root = new URL("../../../", import.meta.url).pathname;

/** The captures that are in this repository, as far as they are pcap files. */
export function shippedCaptures(): CaptureFile[] {
  const examples = readdirSync(join(root, "examples/captures")).filter((name) => name.endsWith(".pcap"));
  return [
    ...examples.map((name) => `examples/captures/${name}`),
    "packages/pcap/fixtures/be.pcap",
    "packages/pcap/fixtures/smtp.pcap",
    "packages/query/fixtures/daemon-capture.pcap",
  ].map((path) => ({ linkType: 1, file: join(root, path), frames: readPcap(join(root, path)) }));
}

/** One capture for each link type, of frames made from a seed; many are cut short. */
export function writeCaptures(folder: string, seed: number): CaptureFile[] {
  return [...frameKinds].map(([linkType, arbitrary]) => {
    const frame = fc.tuple(arbitrary, fc.nat(140)).map(([data, cut]) => ({
      data: cut < 90 ? data : data.slice(0, cut - 60),
      originalLength: data.length,
    }));
    const frames = fc.sample(frame, { numRuns: linkType === 1 ? 600 : 120, seed });
    const file = join(folder, `link-${linkType}.pcap`);
    const packets = frames.map((f, i) => ({ timestampNs: BigInt(i) * 1_000_000_000n, ...f }));
    writeFileSync(file, pcapOf(packets, { snaplen: 262_144, linkType }));
    return { linkType, file, frames };
  });
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const random = (maxLength: number) => fc.uint8Array({ maxLength });
const version = (packet: Uint8Array) => (packet[0] ?? 0) >> 4;
const ipType = (packet: Uint8Array) => (version(packet) === 6 ? bytes(0x86, 0xdd) : bytes(8, 0));

/** IP packets of more protocols: SCTP, ICMPv6 of any type, IGMP, authentication headers. */
const packet = fc
  .tuple(ipPacket, fc.constantFrom(0, 0, 0, 132, 58, 2, 51, 17), random(12))
  .map(([original, protocol, more]) => {
    const made = concat(original, more);
    if (protocol !== 0) made[version(made) === 6 ? 6 : 9] = protocol;
    return made;
  });

const ip4 = fc.constantFrom(bytes(10, 0, 0, 1), bytes(10, 0, 0, 2), bytes(192, 0, 2, 1), bytes(10, 1, 0, 0));
const arp = fc
  .tuple(fc.constantFrom(bytes(8, 6), bytes(0x80, 0x35)), ip4, ip4)
  .map(([type, from, to]) =>
    concat(type, bytes(0, 1, 8, 0, 6, 4, 0, 1), new Uint8Array(6), from, new Uint8Array(6), to),
  );
/** 802.3 with LLC: OSI, IS-IS, spanning tree, SNAP with ARP, AppleTalk and IPX, NetBEUI, raw Novell; any control byte. */
const llc = fc
  .tuple(
    fc.constantFrom(
      [0xfe, 0xfe, 3, 0x83, 27, 1, 0],
      [0xfe, 0xfe, 3, 0x82],
      [0x42, 0x42],
      [0xaa, 0xaa, 3, 0, 0, 0, 8, 6],
      [0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b],
      [0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0x37],
      [0xe0, 0xe0, 3],
      [0xf0, 0xf0],
      [0xff, 0xff],
      [6, 6, 3],
    ),
    fc.constantFrom(15, 16, 17, 18, 20, 24, 25, 26, 27, 1, 5, 9, 0x63, 0xaf),
    random(30),
  )
  .map(([start, next, rest]) => concat(bytes(0, start.length + rest.length, ...start, next), rest));
const pppoe = fc
  .tuple(fc.constantFrom(0x63, 0x64, 0x64), fc.constantFrom(0, 1, 2), packet)
  .map(([type, session, inner]) =>
    concat(
      bytes(0x88, type, 0x11, 0, 0, session, 0, inner.length + 2, 0, version(inner) === 6 ? 0x57 : 0x21),
      inner,
    ),
  );
const geneve = fc
  .tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 5), fc.boolean(), packet, ethernetFrame)
  .map(([options, vni, isEthernet, inner, frame]) =>
    concat(
      bytes(
        8,
        0,
        0x45,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        64,
        17,
        0,
        0,
        10,
        0,
        0,
        1,
        10,
        0,
        0,
        2,
        0,
        80,
        0x17,
        0xc1,
        0,
        0,
        0,
        0,
      ),
      bytes(options, 0),
      isEthernet ? bytes(0x65, 0x58) : ipType(inner),
      bytes(0, 0, vni, 0),
      new Uint8Array(4 * options),
      isEthernet ? frame : inner,
    ),
  );
const mac = fc.constantFrom(
  bytes(0, 0, 0, 0, 0, 0),
  bytes(0, 1, 2, 3, 4, 5),
  bytes(1, 0, 0x5e, 0, 0, 1),
  bytes(255, 255, 255, 255, 255, 255),
);
const typed = packet.map((inner) => concat(ipType(inner), inner));
const tag = fc.constantFrom(bytes(0x81, 0, 0, 5), bytes(0x88, 0xa8, 0x20, 1), bytes(0x91, 0, 0, 0));
const tagged = fc
  .tuple(tag, fc.option(tag), fc.oneof(typed, arp, llc, pppoe))
  .map(([outer, inner, rest]) => concat(outer, inner ?? bytes(), rest));
const behindMacs = fc.oneof(typed, arp, llc, pppoe, geneve, tagged);
const ethernet = fc.oneof(
  { weight: 4, arbitrary: ethernetFrame },
  { weight: 4, arbitrary: fc.tuple(mac, mac, behindMacs).map((parts) => concat(...parts)) },
  { weight: 1, arbitrary: random(120) },
  { weight: 1, arbitrary: fc.tuple(mac, mac, random(100)).map((parts) => concat(...parts)) },
);
const raw = fc.oneof({ weight: 5, arbitrary: packet }, { weight: 1, arbitrary: random(80) });
/** Protocol and payload of a cooked frame: Linux writes 4 for LLC, 1 for Novell's. */
const cooked = fc.oneof(
  { weight: 4, arbitrary: typed },
  { weight: 1, arbitrary: fc.oneof(arp, tagged) },
  { weight: 1, arbitrary: llc.map((frame) => concat(bytes(0, 4), frame.slice(2))) },
  { weight: 1, arbitrary: random(80) },
);
const way = fc.constantFrom(0, 4);
const family = (inner: Uint8Array, six: number) => (version(inner) === 6 ? six : 2);

/** Frames of each link type around the same kinds of packets. */
const frameKinds: ReadonlyMap<number, fc.Arbitrary<Uint8Array>> = new Map([
  [1, ethernet],
  [101, raw],
  [228, raw],
  [229, raw],
  [
    113,
    fc.tuple(way, cooked).map(([to, rest]) => concat(bytes(0, to, 0, 1, 0, 6, ...Array(8).fill(0)), rest)),
  ],
  [
    276,
    fc
      .tuple(way, cooked)
      .map(([to, rest]) =>
        concat(rest.slice(0, 2), bytes(0, 0, 0, 0, 0, 1, 0, 1, to, 6, ...Array(8).fill(0)), rest.slice(2)),
      ),
  ],
  [
    0,
    fc
      .tuple(raw, fc.constantFrom(10, 24, 28, 30))
      .map(([inner, six]) => concat(bytes(family(inner, six), 0, 0, 0), inner)),
  ],
  [
    108,
    fc
      .tuple(raw, fc.constantFrom(24, 28, 30))
      .map(([inner, six]) => concat(bytes(0, 0, 0, family(inner, six)), inner)),
  ],
]);
