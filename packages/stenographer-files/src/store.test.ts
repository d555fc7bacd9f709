import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, pipe, records, timeWindow } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import {
  openFilesBelow,
  packetLine,
  readPcap,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StenographerStore } from "./store.js";

const forever = { startNs: 0n, endNs: 10n ** 19n };
let folder = "";
/** Packets of both threads, in order of time. */
let truth: { line: string; timestampNs: bigint }[] = [];
let threads: { packetsDirectory: string; indexDirectory: string }[] = [];
let names: string[][] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "store-"));
  for (const thread of [0, 1]) {
    const pcap = join(folder, `${thread}.pcap`);
    await writeSyntheticTraffic(pcap, { packets: 12_000, seed: 7 + thread, packetsPerSecond: 200 });
    const folders = {
      packetsDirectory: join(folder, `PKT${thread}`),
      indexDirectory: join(folder, `IDX${thread}`),
    };
    mkdirSync(folders.packetsDirectory);
    mkdirSync(folders.indexDirectory);
    names.push(
      writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory, { secondsPerFile: 15 }),
    );
    threads.push(folders);
    truth.push(
      ...readPcap(pcap).map((packet) => ({ line: packetLine(packet), timestampNs: packet.timestampNs })),
    );
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  truth = [];
  threads = [];
  names = [];
});

interface Asked {
  readonly lines: string[];
  readonly damage: readonly { part: string; losesPackets: boolean; what: string }[];
  readonly read: number;
}

async function ask(
  filterText?: string,
  window = forever,
  from = threads,
  lasting?: StenographerStore,
): Promise<Asked> {
  const filter = filterText === undefined ? undefined : parseFilter(filterText);
  const store = lasting ?? new StenographerStore({ threads: from });
  const signal = new AbortController().signal;
  const answer = await store.query({ window, filter, signal });
  const counts = { recordsSeen: 0, recordsOutsideWindow: 0 };
  const exact = pipe(
    answer.batches,
    timeWindow(window, counts),
    filter === undefined ? (batches) => batches : match(compileFilter(filter, { linkType: 1 })),
  );
  const lines: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(exact)) {
    lines.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  if (store !== lasting) await store.close();
  return { lines, damage: answer.damage, read: counts.recordsSeen };
}

/** What a filter selects, found by reading everything. */
async function scan(filterText: string): Promise<string[]> {
  const noIndex = threads.map(({ packetsDirectory }) => ({ packetsDirectory, indexDirectory: folder }));
  return (await ask(filterText, forever, noIndex)).lines;
}

describe("StenographerStore", () => {
  it("gives every packet of two threads once, in order of time", async () => {
    const { lines, damage } = await ask();
    const sorted = [...truth].sort((a, b) =>
      a.timestampNs < b.timestampNs ? -1 : a.timestampNs > b.timestampNs ? 1 : 0,
    );
    expect(lines).toHaveLength(24_000);
    expect([...lines].sort()).toEqual(sorted.map(({ line }) => line).sort());
    const times = lines.map((line) => BigInt(line.split(" ")[0] ?? 0));
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0n))).toBe(true);
    expect(damage).toEqual([]);
  });

  it("gives exactly the packets of a window, wherever it lies in the files", async () => {
    const startNs = 1_700_000_000_000_000_000n;
    for (const [from, to] of [
      [0, 1],
      [14, 17],
      [3.25, 3.5],
      [29.9, 30.2],
      [55, 1000],
    ] as const) {
      const window = { startNs: startNs + BigInt(from * 1e9), endNs: startNs + BigInt(to * 1e9) };
      const wanted = truth.filter(
        ({ timestampNs }) => timestampNs >= window.startNs && timestampNs < window.endNs,
      );
      expect((await ask(undefined, window)).lines.sort()).toEqual(wanted.map(({ line }) => line).sort());
    }
  });

  it.each([
    "tcp",
    "udp and port 53",
    "host 10.0.0.1",
    "net 10.0.0.0/8",
    "net 0.0.0.0/0",
    "net 2001:db8::/32",
    "vlan 10",
    "mpls 100",
    "ip proto 47",
    "icmp or (tcp and port 80)",
    "host 10.0.0.1 or host 10.0.0.2 or host 10.0.0.3",
    "(host 10.0.0.1 and host 10.0.0.2) or (udp and net 10.1.0.0/16)",
    "port 1 and port 2",
    "after 2023-11-14T22:13:40Z and tcp",
  ])("finds by index what reading everything finds: %s", async (filter) => {
    expect((await ask(filter)).lines).toEqual(await scan(filter));
  });

  it("reads little for a filter that few packets match", async () => {
    const hosts = truth.length;
    const { read, lines } = await ask("port 53 and icmp");
    expect(lines).toEqual([]);
    expect(read).toBeLessThan(hosts / 2);
  });

  it("closes its files when the reader leaves and when the signal aborts", async () => {
    const store = new StenographerStore({ threads });
    const controller = new AbortController();
    const answer = await store.query({ window: forever, signal: controller.signal });
    await answer.batches[Symbol.asyncIterator]().next();
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    await expect.poll(() => openFilesBelow(process.pid, folder)).toEqual([]);
    const left = await store.query({ window: forever, signal: new AbortController().signal });
    for await (const _ of left.batches) break;
    await expect.poll(() => openFilesBelow(process.pid, folder)).toEqual([]);
  });
});

describe("a damaged pair", () => {
  let copy: { packetsDirectory: string; indexDirectory: string }[] = [];
  let packets = "";
  let index = "";
  let whole: Set<string>;
  /** Asked again and again, as what it remembers of the files must not hide what became of them. */
  let store: StenographerStore;
  let writes = 0;

  /** Writes a file at a time of its own: two writes within a tick of the kernel's clock would have the same. */
  const write = (path: string, bytes: Uint8Array): void => {
    writeFileSync(path, bytes);
    utimesSync(path, ++writes, writes);
  };
  const askAgain = (filterText?: string): Promise<Asked> => ask(filterText, forever, copy, store);

  beforeEach(() => {
    const name = names[0]?.[0] ?? "";
    const source = threads[0] ?? { packetsDirectory: "", indexDirectory: "" };
    const work = mkdtempSync(join(folder, "damage-"));
    packets = join(work, "P", name);
    index = join(work, "I", name);
    mkdirSync(join(work, "P"));
    mkdirSync(join(work, "I"));
    copyFileSync(join(source.packetsDirectory, name), packets);
    copyFileSync(join(source.indexDirectory, name), index);
    copy = [{ packetsDirectory: join(work, "P"), indexDirectory: join(work, "I") }];
    whole = new Set(truth.map(({ line }) => line));
    store = new StenographerStore({ threads: copy });
  });

  afterEach(() => store.close());

  it("never costs packets for a damaged index, wherever a byte is wrong", async () => {
    const good = readFileSync(index);
    const filter = "udp and port 53";
    const wanted = (await askAgain(filter)).lines;
    for (let i = 0; i < 150; i++) {
      const bad = Buffer.from(good);
      const at = Math.floor((i * good.length) / 150);
      bad[at] = (bad[at] ?? 0) ^ (1 << (i % 8));
      write(index, bad);
      expect((await askAgain(filter)).lines).toEqual(wanted);
    }
    for (const size of [0, 1, 47, 48, good.length >> 1, good.length - 1]) {
      write(index, good.subarray(0, size));
      const { lines, damage } = await askAgain(filter);
      expect(lines).toEqual(wanted);
      expect(damage).toMatchObject([{ part: "index", losesPackets: false }]);
    }
  });

  it("says so whenever a wrong byte in a header costs packets, and gives no packet that never was", async () => {
    const good = readFileSync(packets);
    const all = (await askAgain()).lines.length;
    const block = 1024 * 1024;
    let costly = 0;
    // A frame's length and place have three low bits that nothing vouches for (the padding), its time and bytes more.
    const places = [...Array(24).keys(), 48, 49, 50, 51, 60, 61, 62, 63, 72, 73];
    for (const at of places.filter((place) => place < 4 || place >= 12)) {
      for (const bit of at < 52 ? [0, 3, 7] : [3, 7]) {
        const bad = Buffer.from(good);
        const place = block + at;
        bad[place] = (bad[place] ?? 0) ^ (1 << bit);
        write(packets, bad);
        const { lines, damage } = await askAgain();
        expect(lines.filter((line) => !whole.has(line))).toEqual([]);
        if (lines.length === all) continue;
        costly++;
        expect(
          damage.some(({ losesPackets }) => losesPackets),
          `byte ${at} bit ${bit}`,
        ).toBe(true);
      }
    }
    expect(costly).toBeGreaterThan(40);
  });

  it.each([1, 100, 1024 * 1024, 1024 * 1024 + 1, 1_500_000])(
    "says so when %d bytes are missing at the end",
    async (cut) => {
      const good = readFileSync(packets);
      const all = (await askAgain()).lines.length;
      truncateSync(packets, good.length - cut);
      for (const filter of [undefined, "tcp"]) {
        const { lines, damage } = await askAgain(filter);
        expect(lines.filter((line) => !whole.has(line))).toEqual([]);
        if (filter === undefined && lines.length < all) {
          expect(damage.some(({ losesPackets }) => losesPackets)).toBe(true);
        }
      }
    },
  );

  it("says so when a block is zero", async () => {
    const bad = readFileSync(packets);
    bad.fill(0, 1024 * 1024, 2 * 1024 * 1024);
    write(packets, bad);
    const { damage } = await askAgain();
    expect(damage).toMatchObject([
      { part: "packets", losesPackets: true, what: "block version 0 instead of 2" },
    ]);
  });
});
