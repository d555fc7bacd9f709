import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeCapture, encodeCaptureHeader, RecordCursor, recordHeaderBytes } from "@stenogrpc/pcap";
import { debianProgram, writeSyntheticTraffic } from "@stenogrpc/testkit";
import type { BenchOptions } from "../main.js";
import { printResults } from "../print-results.js";
import { median, spread } from "../statistics.js";
import { type Timed, timed } from "../timed.js";

const ours = new URL("./ours.mjs", import.meta.url).pathname;

/** How packets are dealt out to captures. */
const deals = {
  /** One after the other, as parallel capture threads write them: every packet comes from another file. */
  interleaved: 1,
  /** A thousand at a time. */
  "in runs": 1000,
} as const;
type Deal = keyof typeof deals;

/** Captures of the same traffic merged by time, next to `mergecap -w /dev/null FILE...`: whole processes, in turn, page cache warm. */
export async function benchMerge({ quick, json }: BenchOptions): Promise<void> {
  const packets = quick ? 20_000 : 1_000_000;
  const runs = quick ? 1 : 5;
  const folder = mkdtempSync(join(tmpdir(), "bench-merge-"));
  try {
    const whole = join(folder, "whole.pcap");
    const { pcapBytes } = await writeSyntheticTraffic(whole, { packets, seed: 1, maxPayload: 600 });
    const cases = [];
    for (const deal of Object.keys(deals) as Deal[]) {
      for (const captures of quick ? [8] : [8, 64, 600]) {
        const files = await dealOut(whole, join(folder, `${deal}-${captures}`), captures, deals[deal]);
        cases.push({ deal, captures, files, mergecap: [] as Timed[], ours: [] as Timed[] });
      }
    }
    for (let run = 0; run < runs; run++) {
      for (const { files, ...result } of cases) {
        result.mergecap.push(timed(debianProgram("mergecap"), ["-F", "pcap", "-w", "/dev/null", ...files]));
        result.ours.push(timed(process.execPath, [ours, ...files]));
      }
    }
    const rates = (all: readonly Timed[]) => all.map(({ seconds }) => pcapBytes / seconds / 1e6);
    const rows = cases.map(({ deal, captures, mergecap, ours: node }) => ({
      captures,
      packets: deal,
      "mergecap MB/s": Math.round(median(rates(mergecap))),
      "mergecap min-max": spread(rates(mergecap)),
      "ours MB/s": Math.round(median(rates(node))),
      "ours min-max": spread(rates(node)),
      "times mergecap": (median(rates(node)) / median(rates(mergecap))).toFixed(2),
      "mergecap CPU s": median(mergecap.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
      "ours CPU s": median(node.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    }));
    const what = `${packets} packets, ${Math.round(pcapBytes / 2 ** 20)} MiB in the page cache`;
    printResults({ suite: "merge", what, runs, sizes: { packets, pcapBytes }, rows }, json);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Deals the packets of a capture out to so many, `run` at a time. */
async function dealOut(whole: string, prefix: string, captures: number, run: number): Promise<string[]> {
  const paths = Array.from({ length: captures }, (_, i) => `${prefix}-${i}.pcap`);
  const source = await decodeCapture(createReadStream(whole, { highWaterMark: 2 ** 20 }));
  const parts = paths.map(() => [encodeCaptureHeader(source.header)]);
  let dealt = 0;
  for await (const batch of source.batches) {
    const cursor = new RecordCursor(batch);
    for (let i = 0; i < batch.count; i++) {
      cursor.seek(i);
      const end = cursor.offset + recordHeaderBytes + cursor.capturedLength;
      parts[Math.floor(dealt++ / run) % captures]?.push(batch.bytes.slice(cursor.offset, end));
    }
  }
  for (const [i, path] of paths.entries()) writeFileSync(path, Buffer.concat(parts[i] ?? []));
  return paths;
}
