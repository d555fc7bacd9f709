import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, records } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { packetLine, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BlockProblem, BlockReader } from "./block-reader.js";
import type { Damage } from "./damage.js";
import { asynchronousAccess } from "./file-access.js";
import { blockBytes } from "./format.js";
import { IndexFile } from "./index-file.js";
import { listThread, type StoredFile } from "./list-files.js";
import { LocalReader } from "./local-reader.js";
import { PacketFile } from "./packet-file.js";
import { QuickAccess } from "./quick-access.js";
import { selectPositions } from "./select-positions.js";
import { finish } from "./steps.js";

let folder = "";
let files: readonly StoredFile[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "seek-"));
  const [packetsDirectory, indexDirectory] = [join(folder, "PKT0"), join(folder, "IDX0")];
  for (const path of [packetsDirectory, indexDirectory]) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  // So large that 256 of them find no room in a block's memory.
  await writeSyntheticTraffic(pcap, { packets: 3000, seed: 5, packetsPerSecond: 100, maxPayload: 40_000 });
  writeStenographerFiles(pcap, packetsDirectory, indexDirectory, { secondsPerFile: 60 });
  files = (await listThread({ packetsDirectory, indexDirectory })).finished;
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Asked {
  readonly lines: string[];
  readonly batches: number;
  readonly damage: readonly Damage[];
}

async function ask(reader: LocalReader, text: string): Promise<Asked> {
  const filter = parseFilter(text);
  const none = () => expect.unreachable("something is missing");
  const damage: Damage[] = [];
  const query = { thread: 0, files, filter, blockAgeUs: 10e6 };
  const form = { resolution: "nanoseconds", restoreVlanTags: false } as const;
  const packets = reader.packets(
    { ...query, ...form, fromUs: 0, toUs: 1e16 },
    { onDamage: (found) => void damage.push(found), onLost: none, onGone: none, onUnfinished: none },
    new AbortController().signal,
  );
  let batches = 0;
  async function* counted() {
    for await (const batch of packets) {
      batches++;
      yield batch;
    }
  }
  const lines: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(
    match(compileFilter(filter, { linkType: 1 }))(counted()),
  )) {
    lines.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  return { lines, batches, damage };
}

/** A reader for which a seek costs so much. */
function seeking(seekBytes: number): LocalReader {
  const open = async (path: string) => {
    const file = await asynchronousAccess.open(path);
    return {
      read: file.read.bind(file),
      stat: file.stat.bind(file),
      close: file.close.bind(file),
      seekBytes,
    };
  };
  return new LocalReader({ ...asynchronousAccess, open });
}
const whole = seeking(1e9);
const single = seeking(1);
/** Packets of a size that 256 of them find no room in a block's memory. */
const many = "port 53 or port 80 or icmp";

describe("whatever a seek costs", () => {
  it.each(["port 53", "vlan 20", "icmp", "net 10.0.0.0/12", many])(
    "packets are the same: %s",
    async (text) => {
      const { lines, damage } = await ask(whole, text);
      expect(lines.length).toBeGreaterThan(10);
      expect(damage).toEqual([]);
      for (const reader of [
        single,
        seeking(20_000),
        seeking(128 * 1024),
        new LocalReader(new QuickAccess()),
      ]) {
        expect(await ask(reader, text)).toMatchObject({ lines, damage });
      }
    },
  );

  it("those of several blocks come in one batch, as many as find room", async () => {
    const { batches } = await ask(single, many);
    expect(batches).toBeLessThan((await ask(whole, many)).batches);
    expect(batches).toBeGreaterThan(3);
  });

  it("a packet with a damaged length costs no other one", async () => {
    const [{ packetsPath }] = files as [StoredFile];
    const good = readFileSync(packetsPath);
    const all = (await ask(single, many)).lines;
    for (const position of (await positionsOf("icmp")).slice(0, 40)) {
      const bad = Buffer.from(good);
      bad[position + 15] = 0x40; // the highest byte of tp_snaplen
      writeFileSync(packetsPath, bad);
      const { lines, damage } = await ask(single, many);
      expect(damage).toMatchObject([
        { offset: position, what: expect.stringContaining("does not fit its block") },
      ]);
      expect(lines).toHaveLength(all.length - 1);
      expect(all).toEqual(expect.arrayContaining(lines));
    }
    writeFileSync(packetsPath, good);
  });
});

async function positionsOf(text: string): Promise<number[]> {
  const [{ indexPath }] = files as [StoredFile];
  const file = await asynchronousAccess.open(indexPath);
  const index = await IndexFile.open(file);
  const set = await selectPositions(index, parseFilter(text), { packets: 1e9, restoreVlanTags: false });
  await file.close();
  return set.kind === "positions" ? [...set.positions] : [];
}

it("a position where no packet has room is no packet, wherever it lies in the block's memory", async () => {
  const [{ packetsPath }] = files as [StoredFile];
  const file = await PacketFile.open(packetsPath);
  const [header] = (await file.readTable()).blocks;
  if (typeof header !== "object") throw new Error("there is a first block");
  for (const inOnePiece of [false, true]) {
    const problems: BlockProblem[] = [];
    const offsets = Uint32Array.of(header.firstOffset, blockBytes - 50, blockBytes - 1);
    const bounds = { fromSeconds: 0, toSeconds: 2 ** 32 };
    const chosen = {
      index: 0,
      header: { ...header, usedBytes: blockBytes },
      offsets,
      inOnePiece,
      bounds,
      problems,
    };
    const reader = new BlockReader({ resolution: "nanoseconds", restoreVlanTags: false });
    const { batch, blocks } = await finish(reader.readSome(file, [chosen]));
    expect([batch.count, blocks]).toEqual([1, 1]);
    expect(problems.map(({ offset }) => offset)).toEqual([blockBytes - 50, blockBytes - 1]);
  }
  await file.close();
});
