import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianProgram, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { agreeWithTcpdump } from "../agree-with-tcpdump.js";
import type { BenchOptions } from "../main.js";
import { printResults } from "../print-results.js";
import { median, spread } from "../statistics.js";
import { type Timed, timed } from "../timed.js";

/** What of the server's chain runs, besides decoding, the window, limits, counting and cutting into messages. */
interface Stages {
  readonly filter?: string;
  readonly digested: boolean;
}

const filter = "net 10.0.0.0/8 and tcp port 443";
const chains: readonly (readonly [name: string, Stages])[] = [
  ["window and limits", { digested: false }],
  ["with SHA-256", { digested: true }],
  ["with a filter", { filter, digested: false }],
  ["with a filter and SHA-256", { filter, digested: true }],
];

const ours = new URL("./ours.mjs", import.meta.url).pathname;

/**
 * The server's chain of stages over a file of mixed packets in the page cache, next to `tcpdump -r FILE -w /dev/null FILTER`: both as
 * whole processes and in turn; and the chain alone, from memory, when it is compiled.
 */
export async function benchPipeline({ quick, json }: BenchOptions): Promise<void> {
  const packets = quick ? 20_000 : 1_000_000;
  const runs = quick ? 1 : 5;
  const rounds = quick ? 2 : 8;
  const folder = mkdtempSync(join(tmpdir(), "bench-pipeline-"));
  try {
    const file = join(folder, "mixed.pcap");
    const { pcapBytes } = await writeSyntheticTraffic(file, { packets, seed: 1, maxPayload: 600 });
    const results = chains.map(([name, stages]) => ({
      name,
      stages,
      tcpdump: [] as Timed[],
      ours: [] as Timed[],
      steadySeconds: [] as number[],
    }));
    for (let run = 0; run < runs; run++) {
      for (const { stages, ...result } of results) {
        const asked = stages.filter === undefined ? [] : [stages.filter];
        result.tcpdump.push(timed(debianProgram("tcpdump"), ["-r", file, "-w", "/dev/null", ...asked]));
        result.ours.push(timed(process.execPath, [ours, file, JSON.stringify(stages)]));
        const { stdout } = timed(process.execPath, [ours, file, JSON.stringify(stages), String(rounds)]);
        const steady = JSON.parse(stdout) as {
          readonly packets: number;
          readonly timesMs: readonly number[];
        }; // it prints it
        if (run === 0) agreeWithTcpdump(file, stages.filter, steady.packets);
        result.steadySeconds.push(median(steady.timesMs.slice(rounds / 2)) / 1000);
      }
    }
    const millions = (seconds: number) => packets / seconds / 1e6;
    const rows = results.map((result) => {
      const rates = (all: readonly Timed[]) => all.map(({ seconds }) => millions(seconds));
      const steady = median(result.steadySeconds);
      return {
        chain: result.name,
        "tcpdump Mpkt/s": median(rates(result.tcpdump)).toFixed(2),
        "tcpdump min-max": spread(rates(result.tcpdump)),
        "ours Mpkt/s": median(rates(result.ours)).toFixed(2),
        "ours min-max": spread(rates(result.ours)),
        "tcpdump CPU s": median(result.tcpdump.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
        "ours CPU s": median(result.ours.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
        "chain alone Mpkt/s": millions(steady).toFixed(2),
        "its min-max": spread(result.steadySeconds.map(millions)),
        "chain alone MB/s": Math.round(pcapBytes / steady / 1e6),
      };
    });
    const what = `${packets} packets, ${Math.round(pcapBytes / 2 ** 20)} MiB in the page cache`;
    printResults({ suite: "pipeline", what, runs, sizes: { packets, pcapBytes }, rows }, json);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
