import { certificates, type Tls } from "../certificates.js";
import type { BenchOptions } from "../main.js";
import { Peer, type Usage } from "../peer.js";
import { printResults } from "../print-results.js";
import { median } from "../statistics.js";

export interface ServerOptions {
  readonly kind: "stenogrpc" | "connect-node" | "raw TLS";
  readonly totalBytes: number;
  readonly tls: Tls;
}
export interface ClientOptions {
  readonly kind: "stenogrpc" | "connect-node" | "grpc-js" | "raw TLS";
  readonly port: number;
  readonly tls: Tls;
  readonly chunkBytes: number;
}
interface Measured extends Usage {
  readonly bytes: number;
  readonly ms: number;
  readonly firstMs: number;
}

const MiB = 1024 * 1024;
/** Who talks to whom. The servers of stenogrpc and of connect-node run the same handler. */
const pairs: readonly (readonly [server: ServerOptions["kind"], client: ClientOptions["kind"]])[] = [
  ["raw TLS", "raw TLS"],
  ["stenogrpc", "stenogrpc"],
  ["connect-node", "stenogrpc"],
  ["stenogrpc", "connect-node"],
  ["connect-node", "connect-node"],
  ["stenogrpc", "grpc-js"],
  ["connect-node", "grpc-js"],
];

/**
 * One stream over mutual TLS on loopback, server and client in processes of their own, all pairs in turn.
 *
 * The packets come from memory; decoding, the exact window, the digest and the cut into messages are part of it, on our
 * client also the check of every record and the digest. Raw TLS does nothing but send.
 */
export async function benchStream({ quick, json }: BenchOptions): Promise<void> {
  const totalBytes = (quick ? 16 : 512) * MiB;
  const runs = quick ? 1 : 5;
  const chunkBytes = 256 * 1024;
  const { server, client } = await certificates();
  const results = pairs.map(([serves, asks]) => ({
    serves,
    asks,
    runs: [] as (Measured & { server: Usage })[],
  }));
  for (let run = 0; run < runs; run++) {
    for (const result of results) {
      const serving = new Peer(new URL("./server.ts", import.meta.url), {
        kind: result.serves,
        totalBytes,
        tls: server,
      });
      const { port } = await serving.next<{ port: number }>();
      const asking = new Peer(new URL("./client.ts", import.meta.url), {
        kind: result.asks,
        port,
        tls: client,
        chunkBytes,
      });
      const measured = await asking.next<Measured>();
      if (measured.bytes < totalBytes)
        throw new Error(`${result.asks} got ${measured.bytes} of ${totalBytes} bytes`);
      result.runs.push({ ...measured, server: await serving.stop<Usage>() });
    }
  }
  const rows = results.map(({ serves, asks, runs: all }) => {
    const rate = all.map(({ bytes, ms }) => bytes / MiB / (ms / 1000));
    const perGiB = (cpu: (run: (typeof all)[number]) => number) =>
      median(all.map((r) => cpu(r) / (r.bytes / MiB / 1024)));
    return {
      server: serves,
      client: asks,
      "MiB/s": round(median(rate)),
      "min-max": `${round(Math.min(...rate))}-${round(Math.max(...rate))}`,
      "server CPU s/GiB": perGiB((r) => r.server.cpuSeconds).toFixed(2),
      "client CPU s/GiB": perGiB((r) => r.cpuSeconds).toFixed(2),
      "server peak MiB": round(median(all.map((r) => r.server.peakMiB))),
      "client peak MiB": round(median(all.map((r) => r.peakMiB))),
      "first byte ms": round(median(all.map((r) => r.firstMs))),
    };
  });
  const what = `${totalBytes / MiB} MiB in ${chunkBytes / 1024} KiB messages`;
  printResults({ suite: "stream", what, runs, sizes: { totalBytes, chunkBytes }, rows }, json);
}

function round(value: number): number {
  return Math.round(value);
}
