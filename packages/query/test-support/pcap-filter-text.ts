import fc from "fast-check";

/** Any text of the grammar, mostly ones that mean something. */
const number = fc.constantFrom(
  "0",
  "1",
  "2",
  "5",
  "6",
  "17",
  "20",
  "44",
  "53",
  "80",
  "0x10",
  "010",
  "255",
  "1500",
);
const address = fc.constantFrom(
  "10.0.0.1",
  "10.0.0.2",
  "192.0.2.1",
  "2001:db8::1",
  "2001:db8::2",
  "10.1",
  "::ffff:1.2.3.4",
);
const network = fc.constantFrom(
  "10.0.0.0/8",
  "10",
  "10.0.0.0/30",
  "2001:db8::/32",
  "10.0.0.0 mask 255.0.255.0",
  "0.0.0.0/0",
  "1.2.3.4/8",
);
const protocol = fc.constantFrom(
  "ip",
  "ip6",
  "arp",
  "rarp",
  "tcp",
  "udp",
  "sctp",
  "icmp",
  "icmp6",
  "igmp",
  "ah",
  "iso",
  "stp",
  "ipx",
  "atalk",
  "isis",
  "l1",
);
const loadable = fc.constantFrom("ether", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp");
const direction = fc.constantFrom("", "", "src ", "dst ", "src or dst ", "src and dst ");

const { arithmetic } = fc.letrec<{ arithmetic: string }>((tie) => ({
  arithmetic: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    number,
    fc.constant("len"),
    fc
      .tuple(loadable, fc.oneof(number, tie("arithmetic")), fc.constantFrom("", ":1", ":2", ":4", ":3"))
      .map(([p, i, size]) => `${p}[${i}${size}]`),
    fc
      .tuple(
        tie("arithmetic"),
        fc.constantFrom("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"),
        tie("arithmetic"),
      )
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    tie("arithmetic").map((a) => `(${a})`),
    tie("arithmetic").map((a) => `- ${a}`),
  ),
}));

const primitive = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom("", "", "ip ", "ip6 ", "arp ", "tcp "),
        direction,
        fc.constantFrom("host "),
        address,
      )
      .map((p) => p.join("")),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("", "ip ", "ip6 "), direction, fc.constant("net "), network)
      .map((p) => p.join("")),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom("", "tcp ", "udp ", "sctp ", "ip "),
        direction,
        fc.constant("port "),
        fc.constantFrom("80", "53", "0", "1", "https", "domain", "70000"),
      )
      .map((p) => p.join("")),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("", "tcp ", "udp "),
        direction,
        fc.constant("portrange "),
        fc.constantFrom("0-80", "53-53", "80-1", "1-65535"),
      )
      .map((p) => p.join("")),
  },
  { weight: 3, arbitrary: protocol },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("", "ip ", "ip6 ", "ether ", "iso ", "tcp "),
        fc.constantFrom("proto ", "protochain "),
        fc.constantFrom("6", "17", "44", "0x86dd", "51", "\\udp", "2048"),
      )
      .map((p) => p.join("")),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constant("ether "),
        direction,
        fc.constantFrom("host ", ""),
        fc.constantFrom("00:00:00:00:00:00", "0-1-2-3-4-5", "ffff.ffff.ffff"),
      )
      .map((p) => p.join("")),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "broadcast",
      "multicast",
      "ether broadcast",
      "ip multicast",
      "ip broadcast",
      "ip6 multicast",
      "llc",
      "llc ui",
      "llc i",
      "llc s",
      "pppoed",
      "inbound",
      "outbound",
      "ifindex 1",
      "byte 12 = 8",
      "less 60",
      "greater 100",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("vlan", "vlan 5", "vlan 1", "mpls", "mpls 16", "mpls 1", "pppoes", "pppoes 1"),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(arithmetic, fc.constantFrom("=", "==", "!=", "<", "<=", ">", ">="), arithmetic)
      .map((p) => p.join(" ")),
  },
);
const list = fc
  .tuple(
    fc.constantFrom("tcp port ", "host ", "src host ", "ip proto "),
    fc.constantFrom(
      "80 or 53",
      "(80 or 53)",
      "10.0.0.1 or 10.0.0.2",
      "(10.0.0.1 or not 10.0.0.2)",
      "6 or 17 and not 1",
      "(6 or (17 or 1))",
      "((6 or 17) or 1)",
    ),
  )
  .map((p) => p.join(""));

const { plainText } = fc.letrec<{ plainText: string }>((tie) => ({
  plainText: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: primitive },
    { weight: 1, arbitrary: list },
    {
      weight: 3,
      arbitrary: fc
        .tuple(tie("plainText"), fc.constantFrom("and", "or", "&&", "||"), tie("plainText"))
        .map((p) => p.join(" ")),
    },
    { weight: 1, arbitrary: tie("plainText").map((f) => `not ${f}`) },
    { weight: 2, arbitrary: tie("plainText").map((f) => `(${f})`) },
  ),
}));

/**
 * Texts of whole filters.
 *
 * `geneve` stands only where what is behind it is not looked at without a tunnel: libpcap would then look where scratch
 * memory that it never wrote points to.
 */
export const filterText = fc.oneof(
  { weight: 12, arbitrary: plainText },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("geneve", "geneve 5"), plainText)
      .map(([geneve, inside]) => `${geneve} and (${inside})`),
  },
);
