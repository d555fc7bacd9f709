import type { TimeWindow } from "@stenogrpc/pcap";

/** A filter in Stenographer's language and a window. */
export interface GeneratedQuery {
  readonly filter: string;
  readonly window: TimeWindow;
}

/** Queries that are the same in every run for the same seed: narrow ones mostly, some of them for nothing. */
export function* generatedQueries(
  seed: number,
  capture: { readonly startNs: bigint; readonly seconds: number },
): Generator<GeneratedQuery, never> {
  let state = seed;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T; // the index is in range
  const rare = [
    () => `host 10.${below(4)}.${below(8)}.${1 + below(254)}`,
    () => `host 192.168.1.${1 + below(20)}`,
    () => `net 10.${below(4)}.${below(8)}.0/${20 + below(9)}`,
    () => `port ${pick([514, 8080, 5060, 161, 445, 1900, 40_000 + below(2000)])}`,
    () => `ip proto ${pick([47, 132, 44, 58])}`,
    () => `vlan ${pick([10, 20, 100, 200, 7])}`,
    () => `mpls ${pick([16, 100, 200, 1000])}`,
    () => `net 2001:db8:${below(16).toString(16)}::/48`,
  ];
  const frequent = [
    () => pick(["tcp", "udp", "icmp", "ip proto 6", "ip proto 17"]),
    () => `port ${pick([80, 443, 53, 22])}`,
    () => `net 10.${below(4)}.0.0/16`,
    () => "net 2001:db8::/32",
  ];
  const conjunction = (): string =>
    Array.from({ length: 1 + below(3) }, () => pick(below(3) > 0 ? rare : frequent)()).reduce(
      (left, right) => `(${left} and ${right})`,
    );
  for (;;) {
    const terms = Array.from({ length: 1 + below(3) }, () => (below(4) === 0 ? conjunction() : pick(rare)()));
    // One in twenty is for much.
    const filter =
      below(20) === 0 ? pick(frequent)() : terms.reduce((left, right) => `(${left} or ${right})`);
    const startNs = capture.startNs + BigInt(below(capture.seconds * 1000)) * 1_000_000n;
    const lengthNs = BigInt(1 + below(below(10) === 0 ? 900_000 : 60_000)) * 1_000_000n;
    yield { filter, window: { startNs, endNs: startNs + lengthNs } };
  }
}
