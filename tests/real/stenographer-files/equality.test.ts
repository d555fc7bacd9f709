import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TimeWindow } from "@stenogrpc/pcap";
import { parseFilter, stenographerQuery } from "@stenogrpc/query";
import { StenographerStore } from "@stenogrpc/stenographer-files";
import {
  type PlainPacket,
  packetLine,
  pcapOf,
  type RunningStenographer,
  startStenographer,
  tcpdumpSelect,
  withinWindow,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { daemonAsker } from "./ask-daemon.js";
import { askStore } from "./ask-store.js";
import { generatedQueries } from "./generated-queries.js";

/** STENOGRPC_FILES_QUERIES and STENOGRPC_FILES_SEED: more queries, or others. */
const queries = Number(process.env.STENOGRPC_FILES_QUERIES ?? 1000);
const seed = Number(process.env.STENOGRPC_FILES_SEED ?? 1);
const startNs = 1_700_000_000_000_000_000n;
const second = 1_000_000_000n;
const packetsPerThread = 260_000;
const packetsPerSecond = 36;
const secondsPerFile = 300;
const capture = { startNs, seconds: Math.floor(packetsPerThread / packetsPerSecond) };

let folder = "";
let pcaps: string[] = [];
let daemon: RunningStenographer;
let store: StenographerStore;
let asker: ReturnType<typeof daemonAsker>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "files-equality-"));
  pcaps = [0, 1].map((thread) => join(folder, `${thread}.pcap`));
  for (const [thread, pcap] of pcaps.entries()) {
    await writeSyntheticTraffic(pcap, {
      packets: packetsPerThread,
      seed: seed + thread,
      packetsPerSecond,
      maxPayload: 80,
    });
  }
  daemon = await startStenographer({ pcap: pcaps, mode: "files", secondsPerFile });
  const { Threads } = JSON.parse(readFileSync(daemon.configPath, "utf8")) as {
    Threads: { PacketsDirectory: string; IndexDirectory: string }[];
  };
  store = new StenographerStore({
    threads: Threads.map(({ PacketsDirectory, IndexDirectory }) => ({
      packetsDirectory: PacketsDirectory,
      indexDirectory: IndexDirectory,
    })),
    fileAgeSeconds: secondsPerFile,
  });
  asker = daemonAsker(daemon);
}, 300_000);

afterAll(async () => {
  asker.close();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

/** Lines of packets, in order. */
const lines = (packets: readonly PlainPacket[]): string[] => packets.map(packetLine);

/** The index has whatever stands where a later fragment's ports would be; neither the language nor tcpdump means that. */
function isLaterIpv4Fragment({ data }: PlainPacket): boolean {
  for (let at = 12; at + 22 < data.length && at < 40; at += 2) {
    if (data.readUInt16BE(at) !== 0x0800 && (data[at] ?? 0) >>> 4 !== 4) continue;
    const ip = data.readUInt16BE(at) === 0x0800 ? at + 2 : at;
    if ((data[ip] ?? 0) === 0x45 && (data.readUInt16BE(ip + 6) & 0x1fff) !== 0) return true;
  }
  return false;
}

const askDaemon = async (filter: string, window: TimeWindow): Promise<PlainPacket[]> => {
  const text = stenographerQuery(parseFilter(filter), window, { fileAgeSeconds: secondsPerFile });
  return withinWindow(await asker.ask(text), window);
};

describe("the packets that the store finds", () => {
  it(`are those that the real daemon finds, in its order, for ${queries} queries (seed ${seed})`, async () => {
    expect(readdirSync(daemon.packetsFolder).length).toBeGreaterThan(20); // and as many of the other thread
    let found = 0;
    let answered = 0;
    let fragments = 0;
    let asked = 0;
    for (const { filter, window } of generatedQueries(seed, capture)) {
      if (asked++ === queries) break;
      const [ours, theirs] = await Promise.all([askStore(store, filter, window), askDaemon(filter, window)]);
      const what = `${filter} ${window.startNs}-${window.endNs}`;
      if (ours.length !== theirs.length) {
        const known = new Set(lines(ours));
        const more = theirs.filter((packet) => !known.has(packetLine(packet)));
        expect([what, more.filter((packet) => !isLaterIpv4Fragment(packet))]).toEqual([what, []]);
        expect([what, theirs.length - more.length]).toEqual([what, ours.length]);
        fragments += more.length;
        const without = new Set(lines(more));
        expect([
          what,
          lines(theirs)
            .filter((line) => !without.has(line))
            .join("\n") === lines(ours).join("\n"),
        ]).toEqual([what, true]);
      } else expect([what, lines(ours).join("\n") === lines(theirs).join("\n")]).toEqual([what, true]);
      found += ours.length;
      answered += Number(ours.length > 0);
    }
    process.stdout.write(
      `${queries} queries, ${answered} with packets, ${found} packets; only the daemon's: ${fragments} later fragments\n`,
    );
    expect(answered).toBeGreaterThan(queries / 3);
    expect(found).toBeGreaterThan(20 * queries);
  });

  it("include the end of a file that the daemon leaves out for the time in the file's name", async () => {
    // `after T` takes files created from T - 60 s on; this one was created 200 s before, and is written to for 300.
    const [name = ""] = readdirSync(daemon.packetsFolder).sort().slice(3);
    const from = BigInt(name) * 1000n + 200n * second;
    const window = { startNs: from, endNs: from + 20n * second };
    const time = (ns: bigint) => new Date(Number(ns / 1_000_000n)).toISOString();
    const text = `(after ${time(window.startNs)} and before ${time(window.endNs)}) and tcp`;
    expect(withinWindow(await asker.ask(text), window)).toEqual([]);
    const ours = await askStore(store, "tcp", window);
    expect(ours.length).toBeGreaterThan(100);
    const truth = pcaps.flatMap((pcap) => tcpdumpSelect(pcap, "tcp", window));
    expect(lines(ours).sort()).toEqual(lines(truth).sort());
  });

  it("leave out later fragments whose payload looks like a port where the daemon takes it for one", async () => {
    const window = { startNs, endNs: startNs + 7000n * second };
    const [pcap = ""] = pcaps;
    const fragment = tcpdumpSelect(pcap, "ip proto 6 or ip proto 17", window).find(
      ({ data }) => data.readUInt16BE(12) === 0x0800 && (data.readUInt16BE(20) & 0x1fff) !== 0,
    );
    if (fragment === undefined) throw new Error("no later fragment in the capture");
    const garbage = fragment.data.readUInt16BE(34);
    const theirs = lines(await askDaemon(`port ${garbage}`, window));
    expect(theirs).toContain(packetLine(fragment));
    expect(lines(await askStore(store, `port ${garbage}`, window))).not.toContain(packetLine(fragment));
  });

  it.each([
    "udp and port 53",
    "(host 192.168.1.7 or vlan 10) and tcp",
    "mpls 100 or icmp",
    "net 10.1.0.0/16 and port 53",
    "net 2001:db8::/32 and udp",
  ])("are those that tcpdump finds in the capture: %s", async (filter) => {
    for (const [from, to] of [
      [0n, 4000n],
      [700n, 733n],
      [6500n, 9000n],
    ] as const) {
      const window = { startNs: startNs + from * second, endNs: startNs + to * second };
      const truth = pcaps.flatMap((pcap) => tcpdumpSelect(pcap, filter, window));
      expect(truth.length).toBeGreaterThan(0);
      expect(
        lines(await askStore(store, filter, window))
          .sort()
          .join("\n"),
      ).toBe(lines(truth).sort().join("\n"));
    }
  });
});

it("goes on behind a frame of more than 65,536 bytes, where the daemon's answer ends", async () => {
  const pcap = join(folder, "long.pcap");
  const lengths = [60, 60, 70_000, 60];
  const packets = lengths.map((bytes, i) => ({
    timestampNs: startNs + BigInt(i) * second,
    data: new Uint8Array(bytes).fill(i),
  }));
  writeFileSync(pcap, pcapOf(packets, { snaplen: 262_144 }));
  const other = await startStenographer({ pcap, mode: "files" });
  const otherAsker = daemonAsker(other);
  try {
    const threads = [{ packetsDirectory: other.packetsFolder, indexDirectory: other.indexFolder }];
    const window = { startNs, endNs: startNs + 10n * second };
    const ours = await askStore(new StenographerStore({ threads }), undefined, window);
    expect(ours.map(({ data }) => data.length)).toEqual(lengths);
    const theirs = await otherAsker.ask(stenographerQuery(undefined, window));
    expect(theirs.map(({ data }) => data.length)).toEqual([60, 60]);
  } finally {
    otherAsker.close();
    await other.stop();
  }
});
