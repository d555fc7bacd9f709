import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFilesBelow, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { retrievalPlan } from "../../testing/retrieval-plan.js";
import type { PacketSource } from "../packet-source.js";
import { stenographerFilesSource } from "./stenographer-files-source.js";

let folder = "";
let names: string[] = [];
let source: PacketSource;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "files-source-"));
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 3000, packetsPerSecond: 100 });
  for (const name of ["PKT0", "IDX0"]) mkdirSync(join(folder, name));
  names = writeStenographerFiles(pcap, join(folder, "PKT0"), join(folder, "IDX0"), { secondsPerFile: 10 });
  const Threads = [{ PacketsDirectory: join(folder, "PKT0"), IndexDirectory: join(folder, "IDX0") }];
  writeFileSync(join(folder, "config"), JSON.stringify({ Threads, Host: "127.0.0.1", Port: 1234 }));
  source = stenographerFilesSource({ config: join(folder, "config") });
});

afterEach(() => rmSync(folder, { recursive: true }));

async function count(window = { startNs: 0n, endNs: 10n ** 19n }) {
  const opened = await source.open(retrievalPlan({ window }), new AbortController().signal);
  let packets = 0;
  for await (const batch of opened.batches) packets += batch.count;
  const { damage, coverage } = (await opened.outcome?.()) ?? {};
  return { packets, damage, coverage, warnings: opened.warnings };
}

/** The same folders without Stenographer's configuration, as on a disk that was copied from a sensor. */
function copied(flags: { fileAgeSeconds?: number; blockAgeSeconds?: number }): PacketSource {
  const thread = { packetsDirectory: join(folder, "PKT0"), indexDirectory: join(folder, "IDX0") };
  return stenographerFilesSource({ threads: [thread], ...flags });
}

/** Takes the kernel's numbers from a file's blocks: seq_num of tpacket_hdr_v1, in linux/if_packet.h. */
function unnumber(path: string): void {
  const bytes = readFileSync(path);
  for (let block = 0; block < bytes.length; block += 1024 * 1024) bytes.fill(0, block + 24, block + 32);
  writeFileSync(path, bytes);
}

describe("stenographerFilesSource", () => {
  it("serves the files that Stenographer's configuration names, and leaves none open", async () => {
    expect(await count()).toMatchObject({ packets: 3000, damage: [], warnings: [] });
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
  });

  it("tells the times of the oldest and newest packet", async () => {
    const { oldestPacketNs, newestPacketNs } = await source.describe(new AbortController().signal);
    expect(oldestPacketNs).toBe(1_700_000_000_000_000_000n);
    expect(newestPacketNs).toBeGreaterThan(1_700_000_025_000_000_000n);
  });

  it("goes on behind damage, and says what it may have cost", async () => {
    const path = join(folder, "PKT0", names[1] ?? "");
    const bytes = readFileSync(path);
    bytes.fill(0, 0, 64);
    writeFileSync(path, bytes);
    const { packets, damage } = await count();
    expect(packets).toBeLessThan(3000);
    expect(packets).toBeGreaterThan(1900);
    expect(damage).toMatchObject([{ file: names[1], thread: 0, block: 0, losesPackets: true }]);
  });

  it("only warns of a damaged index, since the packets are read whole", async () => {
    writeFileSync(join(folder, "IDX0", names[1] ?? ""), "no index");
    const { packets, warnings } = await count();
    expect(packets).toBe(3000);
    expect(warnings).toEqual(["1 index file is damaged; the packet files were read whole instead"]);
  });

  it("needs no index", async () => {
    for (const name of names) unlinkSync(join(folder, "IDX0", name));
    expect(await count()).toMatchObject({ packets: 3000, damage: [], warnings: [] });
  });

  it("finds packets that waited in their block for as long as it is told that stenotype lets them", async () => {
    const [, , third = ""] = names;
    // Its first block was handed over 200 s after its first packet.
    const name = String(Number(third) + 200e6);
    for (const path of ["PKT0", "IDX0"]) renameSync(join(folder, path, third), join(folder, path, name));
    const startNs = BigInt(third) * 1000n + 1_000_000_000n; // behind what the second file's blocks may have
    const window = { startNs, endNs: startNs + 4_000_000_000n };
    source = copied({ blockAgeSeconds: 200 });
    expect((await count(window)).packets).toBeGreaterThan(300);
    source = copied({});
    expect((await count(window)).packets).toBe(0);
  });

  it("goes by the age it is told that files had, where only their names tell whether one is missing", async () => {
    const [first = "", second = "", third = ""] = names;
    for (const name of names) unnumber(join(folder, "PKT0", name));
    for (const path of ["PKT0", "IDX0"]) rmSync(join(folder, path, second));
    const inside = { startNs: BigInt(first) * 1000n, endNs: BigInt(third) * 1000n };
    source = copied({});
    expect((await count(inside)).coverage?.gaps).toEqual([]); // the first may have been written to for 60 s
    source = copied({ fileAgeSeconds: 3 });
    const gaps = (await count(inside)).coverage?.gaps;
    expect(gaps).toMatchObject([{ endNs: inside.endNs, reason: "missing" }]);
    expect(gaps?.[0]?.startNs).toBeGreaterThan(BigInt(first) * 1000n + 9_000_000_000n);
  });

  it("is unavailable where the folders are missing", async () => {
    rmSync(join(folder, "PKT0"), { recursive: true });
    await expect(count()).rejects.toMatchObject({ kind: "source-unavailable" });
  });
});
