import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  pcapOf,
  peakResidentBytes,
  type RunningStenographer,
  startStenographer,
  type TrafficTruth,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDist, startScript } from "./support/script.js";
import { createWorkplace, startSensor, stenographerSources, type Workplace } from "./support/sensor.js";
import type { SourceConfig } from "./support/source-config.js";

const MiB = 1024 * 1024;
/** Each side's bound, whatever the size of the answer and the speed of its reader. */
const boundBytes = 150 * MiB;

let workplace: Workplace;
let daemon: RunningStenographer;
let truth: TrafficTruth;
/** What is in the folder of captures. */
let large: { packets: number; bytes: number };

const captures = () => join(workplace.folder, "captures");

/** Server and client run on what users get, in processes of their own. */
beforeAll(async () => {
  buildDist();
  workplace = await createWorkplace();
  const pcap = join(workplace.folder, "half-a-gigabyte.pcap");
  truth = await writeSyntheticTraffic(pcap, { packets: 1_200_000, maxPayload: 1400, packetsPerSecond: 5000 });
  expect(truth.pcapBytes).toBeGreaterThan(500_000_000);
  mkdirSync(captures());
  large = writeLargeCapture(join(captures(), "large.pcap"), 2048 * MiB);
  daemon = await startStenographer({ pcap, mode: "files" });
  rmSync(pcap);
}, 300_000);

afterAll(async () => {
  await daemon.stop();
  workplace.remove();
});

interface Fetched {
  readonly peak: number;
  readonly bytes?: number;
  readonly result?: { readonly verdict: string; readonly packets: number; readonly pcapBytes: number };
}

/** One fetch in a process of its own, and the peaks of both sides. */
async function fetchMeasured(
  source: SourceConfig,
  window: { fromNs: bigint; toNs: bigint },
  how: { filter?: string; output?: string; slow?: { bytesPerSecond: number; forMs: number } },
) {
  const sensor = await startSensor(workplace, source, { runsOn: "dist" });
  const client = startScript(
    "run-client",
    {
      server: sensor.address,
      tls: workplace.client,
      fromNs: String(window.fromNs),
      toNs: String(window.toNs),
      ...how,
    },
    "dist",
  );
  try {
    const fetched = (await client.lineWith("peak")) as unknown as Fetched; // what run-client.ts prints
    const peaks = { server: peakResidentBytes(sensor.pid), client: fetched.peak };
    process.stdout.write(
      `${source.kind}: server ${Math.round(peaks.server / MiB)} MiB, client ${Math.round(peaks.client / MiB)} MiB\n`,
    );
    return { ...fetched, peaks };
  } finally {
    await client.stop();
    await sensor.stop();
  }
}

function expectBounded(peaks: { server: number; client: number }): void {
  expect(peaks.server).toBeLessThan(boundBytes);
  expect(peaks.client).toBeLessThan(boundBytes);
}

const wholeDaemon = () => ({ fromNs: truth.firstNs, toNs: truth.lastNs + 1n });

const wholeFolder = { fromNs: 0n, toNs: 2n ** 31n * 1_000_000_000n };

describe("the memory of server and client", () => {
  it.each(["stenoread", "stenographer", "stenographer-files"] as const)(
    "is bounded for half a gigabyte through %s",
    async (kind) => {
      const output = join(workplace.folder, `${kind}.pcap`);
      const { result, peaks } = await fetchMeasured(stenographerSources(daemon)[kind], wholeDaemon(), {
        output,
      });
      expect(result).toMatchObject({ verdict: "complete", packets: truth.packets });
      // The daemon's file header differs in its snaplen; its length does not.
      expect(statSync(output).size).toBe(truth.pcapBytes);
      expectBounded(peaks);
      rmSync(output);
    },
  );

  it("is bounded for what the index of Stenographer's files leads to", async () => {
    const source = stenographerSources(daemon)["stenographer-files"];
    const { result, peaks } = await fetchMeasured(source, wholeDaemon(), { filter: "ip proto 6" });
    expect(result).toMatchObject({ verdict: "complete", packets: truth.protocols.get(6) });
    expectBounded(peaks);
  });

  // The slow one does next to nothing.
  describe.concurrent("at once", () => {
    it("is bounded for two gibibytes from a directory", async () => {
      const output = join(workplace.folder, "directory.pcap");
      const directory = { kind: "directory", path: captures() } as const;
      const { result, peaks } = await fetchMeasured(directory, wholeFolder, { output });
      expect(result).toMatchObject({ verdict: "complete", packets: large.packets, pcapBytes: large.bytes });
      expect(statSync(output).size).toBe(large.bytes);
      expectBounded(peaks);
      rmSync(output);
    });

    it("is bounded for a minute with a reader that takes a mebibyte a second, for every source", async () => {
      const slow = { bytesPerSecond: MiB, forMs: 60_000 };
      const runs = [
        fetchMeasured(stenographerSources(daemon).stenoread, wholeDaemon(), { slow }),
        fetchMeasured(stenographerSources(daemon).stenographer, wholeDaemon(), { slow }),
        fetchMeasured(stenographerSources(daemon)["stenographer-files"], wholeDaemon(), { slow }),
        fetchMeasured({ kind: "directory", path: captures() }, wholeFolder, { slow }),
      ];
      for (const { bytes = 0, peaks } of await Promise.all(runs)) {
        // A minute's worth, and the piece at which it stopped.
        expect(bytes).toBeGreaterThan(55 * MiB);
        expect(bytes).toBeLessThan(65 * MiB);
        expectBounded(peaks);
      }
    });
  });
});

/** A pcap file of 1400-byte frames, a millisecond apart, at least `bytes` long; written by the mebibyte. */
function writeLargeCapture(path: string, bytes: number): { packets: number; bytes: number } {
  const frameBytes = 1400;
  const recordBytes = 16 + frameBytes;
  const records = 4000;
  const block = Buffer.alloc(records * recordBytes);
  for (let i = 0; i < records; i++) {
    const at = i * recordBytes;
    block.writeUInt32LE(frameBytes, at + 8);
    block.writeUInt32LE(frameBytes, at + 12);
    block.writeUInt16BE(0x88b5, at + 16 + 12); // an Ethernet type of the IEEE's local experiments
  }
  const file = openSync(path, "w");
  let size = writeSync(file, pcapOf([])); // the file header
  let packets = 0;
  while (size < bytes) {
    for (let i = 0; i < records; i++) {
      const millisecond = packets + i;
      block.writeUInt32LE(1_700_000_000 + Math.floor(millisecond / 1000), i * recordBytes);
      block.writeUInt32LE((millisecond % 1000) * 1000, i * recordBytes + 4);
    }
    size += writeSync(file, block);
    packets += records;
  }
  closeSync(file);
  return { packets, bytes: size };
}
