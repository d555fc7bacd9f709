import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createStenographerClient,
  type FetchPcapOptions,
  type NodeStenographerClient,
} from "@stenogrpc/client/node";
import { stenographerFilesSource } from "@stenogrpc/server";
import { startTestSensor, type TestSensor } from "@stenogrpc/server/testing";
import { pcapOf, readPcap, writeStenographerFiles } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const startNs = 1_700_000_000_000_000_000n;
/** Within one microsecond, over its edge, and at the edges of a second. */
const times = [0n, 1n, 999n, 1000n, 1001n, 123_456_789n, 999_999_999n, 1_000_000_000n].map(
  (ns) => startNs + ns,
);
const inMicroseconds = times.map((ns) => (ns / 1000n) * 1000n);

let folder: string;
let sensor: TestSensor;
let client: NodeStenographerClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nanoseconds-"));
  const thread = { packetsDirectory: join(folder, "PKT0"), indexDirectory: join(folder, "IDX0") };
  for (const path of Object.values(thread)) mkdirSync(path);
  const data = Buffer.alloc(60, 1);
  const packets = times.map((timestampNs) => ({ timestampNs, data }));
  writeFileSync(join(folder, "in.pcap"), pcapOf(packets, { resolution: "nanoseconds" }));
  writeStenographerFiles(join(folder, "in.pcap"), thread.packetsDirectory, thread.indexDirectory);
  sensor = await startTestSensor({ source: stenographerFilesSource({ threads: [thread] }) });
  client = createStenographerClient(sensor.clientOptions);
});

afterAll(async () => {
  await client.close();
  await sensor.close();
  rmSync(folder, { recursive: true });
});

/** The magic number and the times of what a request saves. */
async function saved(request: Partial<FetchPcapOptions>) {
  const path = join(folder, "answer.pcap");
  const fetch = client.fetchPcap({ from: startNs, to: startNs + 2_000_000_000n, ...request });
  const { verdict, firstPacketNs, lastPacketNs } = await fetch.toFile(path, { overwrite: true });
  const magic = readFileSync(path).readUInt32LE(0).toString(16);
  const found = readPcap(path).map(({ timestampNs }) => timestampNs);
  expect(verdict).toBe("complete");
  expect([firstPacketNs, lastPacketNs]).toEqual([found[0], found.at(-1)]);
  return { magic, times: found };
}

describe("nanoseconds, from Stenographer's files to a file of the client's", () => {
  it("are kept where they are asked for", async () => {
    expect(await saved({ timestampResolution: "nanoseconds" })).toEqual({ magic: "a1b23c4d", times });
  });

  it("are cut to microseconds where they are not", async () => {
    const cut = { magic: "a1b2c3d4", times: inMicroseconds };
    expect(await saved({ timestampResolution: "microseconds" })).toEqual(cut);
    expect(await saved({})).toEqual(cut);
  });

  it("count at both ends of a window", async () => {
    const window = { from: startNs + 1n, to: startNs + 1001n };
    expect(await saved({ timestampResolution: "nanoseconds", ...window })).toEqual({
      magic: "a1b23c4d",
      times: times.slice(1, 4),
    });
  });
});
