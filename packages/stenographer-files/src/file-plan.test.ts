import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordBatch } from "@stenogrpc/pcap";
import { parseFilter } from "@stenogrpc/query";
import {
  eventually,
  openFilesBelow,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StenographerStore, type StoreAnswer } from "./store.js";

const forever = { startNs: 0n, endNs: 10n ** 19n };
let folder = "";
let names: string[] = [];
/** Packets of each file. */
let counts: number[] = [];
let work = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "file-plan-"));
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 20_000, seed: 3, packetsPerSecond: 1000 });
  for (const name of ["PKT0", "IDX0"]) mkdirSync(join(folder, "whole", name), { recursive: true });
  const [packets, index] = [join(folder, "whole", "PKT0"), join(folder, "whole", "IDX0")];
  names = writeStenographerFiles(pcap, packets, index, { secondsPerFile: 2 });
  work = join(folder, "whole");
  counts = await Promise.all(
    names.map(async (name) => {
      const single = join(folder, name);
      for (const part of ["PKT0", "IDX0"]) {
        mkdirSync(join(single, part), { recursive: true });
        copyFileSync(join(work, part, name), join(single, part, name));
      }
      return countOf((await ask(storeOf(single))).batches);
    }),
  );
  expect(names.length).toBeGreaterThan(6);
});

beforeEach(() => {
  work = mkdtempSync(join(folder, "work-"));
  cpSync(join(folder, "whole"), work, { recursive: true });
});
afterEach(() => rmSync(work, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true }));

function storeOf(path: string, readUnfinished = false): StenographerStore {
  const thread = { packetsDirectory: join(path, "PKT0"), indexDirectory: join(path, "IDX0") };
  return new StenographerStore({ threads: [thread], readUnfinished });
}

function ask(store: StenographerStore, filter?: string, signal = new AbortController().signal) {
  return store.query({
    window: forever,
    filter: filter === undefined ? undefined : parseFilter(filter),
    signal,
  });
}

async function countOf(batches: AsyncIterable<RecordBatch>): Promise<number> {
  let count = 0;
  for await (const batch of batches) count += batch.count;
  return count;
}

/** Reads the first batch, lets something happen, and gives the number of packets in all. */
async function countWith({ batches }: StoreAnswer, happening: () => void | Promise<void>): Promise<number> {
  let count = 0;
  let hasHappened = false;
  for await (const batch of batches) {
    count += batch.count;
    if (!hasHappened) await happening();
    hasHappened = true;
  }
  return count;
}

const packetsOf = (i: number) => join(work, "PKT0", names[i] ?? "");
const all = () => counts.reduce((sum, count) => sum + count, 0);

describe("files that are planned ahead", () => {
  it("are not open: only the one that is read is", async () => {
    const answer = await ask(storeOf(work), "tcp");
    await countWith(answer, async () => {
      // The first, unless files are read in a thread of their own, which goes on.
      await eventually(() => expect(openFilesBelow(process.pid, join(work, "PKT0"))).toHaveLength(1));
    });
    await eventually(() => expect(openFilesBelow(process.pid, work)).toEqual([]));
  });

  it("and deleted before their turn are said to be gone", async () => {
    // Behind what a thread of its own has read meanwhile: five blocks.
    const [late, last] = [names.length - 3, names.length - 1];
    const answer = await ask(storeOf(work));
    const count = await countWith(answer, () => {
      for (const i of [late, last]) rmSync(packetsOf(i));
    });
    expect(answer.gone).toEqual([names[late], names[last]]);
    expect(count).toBe(all() - (counts[late] ?? 0) - (counts[last] ?? 0));
    expect(answer.damageCount.losing).toBe(2);
  });

  it("and changed before their turn are planned again", async () => {
    const last = names.length - 1;
    const answer = await ask(storeOf(work));
    const count = await countWith(answer, () => truncateSync(packetsOf(last), 0));
    expect(count).toBe(all() - (counts[last] ?? 0));
    expect(answer.damage).toMatchObject([
      { file: names[last], what: expect.stringContaining("the file ends at byte 0"), losesPackets: true },
    ]);
  });

  it("and finished before their turn are read as finished ones", async () => {
    const last = names.length - 1;
    const hidden = join(work, "PKT0", `.${names[last]}`);
    renameSync(packetsOf(last), hidden);
    const store = storeOf(work, true);
    const answer = await ask(store);
    const count = await countWith(answer, () => renameSync(hidden, packetsOf(last)));
    expect([answer.gone, answer.damage]).toEqual([[], []]);
    expect(count).toBe(all());
  });

  it("tell nothing where the reader leaves before their turn", async () => {
    const index = join(work, "IDX0", names[1] ?? "");
    writeFileSync(index, readFileSync(index).fill(0));
    const store = storeOf(work);
    const early = await ask(store);
    for await (const _ of early.batches) break;
    expect(early.damage).toEqual([]);
    expect(openFilesBelow(process.pid, work)).toEqual([]);
    const whole = await ask(store);
    expect(await countOf(whole.batches)).toBe(all());
    expect(whole.damage).toMatchObject([{ part: "index", file: names[1], losesPackets: false }]);
  });

  it("leave nothing open when the signal aborts", async () => {
    for (let i = 0; i < 20; i++) {
      const left = new AbortController();
      const { batches } = await ask(storeOf(work), "udp", left.signal);
      const reading = countWith({ batches } as StoreAnswer, async () => {
        for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setImmediate(resolve));
        left.abort(new Error("left"));
      });
      await expect(reading).rejects.toThrow("left");
    }
    await eventually(() => expect(openFilesBelow(process.pid, work)).toEqual([]));
  });
});

describe("what is known of a finished file", () => {
  it("is its last position, too, until its index is another one", async () => {
    const store = storeOf(work);
    expect(await countOf((await ask(store)).batches)).toBe(all());
    // Another index, which names packets beyond the file.
    const long = join(work, "long");
    mkdirSync(long);
    const [name = ""] = writeStenographerFiles(join(folder, "in.pcap"), long, work, { secondsPerFile: 60 });
    copyFileSync(join(work, name), join(work, "IDX0", names[0] ?? ""));
    const answer = await ask(store);
    await countOf(answer.batches);
    expect(answer.damage).toMatchObject([{ file: names[0], losesPackets: true }]);
  });
});
