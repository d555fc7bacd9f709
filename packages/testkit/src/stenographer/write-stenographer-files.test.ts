import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPcap } from "../oracle/read-pcap.js";
import { writeSyntheticTraffic } from "../traffic/synthetic-traffic.js";
import { readLeveldbTable } from "./leveldb-table.js";
import { writeStenographerFiles } from "./write-stenographer-files.js";

const fixtures = join(import.meta.dirname, "../../fixtures");
let folder = "";
let packets = "";
let index = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stenographer-files-"));
  packets = join(folder, "packets");
  index = join(folder, "index");
  mkdirSync(packets);
  mkdirSync(index);
});

afterEach(() => rmSync(folder, { recursive: true }));

function entriesOf(path: string): string[] {
  return [...readLeveldbTable(readFileSync(path))].map(
    ({ key, value }) => `${key.toString("hex")} ${value.toString("hex")}`,
  );
}

/** The frames of a packet file by the fields of tpacket3_hdr, walked block by block. */
function framesOf(path: string): { position: number; timestampNs: bigint; data: Buffer }[] {
  const file = readFileSync(path);
  const frames = [];
  for (let block = 0; block < file.length; block += 1024 * 1024) {
    let at = block + file.readUInt32LE(block + 16);
    for (let left = file.readUInt32LE(block + 12); left > 0; left--) {
      const mac = at + file.readUInt16LE(at + 24);
      frames.push({
        position: at,
        timestampNs: BigInt(file.readUInt32LE(at + 4)) * 1_000_000_000n + BigInt(file.readUInt32LE(at + 8)),
        data: file.subarray(mac, mac + file.readUInt32LE(at + 12)),
      });
      at += file.readUInt32LE(at);
    }
  }
  return frames;
}

describe("writeStenographerFiles", () => {
  it("indexes every key at the positions that stenotype wrote for the same frames", () => {
    const [name = ""] = writeStenographerFiles(join(fixtures, "replayed.pcap"), packets, index);
    const ours = entriesOf(join(index, name));
    expect(ours).toHaveLength(1144);
    expect(ours).toEqual(entriesOf(join(fixtures, "stenotype.index")));
  });

  it("keeps every frame, with its time, over many blocks", async () => {
    const pcap = join(folder, "in.pcap");
    await writeSyntheticTraffic(pcap, { packets: 8000, packetsPerSecond: 1000 });
    const names = writeStenographerFiles(pcap, packets, index);
    expect(names).toEqual(["1700000000000000"]);
    const frames = framesOf(join(packets, names[0] ?? ""));
    const sent = readPcap(pcap);
    expect(frames.map(({ timestampNs }) => timestampNs)).toEqual(sent.map(({ timestampNs }) => timestampNs));
    const bytesOf = (list: { data: Buffer }[]) => Buffer.concat(list.map(({ data }) => data));
    expect(bytesOf(frames).equals(bytesOf(sent))).toBe(true);
    expect(statSync(join(packets, names[0] ?? "")).size % (1024 * 1024)).toBe(0);
    expect(statSync(join(packets, names[0] ?? "")).size).toBeGreaterThan(3 * 1024 * 1024);
  });

  it("names positions in later blocks by their offset in the file", async () => {
    const pcap = join(folder, "in.pcap");
    await writeSyntheticTraffic(pcap, { packets: 8000, packetsPerSecond: 1000 });
    const [name = ""] = writeStenographerFiles(pcap, packets, index);
    const positions = new Set(framesOf(join(packets, name)).map(({ position }) => position));
    const tcp = [...readLeveldbTable(readFileSync(join(index, name)))].find(({ key }) =>
      key.equals(Buffer.of(1, 6)),
    );
    const indexed = tcp
      ? Array.from({ length: tcp.value.length / 4 }, (_, i) => tcp.value.readUInt32BE(4 * i))
      : [];
    expect(indexed.length).toBeGreaterThan(3000);
    expect(indexed.filter((position) => !positions.has(position))).toEqual([]);
    expect(indexed.at(-1)).toBeGreaterThan(3 * 1024 * 1024);
  });

  it("begins a new pair of files when one is old enough", async () => {
    const pcap = join(folder, "in.pcap");
    await writeSyntheticTraffic(pcap, { packets: 1000, packetsPerSecond: 100 });
    const names = writeStenographerFiles(pcap, packets, index, { secondsPerFile: 3 });
    expect(names).toHaveLength(4);
    expect(readdirSync(packets)).toEqual(names);
    expect(readdirSync(index)).toEqual(names);
    const perFile = names.map((name) => framesOf(join(packets, name)).length);
    expect(perFile.reduce((sum, n) => sum + n, 0)).toBe(1000);
  });

  it("begins a new block when one is old enough", async () => {
    const pcap = join(folder, "in.pcap");
    await writeSyntheticTraffic(pcap, { packets: 100, packetsPerSecond: 10 });
    const [name = ""] = writeStenographerFiles(pcap, packets, index, { secondsPerBlock: 2 });
    const frames = framesOf(join(packets, name));
    expect(frames).toHaveLength(100);
    const blocks = statSync(join(packets, name)).size / 2 ** 20;
    expect(blocks).toBeGreaterThanOrEqual(4);
    for (let block = 0; block < blocks; block++) {
      const times = frames
        .filter(({ position }) => position >> 20 === block)
        .map((frame) => frame.timestampNs);
      expect(Number((times.at(-1) ?? 0n) - (times[0] ?? 0n))).toBeLessThanOrEqual(2e9);
    }
  });
});
