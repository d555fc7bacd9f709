import type { TrafficTruth } from "@stenogrpc/testkit";

/** What every way is asked for. */
export interface BenchQuery {
  readonly name: string;
  /** Undefined: every packet of the window. */
  readonly filter: string | undefined;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Whether it is for the index, and so counts for the goal. */
  readonly byIndex: boolean;
}

/** The queries of the suite, for traffic that is known. */
export function benchQueries(truth: TrafficTruth): BenchQuery[] {
  const whole = { fromNs: truth.firstNs, toNs: truth.lastNs + 1n, byIndex: true };
  const terms = new Map<string, number>();
  for (const [port, count] of truth.ports) terms.set(`port ${port}`, count);
  for (const [host, count] of truth.hosts) terms.set(`host ${host}`, count);
  for (const [number, count] of truth.protocols) terms.set(`ip proto ${number}`, count);
  const nearest = (share: number): string => {
    const distance = ([, count]: [string, number]) => Math.abs(Math.log(count / truth.packets / share));
    const [best] = [...terms].sort((a, b) => distance(a) - distance(b));
    return best?.[0] ?? "tcp";
  };
  const hosts = [...truth.hosts.keys()].filter((host) => !host.includes(":")).slice(0, 100);
  const lengthNs = truth.lastNs - truth.firstNs;
  return [
    { name: "a host that is nowhere", filter: "host 192.0.2.1", ...whole },
    { name: "1 %", filter: nearest(0.01), ...whole },
    { name: "10 %", filter: nearest(0.1), ...whole },
    { name: "50 %", filter: nearest(0.5), ...whole },
    {
      name: "all in the index",
      filter: [...truth.protocols.keys()].map((number) => `ip proto ${number}`).join(" or "),
      ...whole,
    },
    { name: "a net", filter: "net 10.1.0.0/16", ...whole },
    { name: `${hosts.length} hosts`, filter: hosts.map((host) => `host ${host}`).join(" or "), ...whole },
    { name: "all, by time", filter: undefined, ...whole, byIndex: false },
    {
      name: "a tenth, by time",
      filter: undefined,
      fromNs: truth.firstNs + (lengthNs * 4n) / 10n,
      toNs: truth.firstNs + lengthNs / 2n,
      byIndex: false,
    },
  ];
}
