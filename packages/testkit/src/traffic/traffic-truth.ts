/**
 * What was generated, counted while it was generated and not by reading it again.
 *
 * The maps count packets by what a filter can name, as `host A`, `port N`, `ip proto N`, `vlan N` and `mpls N` mean it:
 * a packet counts once for a number, whichever side has it; behind VLAN tags and MPLS labels; a later fragment has no
 * port, and protocol 44 on IPv6; SCTP has no port; ARP has no address.
 */
export interface TrafficTruth {
  packets: number;
  /** Bytes of the frames alone. */
  frameBytes: number;
  /** Bytes of the pcap file. */
  pcapBytes: number;
  /** Time of the first and the last packet, in nanoseconds since the epoch. Times never go back. */
  firstNs: bigint;
  lastNs: bigint;
  readonly hosts: Map<string, number>;
  readonly ports: Map<number, number>;
  readonly protocols: Map<number, number>;
  readonly vlans: Map<number, number>;
  readonly labels: Map<number, number>;
  /** Packets by what they are: "ipv4", "ipv6", "arp", "other". */
  readonly kinds: Map<string, number>;
}

export function createTruth(): TrafficTruth {
  return {
    packets: 0,
    frameBytes: 0,
    pcapBytes: 24,
    firstNs: 0n,
    lastNs: 0n,
    hosts: new Map(),
    ports: new Map(),
    protocols: new Map(),
    vlans: new Map(),
    labels: new Map(),
    kinds: new Map(),
  };
}

/** Counts one packet for a key. */
export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
