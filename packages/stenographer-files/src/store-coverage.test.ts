import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFilesBelow, readPcap, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StenographerStore, type StoreOptions } from "./store.js";

const startNs = 1_700_000_000_000_000_000n;
const second = 1_000_000_000n;
const blockBytes = 1024 * 1024;
let folder = "";
let threads: { packetsDirectory: string; indexDirectory: string }[] = [];
/** Names of each thread's files. */
let names: string[][] = [];
let newestNs = 0n;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "coverage-"));
  threads = [];
  names = [];
  newestNs = 0n;
  for (const thread of [0, 1]) {
    const pcap = join(folder, `${thread}.pcap`);
    await writeSyntheticTraffic(pcap, {
      packets: 12_000,
      seed: 3 + thread,
      packetsPerSecond: 200,
      start: 1_700_000_000 + 3 * thread,
    });
    const folders = {
      packetsDirectory: join(folder, `PKT${thread}`),
      indexDirectory: join(folder, `IDX${thread}`),
    };
    for (const path of Object.values(folders)) mkdirSync(path);
    names.push(
      writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory, { secondsPerFile: 15 }),
    );
    threads.push(folders);
    const last = readPcap(pcap).at(-1)?.timestampNs ?? 0n;
    newestNs = newestNs === 0n || last < newestNs ? last : newestNs;
  }
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Asks for seconds of the capture, reads everything, and gives the coverage with times in seconds from its start. */
async function coverage(
  from: number,
  to: number,
  options: Partial<StoreOptions> = {},
  whileReading?: () => void,
  afterReading?: () => void,
) {
  const store = new StenographerStore({ threads, ...options });
  const at = (seconds: number) => startNs + BigInt(Math.round(seconds * 1e9));
  const answer = await store.query({
    window: { startNs: at(from), endNs: at(to) },
    signal: new AbortController().signal,
  });
  whileReading?.();
  for await (const _ of answer.batches);
  afterReading?.();
  const { gaps, ...rest } = await answer.coverage();
  expect(openFilesBelow(process.pid, folder)).toEqual([]);
  const seconds = (ns: bigint) => Number(ns - startNs) / 1e9;
  return {
    ...rest,
    gaps: gaps.map(({ startNs, endNs, reason }) => ({ from: seconds(startNs), to: seconds(endNs), reason })),
    damage: answer.damage,
  };
}

describe("the coverage of an answer", () => {
  it("has no gap within what every thread has, and the times of the oldest and newest packet", async () => {
    const { gaps, oldestNs } = await coverage(3, 50);
    expect(gaps).toEqual([]);
    expect(oldestNs).toBe(startNs);
  });

  it("says that a window begins before the threads' files and ends behind them", async () => {
    const { gaps } = await coverage(-10, 1000);
    expect(gaps).toMatchObject([
      { from: -10, to: 3, reason: "aged-out" },
      { to: 1000, reason: "missing" },
    ]);
    expect(gaps[1]?.from).toBeCloseTo(Number(newestNs - startNs) / 1e9, 5);
  });

  it("is all gap in an empty store, and before and behind everything", async () => {
    expect((await coverage(-50, -40)).gaps).toEqual([{ from: -50, to: -40, reason: "aged-out" }]);
    expect((await coverage(500, 510)).gaps).toEqual([{ from: 500, to: 510, reason: "missing" }]);
    for (const { packetsDirectory } of threads)
      for (const name of readdirSync(packetsDirectory)) rmSync(join(packetsDirectory, name));
    expect((await coverage(0, 10)).gaps).toEqual([{ from: 0, to: 10, reason: "missing" }]);
  });

  it.each(["packets", "packets and index"])(
    "has a gap where the %s of a file in the middle are missing",
    async (what) => {
      const [folders] = threads;
      const name = names[0]?.[1] ?? "";
      rmSync(join(folders?.packetsDirectory ?? "", name));
      if (what !== "packets") rmSync(join(folders?.indexDirectory ?? "", name));
      const { gaps } = await coverage(3, 50);
      expect(gaps).toMatchObject([{ reason: "missing" }]);
      expect(gaps[0]?.from).toBeCloseTo(15, 0);
      expect(gaps[0]?.to).toBeCloseTo(30, 0);
      expect((await coverage(32, 50)).gaps).toEqual([]);
    },
  );

  it("has a gap where a file is deleted while others are read", async () => {
    const path = join(threads[0]?.packetsDirectory ?? "", names[0]?.[2] ?? "");
    const { gaps } = await coverage(3, 50, {}, () => rmSync(path));
    expect(gaps).toMatchObject([{ reason: "missing" }]);
    expect(gaps[0]?.from).toBeCloseTo(30, 0);
    expect(gaps[0]?.to).toBeCloseTo(45, 0);
  });

  it.each([
    ["a folder", (path: string) => mkdirSync(path)],
    ["a link to itself", (path: string) => symlinkSync(path, path)],
  ])("has a gap where a file that was read has become %s since", async (_, put) => {
    const path = join(threads[0]?.packetsDirectory ?? "", names[0]?.[2] ?? "");
    const replace = (): void => {
      rmSync(path);
      put(path);
    };
    const { gaps } = await coverage(3, 50, {}, undefined, replace);
    expect(gaps).toMatchObject([{ reason: "missing" }]);
    expect(gaps[0]?.from).toBeCloseTo(30, 0);
  });

  it("says that the file being written is not there yet, and of it only what is read with readUnfinished", async () => {
    const packets = threads[0]?.packetsDirectory ?? "";
    const last = names[0]?.at(-1) ?? "";
    renameSync(join(packets, last), join(packets, `.${last}`));
    const now = () => Number(startNs / 1_000_000n) + 61_000;
    const without = await coverage(3, 61, { now });
    expect(without.gaps).toMatchObject([{ to: 61, reason: "not-yet-written" }]);
    expect(without.gaps[0]?.from).toBeCloseTo(Number(last) / 1e6 - 1_700_000_000, 0);
    const withIt = await coverage(3, 61, { now, readUnfinished: true });
    expect(withIt.gaps[0]?.from).toBeGreaterThan(without.gaps[0]?.from ?? 0);
    // A sensor that stopped a day ago will not write it any more.
    const later = await coverage(3, 61, { now: () => now() + 86_400_000 });
    expect(later.gaps).toMatchObject([{ to: 61, reason: "missing" }]);
  });

  it("has a gap where a file was cut between two blocks, which nothing in it tells", async () => {
    const path = join(threads[0]?.packetsDirectory ?? "", names[0]?.[1] ?? "");
    rmSync(join(threads[0]?.indexDirectory ?? "", names[0]?.[1] ?? ""));
    truncateSync(path, statSync(path).size - blockBytes);
    const { gaps, damage } = await coverage(3, 50);
    expect(damage).toEqual([]);
    expect(gaps).toMatchObject([{ reason: "missing" }]);
    expect(gaps[0]?.from).toBeLessThan(30);
    expect(gaps[0]?.to).toBeCloseTo(30, 0);
  });

  it("has a gap where a file can't be read, from a block's age before its name to the next one's", async () => {
    const path = join(threads[0]?.packetsDirectory ?? "", names[0]?.[1] ?? "");
    const file = new Uint8Array(statSync(path).size);
    writeFileSync(path, file);
    const { gaps } = await coverage(3, 50, { blockAgeSeconds: 2 });
    expect(gaps).toMatchObject([{ reason: "missing" }]);
    expect(gaps[0]?.from).toBeCloseTo(13, 0);
    expect(gaps[0]?.to).toBeCloseTo(30, 0);
  });
});

describe("estimate", () => {
  it("gives the number and size of the files that may hold the window", async () => {
    const store = new StenographerStore({ threads });
    const all = threads.flatMap(({ packetsDirectory }) =>
      readdirSync(packetsDirectory).map((name) => statSync(join(packetsDirectory, name)).size),
    );
    expect(await store.estimate({ startNs, endNs: startNs + 60n * second })).toEqual({
      files: all.length,
      bytes: all.reduce((sum, size) => sum + size, 0),
    });
    expect(await store.estimate({ startNs: 0n, endNs: second })).toEqual({ files: 0, bytes: 0 });
  });
});

describe("a store that is asked again", () => {
  it("reads the block headers of a file once, and of one that has changed anew", async () => {
    const store = new StenographerStore({ threads });
    const read = async () => {
      const answer = await store.query({
        window: { startNs: 0n, endNs: 10n ** 19n },
        signal: new AbortController().signal,
      });
      let packets = 0;
      for await (const { count } of answer.batches) packets += count;
      return { packets, losing: answer.damageCount.losing };
    };
    const first = await read();
    expect(first).toEqual({ packets: 24_000, losing: 0 });
    expect(await read()).toEqual(first);
    const path = join(threads[0]?.packetsDirectory ?? "", names[0]?.[1] ?? "");
    truncateSync(path, blockBytes + 5);
    const cut = await read();
    expect(cut.packets).toBeLessThan(first.packets);
    expect(cut.losing).toBeGreaterThan(0);
  });
});
