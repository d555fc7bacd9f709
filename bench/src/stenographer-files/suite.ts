import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseFilter, stenographerQuery } from "@stenogrpc/query";
import {
  debianProgram,
  type RunningStenographer,
  startStenographer,
  systemEnvironment,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { builtScript } from "../built-script.js";
import { certificates, type Tls } from "../certificates.js";
import type { BenchOptions } from "../main.js";
import { Peer } from "../peer.js";
import { printResults } from "../print-results.js";
import { mean, median } from "../statistics.js";
import { cpuSecondsOf, cpuSecondsOfTree } from "./cpu-time.js";
import { type BenchQuery, benchQueries } from "./queries.js";

export interface ServerOptions {
  readonly kind: "files" | "https" | "stenoread" | "directory";
  readonly config: string;
  /** Of the directory source: the same packets as one capture. */
  readonly folder: string;
  readonly tls: Tls;
}
export interface ClientOptions {
  readonly kind: "ours" | "native";
  readonly port: number;
  readonly tls: Tls;
  readonly fromNs: string;
  readonly toNs: string;
  readonly filter?: string | undefined;
  /** The query as the daemon is asked. */
  readonly text: string;
}

/** One answer. */
interface Measured {
  readonly bytes: number;
  /** Undefined: not counted. */
  readonly packets?: number;
  readonly ms: number;
  readonly clientCpuSeconds: number;
}
/** One answer, and what the processes behind it took. */
interface Run extends Measured {
  readonly serverCpuSeconds: number;
  readonly daemonCpuSeconds: number;
}
/** A way to ask. */
interface Way {
  readonly name: string;
  /** Our server in front. */
  readonly server?: number;
  ask(query: Asked): Promise<Measured>;
}
interface Asked extends BenchQuery {
  /** The query as the daemon is asked. */
  readonly daemonText: string;
}

const MiB = 1024 * 1024;
const fileHeaderBytes = 24;
const packetsPerSecond = 1000;

/**
 * The same queries over the same packets: our server over each of its sources, and the daemon itself by curl, stenoread and its
 * native gRPC, all in turn, page cache warm. The processor time is that of every process with its children. Queries of few packets
 * once more where the packets lie in many files.
 */
export async function benchStenographerFiles({ quick, json }: BenchOptions): Promise<void> {
  const packets = quick ? 20_000 : 600_000;
  const runs = quick ? 1 : 5;
  // Servers run for long, and Node compiles what runs often.
  const warmUps = quick ? 0 : 10;
  const folder = mkdtempSync(join(tmpdir(), "bench-files-"));
  const pcap = join(folder, "in.pcap");
  try {
    const truth = await writeSyntheticTraffic(pcap, { packets, packetsPerSecond });
    const queries = benchQueries(truth).filter((_, i) => !quick || i % 3 === 0);
    const files = Math.ceil(packets / packetsPerSecond);
    const few = queries.slice(0, 2).map((query) => ({ ...query, name: `${query.name}, in ${files} files` }));
    const results = [
      ...(await benchStore({ folder, pcap, secondsPerFile: 60, queries, runs, warmUps })),
      ...(await benchStore({ folder, pcap, secondsPerFile: 1, queries: few, runs, warmUps })),
    ];
    report(results, { json, packets, runs, pcapBytes: truth.pcapBytes });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Store {
  /** Folder with one capture, which is `pcap`. */
  readonly folder: string;
  readonly pcap: string;
  readonly secondsPerFile: number;
  readonly queries: readonly BenchQuery[];
  readonly runs: number;
  /** How often servers that read files themselves answer every query first. */
  readonly warmUps: number;
}

async function benchStore({
  folder,
  pcap,
  secondsPerFile,
  queries,
  runs,
  warmUps,
}: Store): Promise<Result[]> {
  const asked = queries.map((query) => ({ ...query, daemonText: daemonText(query, secondsPerFile) }));
  const daemon = await startStenographer({ pcap, mode: "files", secondsPerFile, nativeGrpc: true });
  const servers: Peer[] = [];
  const [asking, askingNatively] = [startClient(), startClient()];
  try {
    const { server, client } = await certificates();
    const starting = (["files", "https", "stenoread", "directory"] as const).map(async (kind) => {
      const peer = new Peer(new URL("./server.ts", import.meta.url), {
        kind,
        config: daemon.configPath,
        folder,
        tls: server,
      });
      servers.push(peer);
      return peer.next<{ port: number; pid: number }>();
    });
    const [files, https, stenoread, directory] = await Promise.all(starting);
    if (files === undefined || https === undefined || stenoread === undefined || directory === undefined)
      throw new Error("a server did not start");
    const reading = [
      ourWay(asking, "our server, files", files, client),
      ourWay(asking, "our server, directory", directory, client),
    ];
    for (let round = 0; round < warmUps; round++) {
      for (const query of asked) for (const way of reading) await way.ask(query);
    }
    const ways: Way[] = [
      ...reading,
      ourWay(asking, "our server, HTTPS", https, client),
      ourWay(asking, "our server, stenoread", stenoread, client),
      curlWay(daemon),
      stenoreadWay(daemon),
      nativeWay(askingNatively, daemon),
    ];
    const results = [];
    for (const query of asked) results.push(await measure(query, ways, runs, daemon));
    return results;
  } finally {
    asking.kill();
    askingNatively.kill();
    await Promise.all(servers.map((peer) => peer.stop<object>()));
    await daemon.stop();
  }
}

interface Result {
  readonly query: BenchQuery;
  readonly ways: readonly { readonly name: string; readonly runs: readonly Run[] }[];
}

/** The query in the daemon's language. */
function daemonText({ filter, fromNs, toNs }: BenchQuery, secondsPerFile: number): string {
  return stenographerQuery(
    filter === undefined ? undefined : parseFilter(filter),
    { startNs: fromNs, endNs: toNs },
    { fileAgeSeconds: secondsPerFile },
  );
}

/** All ways in turn, `runs` times; once before to warm everything up. */
async function measure(
  query: Asked,
  ways: readonly Way[],
  runs: number,
  daemon: RunningStenographer,
): Promise<Result> {
  const results = ways.map(({ name }) => ({ name, runs: [] as Run[] }));
  for (let run = 0; run <= runs; run++) {
    for (const [i, way] of ways.entries()) {
      const before = {
        daemon: cpuSecondsOfTree(daemon.pid),
        server: way.server ? cpuSecondsOf(way.server) : 0,
      };
      const measured = await way.ask(query);
      const done: Run = {
        ...measured,
        serverCpuSeconds: way.server ? cpuSecondsOf(way.server) - before.server : 0,
        daemonCpuSeconds: cpuSecondsOfTree(daemon.pid) - before.daemon,
      };
      if (run > 0) results[i]?.runs.push(done);
    }
  }
  compareAnswers(query.name, results);
  return { query, ways: results };
}

/** Our answers are the same, and the daemon's, which are not cut to the window, no smaller. */
function compareAnswers(query: string, ways: Result["ways"]): void {
  const all = ways.flatMap(({ runs }) => runs);
  const ours = all.filter(({ packets }) => packets !== undefined);
  const counts = new Set(ours.map(({ packets, bytes }) => `${packets} packets, ${bytes} bytes`));
  if (counts.size !== 1) throw new Error(`${query}: answers of ${[...counts].join(" and ")}`);
  const least = Math.min(...ours.map(({ bytes }) => bytes));
  // Of nothing, the native service sends nothing, not even a file's header.
  const short = all.find(({ bytes }) => bytes < least && least > fileHeaderBytes);
  if (short !== undefined) throw new Error(`${query}: ${short.bytes} bytes of the daemon, ${least} of ours`);
}

function ourWay(client: ChildProcess, name: string, server: { port: number; pid: number }, tls: Tls): Way {
  return {
    name,
    server: server.pid,
    ask: ({ fromNs, toNs, filter, daemonText }) =>
      askClient(client, {
        kind: "ours",
        port: server.port,
        tls,
        fromNs: `${fromNs}`,
        toNs: `${toNs}`,
        filter,
        text: daemonText,
      }),
  };
}

function nativeWay(client: ChildProcess, { nativeGrpcPort = 0, certs }: RunningStenographer): Way {
  const tls = { ca: certs.ca, cert: certs.cert, key: certs.key };
  return {
    name: "daemon, native gRPC",
    ask: ({ daemonText }) =>
      askClient(client, {
        kind: "native",
        port: nativeGrpcPort,
        tls,
        fromNs: "0",
        toNs: "0",
        text: daemonText,
      }),
  };
}

async function askClient(client: ChildProcess, options: ClientOptions): Promise<Measured> {
  const done = new AbortController();
  client.send(options);
  const ended = once(client, "exit", { signal: done.signal }).then(() => [undefined]);
  const [measured] = await Promise.race([once(client, "message", { signal: done.signal }), ended]);
  done.abort();
  ended.catch(() => {}); // it was not waited for to its end
  if (measured === undefined) throw new Error("the client ended");
  return measured as Measured; // client.ts sends it
}

/** It runs our packages as they are built, like every peer. */
function startClient(): ChildProcess {
  return fork(builtScript(new URL("./client.ts", import.meta.url)), { execArgv: [] });
}

function curlWay({ url, certs }: RunningStenographer): Way {
  const tls = ["--cacert", certs.ca, "--cert", certs.cert, "--key", certs.key];
  const args = [
    "--fail",
    "--silent",
    "--show-error",
    "--http1.1",
    ...tls,
    "--output",
    "/dev/null",
    "--write-out",
    "%{size_download}",
  ];
  return {
    name: "daemon, curl",
    ask: ({ daemonText }) =>
      askProgram(debianProgram("curl"), [...args, "--data-binary", daemonText, url], {}),
  };
}

function stenoreadWay({ configPath }: RunningStenographer): Way {
  const script = `"$1" "$2" -w - 2>/dev/null | wc -c`;
  return {
    name: "daemon, stenoread",
    ask: ({ daemonText }) =>
      askProgram("/bin/sh", ["-c", script, "sh", debianProgram("stenoread"), daemonText], {
        STENOGRAPHER_CONFIG: configPath,
      }),
  };
}

/** Runs a program that prints the number of bytes it got. */
async function askProgram(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Measured> {
  const before = cpuSecondsOf(process.pid) - ownCpuSeconds();
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: systemEnvironment(env) });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const ms = performance.now() - startedAt;
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  // Its children are in the time of those who waited for them.
  const clientCpuSeconds = cpuSecondsOf(process.pid) - ownCpuSeconds() - before;
  return { bytes: Number(printed), ms, clientCpuSeconds };
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function report(
  results: readonly Result[],
  { json, ...of }: { json: boolean; packets: number; runs: number; pcapBytes: number },
): void {
  const rows = results.flatMap(({ query, ways }) => {
    const middle = (way: string, value: (run: Run) => number) =>
      median((ways.find(({ name }) => name === way)?.runs ?? []).map(value));
    const curlMs = middle("daemon, curl", ({ ms }) => ms);
    return ways.map(({ name, runs }) => {
      const ms = middle(name, (run) => run.ms);
      const bytes = middle(name, (run) => run.bytes);
      return {
        query: query.name,
        way: name,
        "answer MiB": (bytes / MiB).toFixed(1),
        ms: Math.round(ms),
        "min-max": `${Math.round(Math.min(...runs.map((run) => run.ms)))}-${Math.round(Math.max(...runs.map((run) => run.ms)))}`,
        "MiB/s": Math.round(bytes / MiB / (ms / 1000)),
        "times curl": (curlMs / ms).toFixed(1),
        "server CPU s": mean(runs.map((run) => run.serverCpuSeconds)).toFixed(3),
        "daemon CPU s": mean(runs.map((run) => run.daemonCpuSeconds)).toFixed(3),
        "client CPU s": mean(runs.map((run) => run.clientCpuSeconds)).toFixed(3),
      };
    });
  });
  const what = `${of.packets} packets, ${Math.round(of.pcapBytes / MiB)} MiB`;
  const sizes = { packets: of.packets, pcapBytes: of.pcapBytes };
  printResults({ suite: "stenographer-files", what, runs: of.runs, sizes, rows }, json);
}
