import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianProgram, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { agreeWithTcpdump } from "../agree-with-tcpdump.js";
import type { BenchOptions } from "../main.js";
import { printResults } from "../print-results.js";
import { median, spread } from "../statistics.js";
import { type Timed, timed } from "../timed.js";

/** Filters as people write them, from one test to a hundred. */
const filters: readonly (readonly [name: string, filter: string])[] = [
  ["tcp", "tcp"],
  ["DNS", "udp port 53"],
  ["host", "host 192.168.1.7"],
  ["net and port", "net 10.0.0.0/8 and tcp port 443"],
  ["directed", "src net 10.1.0.0/16 and dst port 80"],
  ["flags", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0"],
  ["exclusion", "not (arp or icmp or port 22 or port 53)"],
  ["port range", "portrange 1-1023 and greater 100"],
  ["vlan", "vlan and ip and tcp"],
  ["100 hosts", Array.from({ length: 100 }, (_, i) => `host 192.168.1.${i + 1}`).join(" or ")],
];

interface Runs {
  readonly tcpdump: Timed[];
  readonly ours: Timed[];
  /** Seconds of each steady round. */
  readonly steady: number[];
  matched: number;
}

/**
 * tcpdump's filter language over a file of mixed packets in the page cache: `tcpdump -r FILE -w /dev/null FILTER` and Node doing the
 * same, both as whole processes and in turn; and decoding and matching alone, from memory, when it is compiled.
 */
export async function benchFilter({ quick, json }: BenchOptions): Promise<void> {
  const packets = quick ? 20_000 : 1_000_000;
  const runs = quick ? 1 : 5;
  const rounds = quick ? 2 : 8;
  const folder = mkdtempSync(join(tmpdir(), "bench-filter-"));
  try {
    const file = join(folder, "mixed.pcap");
    const { pcapBytes } = await writeSyntheticTraffic(file, { packets, seed: 1, maxPayload: 600 });
    const results = new Map<string, Runs>(
      filters.map(([name]) => [name, { tcpdump: [], ours: [], steady: [], matched: 0 }]),
    );
    for (let run = 0; run < runs; run++) {
      for (const [name, filter] of filters) {
        const result = results.get(name)!; // made from the same list
        result.tcpdump.push(timed(debianProgram("tcpdump"), ["-r", file, "-w", "/dev/null", filter]));
        result.ours.push(timed(process.execPath, [ours, file, filter]));
        const steady = JSON.parse(timed(process.execPath, [ours, file, filter, String(rounds)]).stdout) as {
          readonly matched: number;
          readonly timesMs: readonly number[];
        }; // the script prints it
        result.steady.push(median(steady.timesMs.slice(rounds / 2)) / 1000);
        if (run > 0) continue;
        agreeWithTcpdump(file, filter, steady.matched);
        result.matched = steady.matched;
      }
    }
    const rate = (seconds: number) => (packets / seconds / 1e6).toFixed(2);
    const rows = filters.map(([name]) => {
      const { tcpdump, ours: node, steady, matched } = results.get(name)!; // see above
      const seconds = (all: readonly Timed[]) => all.map((run) => run.seconds);
      return {
        filter: name,
        matched,
        "tcpdump Mpkt/s": rate(median(seconds(tcpdump))),
        "tcpdump min-max": spread(seconds(tcpdump).map((s) => packets / s / 1e6)),
        "ours Mpkt/s": rate(median(seconds(node))),
        "ours min-max": spread(seconds(node).map((s) => packets / s / 1e6)),
        "tcpdump CPU s": median(tcpdump.map((run) => run.cpuSeconds)).toFixed(2),
        "ours CPU s": median(node.map((run) => run.cpuSeconds)).toFixed(2),
        "decode+match Mpkt/s": rate(median(steady)),
        "its min-max": spread(steady.map((s) => packets / s / 1e6)),
      };
    });
    const what = `${packets} packets, ${Math.round(pcapBytes / 2 ** 20)} MiB in the page cache`;
    printResults({ suite: "filter", what, runs, sizes: { packets, pcapBytes }, rows }, json);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ours = new URL("./ours.mjs", import.meta.url).pathname;
