import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStenographerClient, type NodeStenographerClient } from "@stenogrpc/client/node";
import { stenographerFilesSource } from "@stenogrpc/server";
import { startTestSensor, type TestSensor } from "@stenogrpc/server/testing";
import { openFilesBelow, pcapOf, readPcap, writeStenographerFiles } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Second of the first packet; the others come a second apart. */
const t0 = 1_700_000_000;
const timestampNs = (i: number): bigint => BigInt(t0 + i) * 1_000_000_000n;

const addresses = Buffer.from("020202020202040404040404", "hex");
const tag = (vlan: number): Buffer => Buffer.from([0x81, 0x00, vlan >> 8, vlan & 0xff]);

/** What follows the addresses and tags of a UDP packet from 10.0.0.1 to 10.0.0.2. */
function udp(port: number): Buffer {
  const bytes = Buffer.alloc(2 + 20 + 8);
  bytes.writeUInt16BE(0x0800, 0); // EtherType: IPv4
  bytes[2] = 0x45; // version 4, header of five words
  bytes.writeUInt16BE(28, 4); // total length
  bytes[10] = 64; // time to live
  bytes[11] = 17; // protocol: UDP
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2], 14);
  bytes.writeUInt16BE(40_000, 22); // source port
  bytes.writeUInt16BE(port, 24); // destination port
  bytes.writeUInt16BE(8, 26); // length
  return bytes;
}

/** Frames as they were on the wire: behind the addresses the tag that the kernel took off, then what it left. */
const packets = [
  { stripped: 100, kept: udp(53) },
  { stripped: undefined, kept: udp(53) },
  { stripped: 100, kept: udp(123) },
  { stripped: 5, kept: udp(53) },
  { stripped: 100, kept: Buffer.concat([tag(7), udp(53)]) },
];

const onTheWire = packets.map(({ stripped, kept }) =>
  Buffer.concat([addresses, stripped === undefined ? Buffer.alloc(0) : tag(stripped), kept]),
);
const onDisk = packets.map(({ kept }) => Buffer.concat([addresses, kept]));

let folder: string;
let sensor: TestSensor;
let client: NodeStenographerClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "restore-vlan-"));
  const thread = { packetsDirectory: join(folder, "PKT0"), indexDirectory: join(folder, "IDX0") };
  for (const path of [...Object.values(thread), join(folder, "saved")]) mkdirSync(path);
  const capture = join(folder, "in.pcap");
  writeFileSync(capture, pcapOf(onDisk.map((data, i) => ({ timestampNs: timestampNs(i), data }))));
  const [name = ""] = writeStenographerFiles(capture, thread.packetsDirectory, thread.indexDirectory);
  noteStrippedTags(join(thread.packetsDirectory, name));
  sensor = await startTestSensor({ source: stenographerFilesSource({ threads: [thread] }) });
  client = createStenographerClient(sensor.clientOptions);
});

afterAll(async () => {
  await client.close();
  await sensor.close();
  const left = openFilesBelow(process.pid, folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

/** Puts the tags beside the frames, as the kernel does: into tpacket3_hdr of linux/if_packet.h. */
function noteStrippedTags(path: string): void {
  const bytes = readFileSync(path);
  let at = bytes.readUInt32LE(16); // offset_to_first_pkt
  for (const { stripped } of packets) {
    if (stripped !== undefined) {
      bytes.writeUInt32LE(0x51, at + 20); // TP_STATUS_USER, TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID
      bytes.writeUInt32LE(stripped, at + 32); // tp_vlan_tci
      bytes.writeUInt16LE(0x8100, at + 36); // tp_vlan_tpid
    }
    at += bytes.readUInt32LE(at); // tp_next_offset
  }
  writeFileSync(path, bytes);
}

/** The numbers of the packets that the filter finds, and their frames in the file that was saved. */
async function saved(filter: string, restoreVlanTags: boolean) {
  const path = join(folder, "saved", "answer.pcap");
  const fetch = client.fetchPcap({ from: t0, to: t0 + 60, filter: filter || undefined, restoreVlanTags });
  const { verdict } = await fetch.toFile(path, { overwrite: true });
  expect(readdirSync(join(folder, "saved"))).toEqual(["answer.pcap"]);
  const found = readPcap(path);
  const numbers = found.map((packet) => Number(packet.timestampNs / 1_000_000_000n) - t0);
  for (const { data, originalLength } of found) expect(originalLength).toBe(data.length);
  return { verdict, numbers, frames: found.map(({ data }) => data) };
}

/** Some of the frames, as a file has them. */
const chosen = (frames: readonly Buffer[], numbers: readonly number[]) => ({
  verdict: numbers.length > 0 ? "complete" : "no-packets",
  numbers,
  frames: numbers.map((i) => frames[i]),
});

describe("restoreVlanTags, from Stenographer's files to a file of the client's", () => {
  it.each([
    ["vlan 100", [0, 2, 4]],
    ["vlan 5", [3]],
    ["vlan 100 and port 53", [0]],
    ["vlan 100 and vlan 7 and port 53", [4]],
    ["not vlan", [1]],
    ["", [0, 1, 2, 3, 4]],
  ])("finds by %j the frames as they were on the wire, and saves them so", async (filter, numbers) => {
    expect(await saved(filter, true)).toEqual(chosen(onTheWire, numbers));
  });

  it.each([
    ["vlan 100", []],
    ["vlan 7", [4]],
    ["", [0, 1, 2, 3, 4]],
  ])(
    "is off unless it is asked for: %j finds and saves the frames as they are on disk",
    async (filter, numbers) => {
      expect(await saved(filter, false)).toEqual(chosen(onDisk, numbers));
    },
  );
});
