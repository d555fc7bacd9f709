import fc from "fast-check";
import { type IpAddress, networkAddress } from "../src/address.js";
import type { FilterNode, PrimitiveNode } from "../src/stenographer/ast.js";
import { parseAgo } from "../src/time.js";
import { concat } from "./bytes.js";

const word = fc.oneof(fc.constantFrom(0, 1, 0x0a000001, 0x0a000002, 0xffff, 0xffffffff), fc.nat(0xffffffff));

const ipv4: fc.Arbitrary<IpAddress> = word.map((value) => ({ version: 4, value }));
const ipv6: fc.Arbitrary<IpAddress> = fc
  .tuple(word, word, word, word)
  .filter(([a, b, c]) => !(a === 0 && b === 0 && c === 0xffff))
  .map((words) => ({ version: 6, words }));
export const ipAddress = fc.oneof(ipv4, ipv6);

const absoluteTime = fc
  .bigInt(-62_167_219_200_000_000_000n, 253_402_300_799_999_999_999n)
  .filter((ns) => ns !== -62_135_596_800_000_000_000n);
const nearTime = fc.bigInt(1_700_000_000_000_000_000n, 1_700_000_900_000_000_000n);

const timeNode = (ns: fc.Arbitrary<bigint>): fc.Arbitrary<PrimitiveNode> =>
  fc
    .tuple(fc.constantFrom("before", "after"), ns)
    .map(([kind, timestampNs]) => ({ kind, time: { kind: "absolute", timestampNs } }));

const agoNode: fc.Arbitrary<PrimitiveNode> = fc
  .tuple(fc.constantFrom("before", "after"), fc.nat(153_722_867))
  .map(([kind, minutes]) => ({ kind, time: parseAgo(`${minutes}m`) ?? fail() }));

function fail(): never {
  throw new Error("not a duration");
}

const small = (most: number) => fc.oneof(fc.constantFrom(0, 1, 6, 17, 44, 53, 80, most), fc.nat(most));

const timeless: fc.Arbitrary<PrimitiveNode> = fc.oneof(
  fc.constantFrom("tcp", "udp", "icmp").map((name): PrimitiveNode => ({ kind: "protocol", name })),
  ipAddress.map((address): PrimitiveNode => ({ kind: "host", address })),
  fc.tuple(ipAddress, fc.nat(128)).map(([address, most]): PrimitiveNode => {
    const prefixLength = Math.min(most, address.version === 4 ? 32 : 128);
    return { kind: "net", address: networkAddress(address, prefixLength), prefixLength };
  }),
  small(65_535).map((port): PrimitiveNode => ({ kind: "port", port })),
  small(65_535).map((id): PrimitiveNode => ({ kind: "vlan", id })),
  small(1_048_575).map((label): PrimitiveNode => ({ kind: "mpls", label })),
  small(255).map((protocol): PrimitiveNode => ({ kind: "ip-proto", protocol })),
);

function treesOf(primitive: fc.Arbitrary<PrimitiveNode>): fc.Arbitrary<FilterNode> {
  return fc.letrec<{ tree: FilterNode }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      primitive,
      fc
        .tuple(fc.constantFrom("and" as const, "or" as const), tie("tree"), tie("tree"))
        .map(([kind, left, right]): FilterNode => ({ kind, left, right })),
    ),
  })).tree;
}

/** Any filter that can be written. */
export const anyFilter = treesOf(
  fc.oneof({ weight: 5, arbitrary: timeless }, timeNode(absoluteTime), agoNode),
);

/** Filters without times. */
export const timelessFilter = treesOf(timeless);

/** Filters about the packets that `frame` makes, with times near those of the packets. */
export const likelyFilter: fc.Arbitrary<FilterNode> = treesOf(
  fc.oneof(
    { weight: 2, arbitrary: timeNode(nearTime) },
    fc.constantFrom("tcp", "udp", "icmp").map((name): PrimitiveNode => ({ kind: "protocol", name })),
    fc.constantFrom(0, 1, 53, 80).map((port): PrimitiveNode => ({ kind: "port", port })),
    fc.constantFrom(0, 1, 5).map((id): PrimitiveNode => ({ kind: "vlan", id })),
    fc.constantFrom(0, 1, 16).map((label): PrimitiveNode => ({ kind: "mpls", label })),
    fc.constantFrom(1, 6, 17, 44, 58).map((protocol): PrimitiveNode => ({ kind: "ip-proto", protocol })),
    fc
      .constantFrom(0x0a000001, 0x0a000002)
      .map((value): PrimitiveNode => ({ kind: "host", address: { version: 4, value } })),
    fc
      .constantFrom(1, 2)
      .map(
        (last): PrimitiveNode => ({ kind: "host", address: { version: 6, words: [0x20010db8, 0, 0, last] } }),
      ),
    fc.constantFrom(0, 8, 31).map(
      (prefixLength): PrimitiveNode => ({
        kind: "net",
        address: networkAddress({ version: 4, value: 0x0a000002 }, prefixLength),
        prefixLength,
      }),
    ),
    fc.constantFrom(0, 33, 127).map(
      (prefixLength): PrimitiveNode => ({
        kind: "net",
        address: networkAddress({ version: 6, words: [0x20010db8, 0, 0, 2] }, prefixLength),
        prefixLength,
      }),
    ),
  ),
);

const uint16 = (value: number) => Uint8Array.of(value >> 8, value & 255);
const uint32 = (value: number) => concat(uint16(value >>> 16), uint16(value & 0xffff));

const transport = fc
  .tuple(fc.constantFrom(0, 1, 53, 80, 5000), fc.constantFrom(0, 1, 53, 80), fc.nat(24))
  .map(([source, destination, more]) => concat(uint16(source), uint16(destination), new Uint8Array(more)));
const ipProtocol = fc.constantFrom(1, 6, 6, 17, 17, 58, 44, 47);
const ip4 = fc.constantFrom(0x0a000001, 0x0a000002, 0x0a000003, 0xc0000201);
const ip6 = fc.nat(4).map((last) => concat(uint32(0x20010db8), new Uint8Array(8), uint32(last)));

const ipv4Packet = fc
  .tuple(
    fc.constantFrom(5, 5, 5, 6, 4),
    fc.constantFrom(0, 0, 0, 0x2000, 185),
    ipProtocol,
    ip4,
    ip4,
    transport,
  )
  .map(([words, fragment, protocol, source, destination, rest]) =>
    concat(
      Uint8Array.of(0x40 | words, 0),
      uint16(0),
      uint16(0),
      uint16(fragment),
      Uint8Array.of(64, protocol),
      uint16(0),
      uint32(source),
      uint32(destination),
      new Uint8Array(Math.max(0, 4 * words - 20)),
      rest,
    ),
  );

const extension = fc.tuple(
  fc.constantFrom(0, 43, 44, 44, 60, 135, 51),
  fc.constantFrom(0, 0, 1),
  fc.constantFrom(0, 1, 8, 0xfff8),
);
const ipv6Packet = fc
  .tuple(fc.array(extension, { maxLength: 3 }), ipProtocol, ip6, ip6, transport)
  .map(([extensions, protocol, source, destination, rest]) => {
    const kinds = [...extensions.map(([kind]) => kind), protocol];
    const headers = extensions.map(([kind, size, fragment], i) => {
      const next = kinds[i + 1] ?? protocol;
      return kind === 44
        ? concat(Uint8Array.of(next, size === 0 ? 0 : 1), uint16(fragment), uint32(7))
        : concat(Uint8Array.of(next, size), new Uint8Array(6 + 8 * size));
    });
    return concat(
      uint32(0x60000000),
      uint16(0),
      Uint8Array.of(kinds[0] ?? protocol, 64),
      source,
      destination,
      ...headers,
      rest,
    );
  });

/** An IPv4 or IPv6 packet. */
export const ipPacket = fc.oneof(ipv4Packet, ipv6Packet);

const macs = new Uint8Array(12);
interface Payload {
  readonly type: number;
  readonly data: Uint8Array;
}
const ipPayload: fc.Arbitrary<Payload> = ipPacket.map((data) => ({
  type: (data[0] ?? 0) >> 4 === 4 ? 0x0800 : 0x86dd,
  data,
}));
const otherPayload: fc.Arbitrary<Payload> = fc
  .constantFrom(0, 46, 0x0806, 0x88cc)
  .map((type) => ({ type, data: new Uint8Array(46) }));

const label = (value: number, isBottom: boolean) =>
  uint32(((value << 12) | (isBottom ? 0x100 : 0) | 64) >>> 0);

const payload: fc.Arbitrary<Payload> = fc.letrec<{ payload: Payload }>((tie) => ({
  payload: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 5, arbitrary: ipPayload },
    { weight: 1, arbitrary: otherPayload },
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.constantFrom(0x8100, 0x88a8, 0x9100, 0x9200, 0x9300),
          fc.constantFrom(0, 1, 5, 0x2005),
          tie("payload"),
        )
        .map(([type, tci, inner]) => ({ type, data: concat(uint16(tci), uint16(inner.type), inner.data) })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom(0x8847, 0x8848),
          fc.array(fc.constantFrom(0, 1, 16), { minLength: 1, maxLength: 3 }),
          ipPacket,
        )
        .map(([type, labels, inner]) => ({
          type,
          data: concat(...labels.map((value, i) => label(value, i === labels.length - 1)), inner),
        })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(0, 1, 16), tie("payload")).map(([value, inner]) => ({
        type: 0x8847,
        data: concat(label(value, true), uint32(0), macs, uint16(inner.type), inner.data),
      })),
    },
  ),
})).payload;

/** An Ethernet frame, sometimes cut short. */
export const ethernetFrame = fc
  .tuple(payload, fc.oneof({ weight: 3, arbitrary: fc.constant(2000) }, fc.nat(120)))
  .map(([{ type, data }, cut]) => concat(macs, uint16(type), data).slice(0, cut));
