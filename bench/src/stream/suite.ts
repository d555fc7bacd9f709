import { certificates, type Tls } from "../certificates.js";
import { inTurn } from "../in-turn.js";
import type { BenchOptions } from "../main.js";
import { Peer, type Usage } from "../peer.js";
import { printResults } from "../print-results.js";
import { median } from "../statistics.js";

/**
 * The servers of stenogrpc and of connect-node run the same handler over the same source; all others send ready pieces. An embedded one
 * is a service on node:http2, and a stock one of connect-node compresses for whoever takes it.
 */
export type ServerKind =
  | "raw TLS"
  | "raw HTTP/2"
  | "stenogrpc"
  | "stenogrpc, embedded"
  | "connect-node"
  | "connect-node, stock"
  | "grpc-js"
  | "grpcio";
export type ClientKind =
  | "raw TLS"
  | "raw HTTP/2"
  | "stenogrpc"
  | "stenogrpc, for await"
  | "connect-node"
  | "grpc-js"
  | "grpcio";

export interface ServerOptions {
  readonly kind: ServerKind;
  readonly tls: Tls;
  /** Bytes of each answer. */
  readonly answerBytes: number;
  /** Bytes of an answer before all others; 0: there is none. */
  readonly warmUpBytes: number;
  readonly chunkBytes: number;
  readonly digest: boolean;
}
export interface ClientOptions {
  readonly kind: ClientKind;
  readonly port: number;
  readonly tls: Tls;
  readonly chunkBytes: number;
  /** Answers at once. */
  readonly streams: number;
  /** Whether to fetch one before. */
  readonly warmUp: boolean;
  readonly digest: boolean;
  /** How fast each answer is read. Undefined: as fast as it comes. */
  readonly bytesPerSecond?: number;
}

/** Who talks to whom; with `digest` false both count, but do not compute, SHA-256. */
export interface Pair {
  readonly server: ServerKind;
  readonly client: ClientKind;
  readonly digest: boolean;
}
/** One run, as the client saw it. */
export interface Measured extends Usage {
  readonly bytes: number;
  readonly ms: number;
  /** Until the first byte of the first answer, connecting included. */
  readonly firstMs: number;
  /** The answer before, in processes that were new. */
  readonly warmUpBytes: number;
  readonly warmUpMs: number;
}
type Run = Measured & { readonly server: Usage };

const KiB = 1024;
const MiB = 1024 * KiB;

const pairs: readonly Pair[] = [
  { server: "raw TLS", client: "raw TLS", digest: true },
  { server: "raw HTTP/2", client: "raw HTTP/2", digest: true },
  { server: "stenogrpc", client: "stenogrpc", digest: true },
  { server: "stenogrpc", client: "stenogrpc", digest: false },
  { server: "stenogrpc", client: "stenogrpc, for await", digest: true },
  { server: "stenogrpc, embedded", client: "stenogrpc", digest: true },
  { server: "connect-node", client: "stenogrpc", digest: true },
  { server: "stenogrpc", client: "connect-node", digest: true },
  { server: "connect-node", client: "connect-node", digest: true },
  { server: "connect-node, stock", client: "connect-node", digest: true },
  { server: "grpc-js", client: "grpc-js", digest: true },
  { server: "stenogrpc", client: "grpc-js", digest: true },
  { server: "connect-node", client: "grpc-js", digest: true },
  { server: "connect-node, stock", client: "grpc-js", digest: true },
  { server: "grpcio", client: "grpcio", digest: true },
  { server: "stenogrpc", client: "grpcio", digest: true },
  { server: "connect-node", client: "grpcio", digest: true },
  { server: "connect-node, stock", client: "grpcio", digest: true },
];
/** Those that take seconds for gigabytes. */
const fastPairs = pairs.slice(0, 4);
/** So many times less is sent by a server that compresses: it takes a second for tens of MiB. */
const stockShare = 16;
/** The same for small messages, unless both sides are raw or both are ours: it takes seconds for 100 MiB. */
const slowShare = 4;
/**
 * And so many times less is sent before, which is not measured: servers and playbooks run for long, and while Node compiles what runs
 * often, the first answer of new processes takes up to a third more processor time.
 */
const warmUpShare = 4;

function shareOf({ server, client }: Pair, totalBytes: number, chunkBytes: number): number {
  const isFast = client.startsWith("stenogrpc") ? server.startsWith("stenogrpc") : client.startsWith("raw");
  const slow = chunkBytes === KiB && !isFast ? slowShare : 1;
  return totalBytes / slow / (server === "connect-node, stock" ? stockShare : 1);
}

/**
 * One answer over mutual TLS on loopback, in messages of four sizes; server and client in processes of their own, all pairs in turn.
 *
 * The packets come from memory; decoding, the exact window, the digest and the cut into messages are part of it, on our
 * client also the check of every record and the digest. Raw TLS and raw HTTP/2 do nothing but send and count.
 */
export async function benchStream(options: BenchOptions): Promise<void> {
  const sizes = options.quick ? [256 * KiB] : [KiB, 64 * KiB, 256 * KiB, MiB];
  for (const chunkBytes of sizes) await comparePairs("stream", options, { chunkBytes });
}

/** One answer of 12 GiB, behind one of 3 GiB that does not count: next to nothing is left for Node to compile. */
export async function benchLongStream(options: BenchOptions): Promise<void> {
  const totalBytes = options.quick ? 32 * MiB : 12 * 1024 * MiB;
  await comparePairs("long-stream", options, { chunkBytes: 256 * KiB, totalBytes, among: fastPairs });
}

/** The same with 1, 8 and 64 answers at once, on one connection where the client can. */
export async function benchStreams(options: BenchOptions): Promise<void> {
  const streams = options.quick ? [8] : [1, 8, 64];
  // Who talks to whom has been shown by benchStream.
  const among = options.quick ? pairs.filter(({ server, client }) => server === client) : pairs;
  for (const count of streams)
    await comparePairs("streams", options, { chunkBytes: 64 * KiB, streams: count, among });
}

/** Who holds what for readers that are slow. */
const slowPairs: readonly Pair[] = [
  { server: "stenogrpc", client: "stenogrpc", digest: true },
  { server: "stenogrpc", client: "stenogrpc, for await", digest: true },
  { server: "stenogrpc", client: "grpc-js", digest: true },
  { server: "grpc-js", client: "grpc-js", digest: true },
];

/** The memory of both sides while 1 and 64 answers at once are read slower than they come: the most of all runs. */
export async function benchSlowReaders({ quick, json }: BenchOptions): Promise<void> {
  const runs = quick ? 1 : 5;
  const totalBytes = (quick ? 32 : 256) * MiB;
  const bytesPerSecond = 64 * MiB; // of all together
  const chunkBytes = 256 * KiB;
  const tls = await certificates();
  for (const streams of quick ? [8] : [1, 64]) {
    const reading = { streams, warmUp: false, bytesPerSecond: bytesPerSecond / streams };
    const sending = { answerBytes: totalBytes / streams, warmUpBytes: 0 };
    const results = await inTurn(slowPairs, runs, ({ server, client, digest }) =>
      runPair(
        { kind: server, tls: tls.server, chunkBytes, digest, ...sending },
        { kind: client, tls: tls.client, chunkBytes, digest, ...reading },
      ),
    );
    const rows = results.map(({ pair: { server, client }, runs: all }) => ({
      server,
      client,
      "MiB/s": Math.round(median(all.map(rateOf))),
      "server grows MiB, at most": Math.round(Math.max(...all.map((run) => run.server.grownMiB))),
      "client grows MiB, at most": Math.round(Math.max(...all.map((run) => run.grownMiB))),
    }));
    const what = `${totalBytes / MiB} MiB in messages of ${chunkBytes / KiB} KiB, ${streams} at once, read at ${bytesPerSecond / MiB} MiB/s in all`;
    printResults(
      { suite: "slow-readers", what, runs, sizes: { totalBytes, chunkBytes, streams }, rows },
      json,
    );
  }
}

interface Comparison {
  readonly chunkBytes: number;
  /** Answers at once; 1 if not given. */
  readonly streams?: number;
  /** In all answers together. */
  readonly totalBytes?: number;
  readonly among?: readonly Pair[];
}

function usualBytes(chunkBytes: number, quick: boolean): number {
  if (quick) return 16 * MiB;
  return chunkBytes === KiB ? 512 * MiB : 1024 * MiB;
}

async function comparePairs(
  suite: string,
  { quick, json }: BenchOptions,
  { chunkBytes, streams = 1, totalBytes = usualBytes(chunkBytes, quick), among = pairs }: Comparison,
): Promise<void> {
  const runs = quick ? 1 : 5;
  const tls = await certificates();
  const results = await inTurn(among, runs, async (pair) => {
    const { server, client, digest } = pair;
    const share = shareOf(pair, totalBytes, chunkBytes);
    const answerBytes = Math.ceil(share / streams);
    const measured = await runPair(
      { kind: server, tls: tls.server, answerBytes, warmUpBytes: share / warmUpShare, chunkBytes, digest },
      { kind: client, tls: tls.client, chunkBytes, streams, warmUp: true, digest },
    );
    if (measured.bytes < share) throw new Error(`${client} got ${measured.bytes} of ${share} bytes`);
    return measured;
  });
  const rates = new Map(results.map(({ pair, runs }) => [pair, runs.map(rateOf)]));
  const rawRate = median(rates.get(pairs[1] as Pair) ?? []); // raw HTTP/2, which takes part in all
  const rows = results.map(({ pair, runs }) => {
    const rate = rates.get(pair) ?? [];
    const perGiB = (cpu: (run: Run) => number) =>
      median(runs.map((r) => cpu(r) / (r.bytes / MiB / 1024))).toFixed(2);
    return {
      server: pair.server,
      client: pair.digest ? pair.client : `${pair.client}, no SHA-256`,
      "MiB/s": Math.round(median(rate)),
      "min-max": `${Math.round(Math.min(...rate))}-${Math.round(Math.max(...rate))}`,
      "to raw HTTP/2": (median(rate) / rawRate).toFixed(2),
      "server CPU s/GiB": perGiB((r) => r.server.cpuSeconds),
      "client CPU s/GiB": perGiB((r) => r.cpuSeconds),
      "server grows MiB": Math.round(median(runs.map((r) => r.server.grownMiB))),
      "client grows MiB": Math.round(median(runs.map((r) => r.grownMiB))),
      "MiB/s before": Math.round(median(runs.map((r) => r.warmUpBytes / MiB / (r.warmUpMs / 1000)))),
      "first byte ms": Math.round(median(runs.map((r) => r.firstMs))),
    };
  });
  const what = `${totalBytes / MiB} MiB in messages of ${chunkBytes / KiB} KiB, ${streams} at once`;
  printResults({ suite, what, runs, sizes: { totalBytes, chunkBytes, streams }, rows }, json);
}

/**
 * One run of a server and a client that are made for it.
 *
 * @param between starts what lies between them, given the server's port; it prints {port}, too
 */
export async function runPair(
  server: ServerOptions,
  client: Omit<ClientOptions, "port">,
  between?: (port: number) => Peer,
): Promise<Run> {
  const program = server.kind === "grpcio" ? "./grpcio-server.py" : "./server.ts";
  const serving = new Peer(new URL(program, import.meta.url), server);
  const { port: target } = await serving.next<{ port: number }>();
  const network = between?.(target);
  const { port } = (await network?.next<{ port: number }>()) ?? { port: target };
  const script = client.kind === "grpcio" ? "./grpcio-client.py" : "./client.ts";
  const asking = new Peer(new URL(script, import.meta.url), { ...client, port });
  const measured = await asking.next<Measured>();
  await network?.stop<object>();
  return { ...measured, server: await serving.stop<Usage>() };
}

function rateOf({ bytes, ms }: Measured): number {
  return bytes / MiB / (ms / 1000);
}
