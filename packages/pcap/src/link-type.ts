/**
 * Link types by name, as numbered in pcap and pcapng files (draft-ietf-opsawg-pcaplinktype).
 *
 * Only those somebody here has a reason to name; every other number is read and written just the same.
 */
export const LinkType = {
  /** BSD loopback; address family in the byte order of the writing host. */
  null: 0,
  ethernet: 1,
  ppp: 9,
  /** Raw IPv4 or IPv6, told apart by the version nibble. */
  raw: 101,
  ieee80211: 105,
  /** OpenBSD loopback; address family in network byte order. */
  loop: 108,
  linuxSll: 113,
  ieee80211Radiotap: 127,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

const names = new Map<number, string>([
  [LinkType.null, "BSD loopback"],
  [LinkType.ethernet, "Ethernet"],
  [LinkType.ppp, "PPP"],
  [LinkType.raw, "raw IP"],
  [LinkType.ieee80211, "IEEE 802.11"],
  [LinkType.loop, "OpenBSD loopback"],
  [LinkType.linuxSll, "Linux cooked v1"],
  [LinkType.ieee80211Radiotap, "IEEE 802.11 with radiotap"],
  [LinkType.ipv4, "raw IPv4"],
  [LinkType.ipv6, "raw IPv6"],
  [LinkType.linuxSll2, "Linux cooked v2"],
]);

/** The link type in words with its number, for messages: `Ethernet (1)`, `link type 147`. */
export function linkTypeName(linkType: number): string {
  const name = names.get(linkType);
  return name === undefined ? `link type ${linkType}` : `${name} (${linkType})`;
}
