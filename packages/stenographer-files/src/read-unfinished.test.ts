import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { records } from "@stenogrpc/pcap";
import {
  openFilesBelow,
  packetLine,
  readPcap,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StenographerStore } from "./store.js";

const blockBytes = 1024 * 1024;
let folder = "";
let folders = { packetsDirectory: "", indexDirectory: "" };
let lines: string[] = [];
let hidden = "";
let visible = "";
let good: Buffer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "unfinished-"));
  folders = { packetsDirectory: join(folder, "P"), indexDirectory: join(folder, "I") };
  for (const path of Object.values(folders)) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 8000, seed: 3, packetsPerSecond: 200 });
  const [name = ""] = writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory);
  visible = join(folders.packetsDirectory, name);
  hidden = join(folders.packetsDirectory, `.${name}`);
  renameSync(visible, hidden);
  lines = readPcap(pcap).map(packetLine);
  good = readFileSync(hidden);
  expect(good.length).toBeGreaterThanOrEqual(3 * blockBytes);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Lines of the packets in the first blocks. */
function linesOf(blocks: number): string[] {
  let packets = 0;
  for (let block = 0; block < blocks; block++) packets += good.readUInt32LE(block * blockBytes + 12);
  return lines.slice(0, packets);
}

async function query(readUnfinished?: boolean) {
  const store = new StenographerStore({
    threads: [folders],
    ...(readUnfinished === undefined ? {} : { readUnfinished }),
  });
  const window = { startNs: 0n, endNs: 10n ** 19n };
  return store.query({ window, signal: new AbortController().signal });
}

async function read(answer: Awaited<ReturnType<typeof query>>): Promise<string[]> {
  const given: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(answer.batches)) {
    given.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  expect(answer.damage).toEqual([]);
  expect(answer.gone).toEqual([]);
  return given;
}

/** That it gives packets once and in order, and that what it does not give of `wanted` is in a gap, or costs damage. */
async function expectHonest(
  answer: Awaited<ReturnType<typeof query>>,
  wanted = lines,
  about = "",
): Promise<void> {
  const given: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(answer.batches)) {
    given.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  const found = new Set(given);
  expect(given).toHaveLength(found.size);
  const { gaps } = await answer.coverage();
  const unsaid = wanted.filter((line) => {
    const timeNs = BigInt(line.split(" ")[0] ?? "");
    return !found.has(line) && !gaps.some(({ startNs, endNs }) => startNs <= timeNs && timeNs < endNs);
  });
  if (answer.damageCount.losing === 0) expect([about, unsaid.length]).toEqual([about, 0]);
}

describe("readUnfinished", () => {
  it("leaves a hidden file alone unless it is asked for", async () => {
    expect(await read(await query())).toEqual([]);
    expect(await read(await query(false))).toEqual([]);
  });

  it("gives the packets of every block but the newest, and of it none", async () => {
    const blocks = good.length / blockBytes;
    expect(await read(await query(true))).toEqual(linesOf(blocks - 1));
    writeFileSync(hidden, good.subarray(0, 2 * blockBytes));
    expect(await read(await query(true))).toEqual(linesOf(1));
  });

  it.each([0, 1, 47, 48, 5000, blockBytes])("gives nothing of a file of %d bytes", async (size) => {
    writeFileSync(hidden, good.subarray(0, size));
    expect(await read(await query(true))).toEqual([]);
  });

  it("never gives a wrong packet of a last block that is stale memory or half written", async () => {
    const start = 2 * blockBytes;
    const spoil: ((bytes: Buffer) => void)[] = [
      (bytes) => bytes.copy(bytes, start, 0, blockBytes), // the ring's block of an earlier turn
      (bytes) => bytes.copy(bytes, start + 48, 48, blockBytes), // a new header over old packets
      (bytes) => void bytes.fill(0, start + 4096),
      (bytes) => void bytes.fill(0xa5, start + 48),
    ];
    for (const change of spoil) {
      const bytes = Buffer.from(good.subarray(0, 3 * blockBytes));
      change(bytes);
      writeFileSync(hidden, bytes);
      expect(await read(await query(true))).toEqual(linesOf(2));
    }
  });

  it("stops before a block that is not written yet in space set aside", async () => {
    const bytes = Buffer.concat([good.subarray(0, 2 * blockBytes), Buffer.alloc(3 * blockBytes)]);
    writeFileSync(hidden, bytes);
    expect(await read(await query(true))).toEqual(linesOf(1));
    good.copy(bytes, 3 * blockBytes, 2 * blockBytes, 3 * blockBytes); // a later one is there already
    writeFileSync(hidden, bytes);
    expect(await read(await query(true))).toEqual(linesOf(1));
  });

  it.each([
    [0, 1],
    [1, 0],
    [2, 0],
    [2, 1],
    [0, 2],
  ])(
    "gives no packet twice, and says what is missing, where block %d was written over block %d",
    async (from, to) => {
      for (const blocks of [3, good.length / blockBytes]) {
        const bytes = Buffer.from(good.subarray(0, blocks * blockBytes));
        good.copy(bytes, to * blockBytes, from * blockBytes, (from + 1) * blockBytes);
        writeFileSync(hidden, bytes);
        await expectHonest(await query(true), linesOf(blocks), `${blocks} blocks`);
      }
    },
  );

  it("says that the newest block is missing where a time is damaged in what is read before it", async () => {
    const damage: [what: string, blocks: number, at: number][] = [
      ["the last packet's time in the header of the block before it", 3, blockBytes + 40],
      ["a packet's time in the only block before it", 2, 48 + 4],
      ["the last packet's time in the header of the only block before it", 2, 40],
    ];
    for (const [what, blocks, at] of damage) {
      const bytes = Buffer.from(good.subarray(0, blocks * blockBytes));
      bytes.writeUInt32LE(good.readUInt32LE(at) + 1000, at);
      writeFileSync(hidden, bytes);
      await expectHonest(await query(true), linesOf(blocks).slice(linesOf(blocks - 1).length), what);
    }
  });

  it("says that a file being written is missing where a time is damaged in the one before it", async () => {
    const before = join(folders.packetsDirectory, `${Number(visible.split("/").at(-1)) - 60_000_000}`);
    for (const at of [40, 48 + 4]) {
      const bytes = Buffer.from(good.subarray(0, blockBytes));
      bytes.writeUInt32LE(good.readUInt32LE(at) + 1000, at);
      writeFileSync(before, bytes);
      await expectHonest(await query(false), lines.slice(linesOf(1).length), `byte ${at}`);
    }
  });

  it("gives a file whole that was finished between listing and opening it", async () => {
    const answer = await query(true);
    renameSync(hidden, visible);
    expect(await read(answer)).toEqual(lines);
  });

  it("loses none of the finished blocks when the file is finished while it is read", async () => {
    const answer = await query(true);
    const given: string[] = [];
    for await (const { timestampNs, originalLength, data } of records(answer.batches)) {
      if (given.length === 0) renameSync(hidden, visible);
      given.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
    }
    expect(given).toEqual(linesOf(good.length / blockBytes - 1));
    expect(answer.damage).toEqual([]);
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
  });

  it("says that a file is gone which was deleted before it was opened", async () => {
    const answer = await query(true);
    rmSync(hidden);
    for await (const _ of answer.batches) throw new Error("a packet of a deleted file");
    expect(answer.gone).toEqual([visible.slice(folders.packetsDirectory.length + 1)]);
  });

  it("gives a file once that is listed under both of its names", async () => {
    writeFileSync(visible, good);
    expect(await read(await query(true))).toEqual(lines);
  });
});
