/**
 * tcpdump filters that together find what one term of Stenographer's language finds; a packet is found if any does.
 *
 * The obvious ones mean something else: tcpdump's `tcp` stops at IPv6 extension headers, its `host` finds ARP, its `port`
 * finds SCTP, and none of them looks behind VLAN tags and MPLS labels unless told to.
 *
 * @throws Error for a term that it does not know
 */
export function tcpdumpFilters(name: string, value: string): string[] {
  switch (name) {
    case "vlan":
    case "mpls":
      return [`${name} ${value}`, `${name} and ${name} ${value}`];
    case "host":
      return encapsulated(`${familyOf(value)} host ${value}`);
    case "net":
      return encapsulated(`${familyOf(value)} net ${value}`);
    case "port":
      return encapsulated(portFilter(value));
    case "tcp":
      return encapsulated(protocolFilter("6"));
    case "udp":
      return encapsulated(protocolFilter("17"));
    case "icmp":
      return encapsulated(protocolFilter("1"));
    case "ip proto":
      return encapsulated(protocolFilter(value));
    default:
      throw new Error(`no tcpdump filter for ${name} ${value}`);
  }
}

/** The filter as it stands, in one or two VLAN tags, and under one or two MPLS labels. */
function encapsulated(filter: string): string[] {
  return ["", "vlan and ", "vlan and vlan and ", "mpls and ", "mpls and mpls and "].map(
    (prefix) => `${prefix}(${filter})`,
  );
}

function familyOf(value: string): string {
  return value.includes(":") ? "ip6" : "ip";
}

/** A later fragment of IPv6 has protocol 44 for Stenographer, as the header in front of its data says. */
const laterIpv6Fragment = "(ip6[6] == 44 and ip6[42:2] & 0xfff8 != 0)";

function protocolFilter(number: string): string {
  if (number === "44") return `ip proto 44 or ${laterIpv6Fragment}`;
  return `ip proto ${number} or (ip6 protochain ${number} and not ${laterIpv6Fragment})`;
}

/** TCP and UDP, and on IPv6 also behind one extension header of eight bytes: hop-by-hop, or that of a first fragment. */
function portFilter(port: string): string {
  const header = `(ip6[6] == 0 or (ip6[6] == 44 and ip6[42:2] & 0xfff8 == 0))`;
  const behind = `(ip6[40] == 6 or ip6[40] == 17) and (ip6[48:2] == ${port} or ip6[50:2] == ${port})`;
  return `((tcp or udp) and port ${port}) or (${header} and ${behind})`;
}
