import { certificates, type Tls } from "../certificates.js";
import type { BenchOptions } from "../main.js";
import { Peer } from "../peer.js";
import { printResults } from "../print-results.js";
import { median, percentile } from "../statistics.js";

export interface ClientOptions {
  readonly port: number;
  readonly tls: Tls;
  readonly warmCalls: number;
  readonly coldCalls: number;
}
/** Milliseconds of each call, by what was called. */
export type Latencies = Readonly<Record<string, readonly number[]>>;

/**
 * Small answers: how long ten packets take on a connection that is there and on a new one, next to an RPC that has nothing to do.
 *
 * Our server over packets in memory, our client; and connect-node's stock client, whose FetchPcap verifies nothing. All calls in
 * turn, in one process.
 */
export async function benchLatency({ quick, json }: BenchOptions): Promise<void> {
  const [runs, warmCalls, coldCalls] = quick ? [1, 20, 3] : [5, 400, 40];
  const tls = await certificates();
  const all: Latencies[] = [];
  for (let run = 0; run < runs; run++) {
    const serving = new Peer(new URL("../stream/server.ts", import.meta.url), {
      kind: "stenogrpc",
      tls: tls.server,
      answerBytes: 10 * 1016,
      warmUpBytes: 0,
      chunkBytes: 65_536,
      digest: true,
    });
    const { port } = await serving.next<{ port: number }>();
    const asking = new Peer(new URL("./client.ts", import.meta.url), {
      port,
      tls: tls.client,
      warmCalls,
      coldCalls,
    } satisfies ClientOptions);
    all.push(await asking.next<Latencies>());
    await serving.stop<object>();
  }
  const rows = Object.keys(all[0] ?? {}).map((call) => {
    const each = (share: number) => all.map((latencies) => percentile(latencies[call] ?? [], share));
    const middle = each(0.5);
    return {
      call,
      "p50 ms": median(middle).toFixed(2),
      "p50 min-max": `${Math.min(...middle).toFixed(2)}-${Math.max(...middle).toFixed(2)}`,
      "p99 ms": median(each(0.99)).toFixed(2),
    };
  });
  const what = `${warmCalls} calls each on a warm connection, ${coldCalls} on new ones`;
  printResults({ suite: "latency", what, runs, sizes: { warmCalls, coldCalls, packets: 10 }, rows }, json);
}
