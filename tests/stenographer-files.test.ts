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
import { openFilesBelow, pcapOf, readPcap, writeStenographerFiles } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const startNs = 1_700_000_000_000_000_000n;
/** Within one microsecond, over its edge, and at the edges of a second. */
const times = [0n, 1n, 999n, 1000n, 1001n, 123_456_789n, 999_999_999n, 1_000_000_000n].map(
  (ns) => startNs + ns,
);
const inMicroseconds = times.map((ns) => (ns / 1000n) * 1000n);

/** Longer than most pcap files' snaplen of 65,535, which the daemon cannot send: loopback and offloading make them. */
const longFrames = [60, 65_536, 70_000, 262_144, 60];

let folder: string;
let sensors: TestSensor[];
let clients: NodeStenographerClient[];

/** A client of a sensor that reads files with these packets. */
async function clientOf(name: string, pcap: Uint8Array): Promise<NodeStenographerClient> {
  const thread = { packetsDirectory: join(folder, name, "PKT0"), indexDirectory: join(folder, name, "IDX0") };
  for (const path of Object.values(thread)) mkdirSync(path, { recursive: true });
  const path = join(folder, `${name}.pcap`);
  writeFileSync(path, pcap);
  writeStenographerFiles(path, thread.packetsDirectory, thread.indexDirectory);
  const sensor = await startTestSensor({ source: stenographerFilesSource({ threads: [thread] }) });
  sensors.push(sensor);
  const client = createStenographerClient(sensor.clientOptions);
  clients.push(client);
  return client;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stenographer-files-"));
  sensors = [];
  clients = [];
});

afterEach(async () => {
  for (const client of clients) await client.close();
  for (const sensor of sensors) await sensor.close();
  const left = openFilesBelow(process.pid, folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

/** The magic number and the times of what a request saves. */
async function saved(client: NodeStenographerClient, request: Partial<FetchPcapOptions>) {
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
  let client: NodeStenographerClient;

  beforeEach(async () => {
    const packets = times.map((timestampNs) => ({ timestampNs, data: Buffer.alloc(60, 1) }));
    client = await clientOf("nanoseconds", pcapOf(packets, { resolution: "nanoseconds" }));
  });

  it("are kept where they are asked for", async () => {
    expect(await saved(client, { timestampResolution: "nanoseconds" })).toEqual({ magic: "a1b23c4d", times });
  });

  it("are cut to microseconds where they are not", async () => {
    const cut = { magic: "a1b2c3d4", times: inMicroseconds };
    expect(await saved(client, { timestampResolution: "microseconds" })).toEqual(cut);
    expect(await saved(client, {})).toEqual(cut);
  });

  it("count at both ends of a window", async () => {
    const window = { from: startNs + 1n, to: startNs + 1001n };
    expect(await saved(client, { timestampResolution: "nanoseconds", ...window })).toEqual({
      magic: "a1b23c4d",
      times: times.slice(1, 4),
    });
  });
});

describe("frames of more than 65,535 bytes, from Stenographer's files to a file of the client's", () => {
  it.each([undefined, 1024, 65_536])("come whole, in messages of %s bytes", async (chunkBytes) => {
    const data = (i: number): Buffer => Buffer.alloc(longFrames[i] ?? 0, i + 1);
    const packets = longFrames.map((_, i) => ({ timestampNs: startNs + BigInt(i), data: data(i) }));
    const client = await clientOf("long", pcapOf(packets, { snaplen: 262_144 }));
    const path = join(folder, "answer.pcap");
    const fetch = client.fetchPcap({ from: startNs, to: startNs + 1_000_000_000n, chunkBytes });
    expect(await fetch.toFile(path)).toMatchObject({ verdict: "complete", packets: longFrames.length });
    expect(readFileSync(path).readUInt32LE(16)).toBe(262_144); // snaplen
    const found = readPcap(path);
    expect(found.map(({ originalLength }) => originalLength)).toEqual(longFrames);
    for (const [i, frame] of found.entries()) expect(frame.data.equals(data(i))).toBe(true);
  });
});
