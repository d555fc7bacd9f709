import { certificates } from "../certificates.js";
import type { DelayOptions } from "../delaying-proxy.js";
import { inTurn } from "../in-turn.js";
import type { BenchOptions } from "../main.js";
import { Peer } from "../peer.js";
import { printResults } from "../print-results.js";
import { median } from "../statistics.js";
import { type ClientKind, type Measured, runPair, type ServerKind } from "../stream/suite.js";

const MiB = 1024 * 1024;
const chunkBytes = 256 * 1024;

const pairs: readonly (readonly [server: ServerKind, client: ClientKind])[] = [
  ["raw TLS", "raw TLS"],
  ["raw HTTP/2", "raw HTTP/2"],
  ["stenogrpc", "stenogrpc"],
  ["connect-node", "connect-node"],
  ["stenogrpc", "grpc-js"],
  ["stenogrpc", "grpcio"],
];

/** A link without a bound shows what the machine does; one with a bound what a site far away gets. */
const links: readonly Omit<DelayOptions, "target">[] = [
  { delayMs: 5 },
  { delayMs: 25 },
  { delayMs: 5, megabitsPerSecond: 1000 },
  { delayMs: 25, megabitsPerSecond: 1000 },
];

/**
 * One answer through a proxy that holds every byte back for a while, on loopback: what a client far away gets.
 *
 * The size of an answer goes with what the stock windows let through, so that no run takes minutes.
 */
export async function benchRtt({ quick, json }: BenchOptions): Promise<void> {
  const runs = quick ? 1 : 5;
  const tls = await certificates();
  for (const link of quick ? links.slice(0, 1) : links) {
    const results = await inTurn(pairs, runs, ([server, client]) => {
      const stock = client === "connect-node" || client === "grpc-js";
      const answerBytes = (quick ? 1 : stock ? 4 : 256) * MiB;
      return runPair(
        { kind: server, tls: tls.server, answerBytes, warmUpBytes: 0, chunkBytes, digest: true },
        { kind: client, tls: tls.client, chunkBytes, streams: 1, warmUp: false, digest: true },
        (target) => new Peer(new URL("../delaying-proxy.ts", import.meta.url), { target, ...link }),
      );
    });
    const rate = (all: readonly Measured[]) =>
      all.map(({ bytes, ms, firstMs }) => bytes / MiB / ((ms - firstMs) / 1000));
    const raw = median(rate(results[0]?.runs ?? []));
    const rows = results.map(({ pair: [server, client], runs: all }) => {
      const rates = rate(all);
      return {
        server,
        client,
        "MiB/s": median(rates).toFixed(1),
        "min-max": `${Math.min(...rates).toFixed(1)}-${Math.max(...rates).toFixed(1)}`,
        "to raw TLS": (median(rates) / raw).toFixed(2),
        "first byte ms": Math.round(median(all.map(({ firstMs }) => firstMs))),
        "client grows MiB": Math.round(median(all.map(({ grownMiB }) => grownMiB))),
      };
    });
    const { delayMs, megabitsPerSecond } = link;
    const width = megabitsPerSecond === undefined ? "no bound" : `${megabitsPerSecond} Mbit/s`;
    const what = `one answer over ${delayMs * 2} ms there and back, ${width}, MiB/s from the first byte on`;
    printResults({ suite: "rtt", what, runs, sizes: { ...link, chunkBytes }, rows }, json);
  }
}
