import fc from "fast-check";
import { ethernetFrame } from "./arbitraries.js";
import { concat } from "./bytes.js";
import { filterText } from "./pcap-filter-text.js";

/*
 * Filters in tcpdump's language and frames for them: both draw from few addresses, ports and protocols, so that they
 * meet often.
 */

const uint16 = (value: number) => Uint8Array.of((value >> 8) & 255, value & 255);
const uint32 = (value: number) => concat(uint16(value >>> 16), uint16(value & 0xffff));

const address4 = fc.constantFrom(
  0x0a000001,
  0x0a000001,
  0x0a000002,
  0xc0000201,
  0x01020304,
  0xe0000001,
  0xffffffff,
);
const address6 = fc
  .constantFrom(
    [0x20010db8, 0, 0, 1],
    [0x20010db8, 0, 0, 1],
    [0x20010db8, 0, 0, 2],
    [0, 0, 0xffff, 0x01020304],
    [0xff020000, 0, 0, 1],
  )
  .map((words) => concat(...words.map(uint32)));
const protocolNumber = fc.constantFrom(
  6,
  6,
  6,
  17,
  17,
  17,
  132,
  132,
  1,
  2,
  58,
  51,
  47,
  44,
  0,
  43,
  60,
  135,
  59,
  103,
);
const portNumber = fc.constantFrom(80, 80, 53, 53, 22, 443, 0, 6081);

const geneveOptions = fc.constantFrom(0, 0, 1);

interface Packet {
  readonly type: number;
  readonly data: Uint8Array;
}

const transport = fc
  .tuple(portNumber, portNumber, fc.constantFrom(40, 40, 20, 16, 8, 4), fc.nat(255))
  .map(([source, destination, length, fill]) =>
    concat(uint16(source), uint16(destination), new Uint8Array(length).fill(fill)).slice(0, length),
  );
/** An authentication header in front of something. */
const authentication = fc
  .tuple(protocolNumber, fc.constantFrom(1, 4, 4), transport)
  .map(([next, length, rest]) => concat(Uint8Array.of(next, length), new Uint8Array(4 * length + 6), rest));

const ipv4: fc.Arbitrary<Packet> = fc
  .tuple(
    fc.constantFrom(5, 5, 5, 5, 6, 4),
    fc.constantFrom(0, 0, 0, 0, 0x2000, 185),
    protocolNumber,
    address4,
    address4,
    fc.oneof({ weight: 5, arbitrary: transport }, authentication),
  )
  .map(([words, fragment, protocol, source, destination, rest]) => ({
    type: 0x0800,
    data: concat(
      Uint8Array.of(0x40 | words, 0, 0, 0, 0, 0),
      uint16(fragment),
      Uint8Array.of(64, protocol, 0, 0),
      uint32(source),
      uint32(destination),
      new Uint8Array(Math.max(0, 4 * words - 20)),
      rest,
    ),
  }));

const extension = fc.record({
  kind: fc.constantFrom(0, 43, 44, 44, 44, 60, 135, 51),
  size: fc.constantFrom(0, 0, 0, 1),
  fragment: fc.constantFrom(0, 1, 8, 0xfff8),
});
const ipv6: fc.Arbitrary<Packet> = fc
  .tuple(
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(extension, { minLength: 1, maxLength: 3 }) },
    ),
    protocolNumber,
    address6,
    address6,
    transport,
  )
  .map(([extensions, protocol, source, destination, rest]) => {
    const headers = extensions.map(({ kind, size, fragment }, i) => {
      const next = extensions[i + 1]?.kind ?? protocol;
      if (kind === 44) return concat(Uint8Array.of(next, size), uint16(fragment), uint32(7));
      return concat(Uint8Array.of(next, size), new Uint8Array(kind === 51 ? 4 * size + 6 : 8 * size + 6));
    });
    return {
      type: 0x86dd,
      data: concat(
        Uint8Array.of(0x60, 0, 0, 0, 0, 0, extensions[0]?.kind ?? protocol, 64),
        source,
        destination,
        ...headers,
        rest,
      ),
    };
  });

const arp: fc.Arbitrary<Packet> = fc
  .tuple(fc.constantFrom(0x0806, 0x0806, 0x8035), address4, address4)
  .map(([type, sender, target]) => ({
    type,
    data: concat(
      uint16(1),
      uint16(0x0800),
      Uint8Array.of(6, 4, 0, 1),
      new Uint8Array(6),
      uint32(sender),
      new Uint8Array(6),
      uint32(target),
    ),
  }));

/** LLC with a length for a type, other types, and the type that Stenographer takes for the beginning of a frame. */
const other: fc.Arbitrary<Packet> = fc.constantFrom(
  { type: 46, data: concat(Uint8Array.of(0xfe, 0xfe, 3, 0x83, 0, 0, 0, 26), new Uint8Array(38)) },
  { type: 46, data: concat(Uint8Array.of(0x42, 0x42, 3), new Uint8Array(43)) },
  { type: 46, data: concat(Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0), uint16(0x0800), new Uint8Array(38)) },
  { type: 0x88cc, data: new Uint8Array(46) },
  { type: 0x8863, data: new Uint8Array(46) },
  { type: 0, data: new Uint8Array(46) },
);

const ip = fc.oneof(ipv4, ipv6);
const packet: fc.Arbitrary<Packet> = fc.letrec<{ packet: Packet }>((tie) => ({
  packet: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 5, arbitrary: ipv4 },
    { weight: 4, arbitrary: ipv6 },
    { weight: 1, arbitrary: arp },
    { weight: 1, arbitrary: other },
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.constantFrom(0x8100, 0x8100, 0x88a8, 0x9100, 0x9200),
          fc.constantFrom(1, 5, 5, 0x2005),
          tie("packet"),
        )
        .map(([type, tag, inner]) => ({ type, data: concat(uint16(tag), uint16(inner.type), inner.data) })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom(0x8847, 0x8847, 0x8848),
          fc.array(fc.constantFrom(1, 16, 16), { minLength: 1, maxLength: 3 }),
          ip,
        )
        .map(([type, labels, inner]) => ({
          type,
          data: concat(
            ...labels.map((label, i) => uint32((label << 12) | (i === labels.length - 1 ? 0x100 : 0) | 64)),
            inner.data,
          ),
        })),
    },
    {
      weight: 1,
      arbitrary: tie("packet").map((inner) => ({
        type: 0x8847,
        data: concat(
          uint32((16 << 12) | 0x140),
          uint32(0),
          new Uint8Array(12),
          uint16(inner.type),
          inner.data,
        ),
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(1, 2), ip).map(([session, inner]) => ({
        type: 0x8864,
        data: concat(
          Uint8Array.of(0x11, 0),
          uint16(session),
          uint16(inner.data.length + 2),
          uint16(inner.type === 0x0800 ? 0x0021 : 0x0057),
          inner.data,
        ),
      })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.boolean(), geneveOptions, tie("packet"), fc.boolean())
        .map(([isIpv4, options, inner, isEthernet]) => {
          const payload = isEthernet
            ? concat(new Uint8Array(12), uint16(inner.type), inner.data)
            : inner.data;
          const udp = concat(
            uint16(53),
            uint16(6081),
            uint32(0),
            Uint8Array.of(options, 0),
            uint16(isEthernet ? 0x6558 : inner.type),
            uint32(5 << 8),
            new Uint8Array(4 * options),
            payload,
          );
          return isIpv4
            ? {
                type: 0x0800,
                data: concat(
                  uint32(0x45000000),
                  uint32(0),
                  uint32(0x40110000),
                  uint32(0x0a000001),
                  uint32(0x0a000002),
                  udp,
                ),
              }
            : {
                type: 0x86dd,
                data: concat(
                  uint32(0x60000000),
                  Uint8Array.of(0, 0, 17, 64),
                  uint32(0x20010db8),
                  new Uint8Array(12),
                  uint32(0x20010db8),
                  new Uint8Array(12),
                  udp,
                ),
              };
        }),
    },
  ),
})).packet;

const ownFrame = fc
  .tuple(packet, fc.constantFrom(0, 1, 0xff))
  .map(([{ type, data }, destination]) =>
    concat(new Uint8Array(6).fill(destination), new Uint8Array(6), uint16(type), data),
  );

/** Ethernet frames of all kinds that a filter tells apart, padded, whole, or cut anywhere. */
export const plannedFrame = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: ownFrame }, ethernetFrame),
    fc.oneof({ weight: 3, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }, fc.nat(110)),
    fc.constantFrom(0, 0, 60, 90),
  )
  .map(([frame, cut, padded]) => {
    const whole = frame.length < padded ? concat(frame, new Uint8Array(padded - frame.length)) : frame;
    return whole.slice(0, cut);
  });

const likelyPrimitive = fc.constantFrom(
  ..."tcp|udp|sctp|icmp|icmp6|ip|ip6|arp|igmp|ah|pim|vlan|vlan 5|vlan 1|mpls|mpls 16|mpls 1|pppoes|pppoes 1|pppoed|geneve|geneve 5".split(
    "|",
  ),
  ..."host 10.0.0.1|ip host 10.0.0.1|src host 10.0.0.2|dst host 10.0.0.1|arp host 10.0.0.1|host 192.0.2.1|host 2001:db8::1".split(
    "|",
  ),
  ..."src host 2001:db8::2|host ::ffff:1.2.3.4|net ::ffff:0:0/96|src and dst host 10.0.0.1|net 10.0.0.0/8|ip net 10.0.0.0/30".split(
    "|",
  ),
  ..."net 10.0.0.0 mask 255.0.0.255|ip net 0.0.0.1 mask 0.0.0.255|ip net 0.0.0.0/0|net 2001:db8::/32|ip6 net ::/0|port 80".split(
    "|",
  ),
  ..."tcp port 80|udp port 53|src port 53|tcp dst port 22|sctp port 80|port 6081|portrange 50-90|udp portrange 0-6081|tcp portrange 20-25".split(
    "|",
  ),
  ..."ip proto 6|ip6 proto 6|ip6 proto 17|ip6 proto 44|ip6 proto 0|ip6 proto 43|proto 58|proto 44|proto 51|ip proto 44|proto 135".split(
    "|",
  ),
  ..."protochain 6|ip6 protochain 17|ip protochain 6|ip6 protochain 44|protochain 51|ip6 protochain 59|ether proto 0x800|ether proto 0x8100".split(
    "|",
  ),
  ..."tcp[tcpflags] & tcp-syn != 0|tcp[0:2] = 80|udp[2:2] = 53|icmp[0] = 8|ip[8] < 64|ip6[7] = 64|icmp6[0] = 0|ip[9] = 6|1 + tcp[0] > 0|tcp[ip[8]] = 0".split(
    "|",
  ),
  ..."len > 60|less 100|greater 60|ether[0] & 1 != 0|ether broadcast|ether multicast|ip multicast|ip6 multicast|ip broadcast|llc|stp|iso|isis".split(
    "|",
  ),
  ..."after 2023-11-14T22:14:00Z|before 2023-11-14T22:15:00Z|ether host 00:00:00:00:00:00".split("|"),
);

const { likelyText } = fc.letrec<{ likelyText: string }>((tie) => ({
  likelyText: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { weight: 4, arbitrary: likelyPrimitive },
    {
      weight: 4,
      arbitrary: fc
        .tuple(tie("likelyText"), fc.constantFrom("and", "and", "or"), tie("likelyText"))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
    },
    { weight: 1, arbitrary: tie("likelyText").map((text) => `not (${text})`) },
  ),
}));

/** Texts of filters, some of which mean nothing. */
export const plannedFilterText = fc.oneof({ weight: 3, arbitrary: likelyText }, filterText);
