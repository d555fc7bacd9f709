import type { Random } from "./random.js";

/** An address as text, which is how truth is counted, and as bytes, which is how it travels. */
export interface Address {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** The hosts that talk. */
export interface AddressBook {
  /** Two hosts of IPv4; some talk much more than others. */
  ipv4(): Address;
  ipv6(): Address;
}

/** Addresses as sensors see them: private, documentation and link-local ones, and some that compress oddly in IPv6. */
export function createAddressBook(random: Random): AddressBook {
  const ipv4: Address[] = [];
  for (let i = 0; i < 120; i++) {
    ipv4.push(ipv4Address([10, random.between(0, 4), random.between(0, 8), random.between(1, 255)]));
  }
  for (let i = 1; i <= 20; i++) ipv4.push(ipv4Address([192, 168, 1, i]));
  ipv4.push(ipv4Address([172, 16, 5, 9]), ipv4Address([198, 51, 100, 7]), ipv4Address([203, 0, 113, 250]));

  const ipv6: Address[] = [];
  for (let i = 0; i < 40; i++) {
    ipv6.push(ipv6Address([0x2001, 0xdb8, random.between(0, 16), 0, 0, 0, 0, random.between(1, 4096)]));
  }
  ipv6.push(ipv6Address([0xfe80, 0, 0, 0, 0, 0, 0, 1]), ipv6Address([0xfd00, 0xaaaa, 0, 0, 0, 0, 0, 0x42]));
  ipv6.push(ipv6Address([0xabcd, 0, 0, 0, 0, 0, 0, 1]), ipv6Address([0, 0, 0, 1, 0, 0, 0, 5]));

  // The square makes the first ones far more frequent: a few busy hosts and a long tail.
  const busy = (from: readonly Address[]): Address =>
    from[Math.floor(random.fraction() ** 2 * from.length)] as Address; // the index is in range
  return { ipv4: () => busy(ipv4), ipv6: () => random.pick(ipv6) };
}

function ipv4Address(octets: readonly number[]): Address {
  return { text: octets.join("."), bytes: Uint8Array.from(octets) };
}

/** Text without `::`, which every parser reads and nobody compresses differently. */
function ipv6Address(groups: readonly number[]): Address {
  return {
    text: groups.map((group) => group.toString(16)).join(":"),
    bytes: Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff])),
  };
}
