import { execFile } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { CaptureHeader, RecordBatch, TimeWindow } from "@stenogrpc/pcap";
import { LinkType, PcapngWriter, PcapWriter, RecordCursor } from "@stenogrpc/pcap";
import { pcapOf } from "@stenogrpc/testkit";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Logger } from "../../logger.js";
import { retrievalPlan } from "../../testing/retrieval-plan.js";
import type { OpenSource, PacketSource } from "../packet-source.js";
import { SourceError } from "../packet-source.js";
import type { DirectoryOptions } from "./directory-options.js";
import { directorySource } from "./directory-source.js";

const second = 1_000_000_000n;
/** 2023-11-14T22:13:20Z; times below are in seconds after it. */
const t0 = 1_700_000_000n * second;
const at = (seconds: number): bigint => t0 + BigInt(Math.round(seconds * 1e9));
const always: TimeWindow = { startNs: 0n, endNs: 1n << 62n };
const between = (from: number, to: number): TimeWindow => ({ startNs: at(from), endNs: at(to) });

interface Packet {
  readonly id: number;
  readonly timestampNs: bigint;
  readonly bytes?: number;
}

/** Packets named by their number, one at each of the times. */
const packets = (firstId: number, ...seconds: number[]): Packet[] =>
  seconds.map((time, i) => ({ id: firstId + i, timestampNs: at(time) }));

/** Enough of them to take several reads. */
const manyLargePackets = (count = 60): Packet[] =>
  Array.from({ length: count }, (_, i) => ({ id: i, timestampNs: at(i), bytes: 60_000 }));

function frame({ id, bytes = 60 }: Packet): Uint8Array {
  const data = new Uint8Array(bytes);
  new DataView(data.buffer).setUint32(0, id);
  return data;
}

const littleMicroseconds: CaptureHeader = {
  byteOrder: "little",
  resolution: "microseconds",
  snaplen: 65_535,
  linkType: LinkType.ethernet,
};

function pcap(content: readonly Packet[], header: Partial<CaptureHeader> = {}): Buffer {
  return pcapOf(
    content.map((packet) => ({ ...packet, data: frame(packet) })),
    { ...littleMicroseconds, ...header },
  );
}

function pcapng(content: readonly Packet[], linkType: number = LinkType.ethernet): Buffer {
  const writer = new PcapngWriter({ linkType });
  return Buffer.concat([
    writer.header(),
    ...content.map((packet) => writer.record({ ...packet, data: frame(packet) })),
  ]);
}

let folder: string;
let source: PacketSource | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "directory-source-"));
});

afterEach(async () => {
  await source?.close?.();
  source = undefined;
  expect(openFiles()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

/** Descriptors of this process that lead into the folder, as far as the system tells. */
function openFiles(): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(folder) ? [target] : [];
    } catch {
      return []; // the descriptor that lists them
    }
  });
}

/** Writes a file that nobody has touched for an hour, or for the given time. */
function file(name: string, bytes: Uint8Array, ageSeconds = 3600): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  age(path, ageSeconds);
  return path;
}

function changedAt(path: string, timeNs: bigint): void {
  const time = Number(timeNs / second);
  utimesSync(path, time, time);
}

function age(path: string, seconds: number): void {
  const time = Math.floor(Date.now() / 1000) - seconds;
  utimesSync(path, time, time);
}

function serve(options: Partial<DirectoryOptions> = {}): PacketSource {
  source = directorySource({ path: folder, ...options });
  return source;
}

const neverAborts = (): AbortSignal => new AbortController().signal;

function open(window: TimeWindow, signal = neverAborts(), from = source ?? serve()): Promise<OpenSource> {
  return from.open(retrievalPlan({ window }), signal);
}

interface Seen {
  readonly id: number;
  readonly timestampNs: bigint;
}

function seenIn(batch: RecordBatch): Seen[] {
  const cursor = new RecordCursor(batch);
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  return Array.from({ length: batch.count }, (_, i) => {
    cursor.seek(i);
    return {
      id: view.getUint32(cursor.frameOffset),
      timestampNs: BigInt(cursor.seconds) * second + BigInt(cursor.nanoseconds),
    };
  });
}

const isIn = (window: TimeWindow) => (packet: { timestampNs: bigint }) =>
  packet.timestampNs >= window.startNs && packet.timestampNs < window.endNs;

/** Reads to the end and keeps what lies in the window, as the server does. */
async function read(opened: OpenSource, window: TimeWindow): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const batch of opened.batches) {
    expect(batch.header).toMatchObject({
      byteOrder: opened.header.byteOrder,
      resolution: opened.header.resolution,
      linkType: opened.header.linkType,
    });
    seen.push(...seenIn(batch).filter(isIn(window)));
  }
  return seen;
}

/** The numbers of the packets in a window. */
async function ask(window: TimeWindow = always): Promise<number[]> {
  return (await read(await open(window), window)).map(({ id }) => id);
}

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string | undefined;
}

function recordingLogger(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message?: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

describe("directorySource", () => {
  describe("options", () => {
    it("names the nearest known key for an unknown one", () => {
      expect(() => directorySource({ path: folder, patern: "*" } as DirectoryOptions)).toThrow(
        /did you mean "pattern"/,
      );
    });

    it("refuses a pattern with a folder in it", () => {
      expect(() => directorySource({ path: folder, pattern: "a/*.pcap" })).toThrow(/file name alone/);
    });
  });

  describe("which files count", () => {
    it("takes captures in folders under the folder, and leaves hidden and unfinished ones", async () => {
      file("a.pcap", pcap(packets(1, 1)));
      file("sub/deep/b.pcapng", pcapng(packets(2, 2)));
      file("eth0.pcap.3", pcap(packets(3, 3)));
      file(".hidden.pcap", pcap(packets(90, 1)));
      file(".hidden/c.pcap", pcap(packets(91, 1)));
      file("d.pcap.partial", pcap(packets(92, 1)));
      file("e.pcap.tmp", pcap(packets(93, 1)));
      file("f.txt", pcap(packets(94, 1)));
      expect(await ask()).toEqual([1, 2, 3]);
    });

    it("goes by the pattern where one is given", async () => {
      file("a.pcap", pcap(packets(1, 1)));
      file("b.dump", pcap(packets(2, 2)));
      file("c.raw", pcap(packets(3, 3)));
      serve({ pattern: ["*.dump", "c.*"] });
      expect(await ask()).toEqual([2, 3]);
    });

    it("goes by the first bytes, and says once what it skips", async () => {
      file("a.pcap", pcap(packets(1, 1)));
      const path = file("b.pcap", Buffer.from("these are not the packets you are looking for"));
      const gzip = file("c.pcap.gz", gzipSync("neither are these"));
      file("d.pcap", gzipSync(pcapng(packets(4, 4))));
      const logger = recordingLogger();
      serve({ logger });
      expect(await ask()).toEqual([1, 4]);
      expect(await ask()).toEqual([1, 4]);
      const skipped = logger.lines.filter(({ message }) => message?.startsWith("skipped"));
      expect(skipped.map(({ level, fields }) => [level, fields.path]).sort()).toEqual([
        ["warn", path],
        ["warn", gzip],
      ]);
    });

    it("says that no file of its folder has a capture's name", async () => {
      file("trace1", pcap(packets(1, 1)));
      const logger = recordingLogger();
      serve({ logger });
      await expect.poll(() => logger.lines).toMatchObject([{ level: "warn", fields: { path: folder } }]);
    });

    it("says once, without a stack, that its folder is not there, and serves it when it is", async () => {
      const path = join(folder, "mounted-later");
      const logger = recordingLogger();
      serve({ path, logger });
      await expect.poll(() => logger.lines).toHaveLength(1);
      await expect(ask()).rejects.toMatchObject({ kind: "source-unavailable" });
      file("mounted-later/a.pcap", pcap(packets(1, 1)));
      expect(await ask()).toEqual([1]);
      expect(logger.lines.filter(({ level }) => level !== "debug")).toEqual([
        {
          level: "warn",
          fields: { path },
          message: "the capture folder is not there; each retrieval fails until it is",
        },
      ]);
    });

    it("follows links, in a circle too, and takes a file of several names once", async () => {
      const path = file("a/a.pcap", pcap(packets(1, 1)));
      linkSync(path, join(folder, "hard.pcap"));
      symlinkSync(path, join(folder, "soft.pcap"));
      symlinkSync(folder, join(folder, "a", "back"));
      symlinkSync(folder, join(folder, "a", "again")); // who follows both without end does 2^40 of it
      symlinkSync(join(folder, "gone.pcap"), join(folder, "dangling.pcap"));
      symlinkSync("self.pcap", join(folder, "self.pcap"));
      expect(await ask()).toEqual([1]);
    });

    it("takes files behind a link to a folder elsewhere", async () => {
      const elsewhere = mkdtempSync(join(tmpdir(), "directory-source-elsewhere-"));
      try {
        writeFileSync(join(elsewhere, "a.pcap"), pcap(packets(1, 1)));
        symlinkSync(elsewhere, join(folder, "link"));
        expect(await ask()).toEqual([1]);
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });

    it("counts x.pcap.gz as x.pcap while gzip makes one of the other", async () => {
      const bytes = pcap(packets(1, 1, 2, 3));
      file("a.pcap", bytes);
      file("a.pcap.gz", gzipSync(bytes).subarray(0, -12), 0);
      expect(await ask()).toEqual([1, 2, 3]);
      unlinkSync(join(folder, "a.pcap"));
      file("a.pcap.gz", gzipSync(bytes));
      expect(await ask()).toEqual([1, 2, 3]);
    });

    it("takes both x.pcap and x.pcap.gz when they differ", async () => {
      file("a.pcap", pcap(packets(10, 10)));
      file("a.pcap.gz", gzipSync(pcap(packets(1, 1))));
      expect(await ask()).toEqual([1, 10]);
    });
  });

  describe("which packets come", () => {
    it("merges the files of several capture threads in time order", async () => {
      file("t0/a.pcap", pcap([...packets(1, 1), ...packets(4, 4), ...packets(5, 5)]));
      file("t1/a.pcap", pcap([...packets(2, 2), ...packets(3, 3), ...packets(7, 7)]));
      file("t2/a.pcap", pcap(packets(6, 6)));
      expect(await ask()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    it("opens only files that reach into the window, its end excluded", async () => {
      file("a.pcap", pcap(packets(1, 1, 2)));
      file("b.pcap", pcap(packets(3, 3, 4)));
      file("c.pcap", pcap(packets(5, 5, 6)));
      const opened = await open(between(4, 5));
      expect(await read(opened, always)).toEqual(packets(3, 3, 4));
    });

    it("finds a packet that lies out of order in its file", async () => {
      file("a.pcap", pcap([...packets(1, 100, 101), ...packets(3, 5), ...packets(4, 102)]));
      expect(await ask(between(5, 6))).toEqual([3]);
    });

    it("has no packets to give from an empty folder and from files that were just begun", async () => {
      expect(await ask()).toEqual([]);
      file("zero.pcap", Buffer.alloc(0));
      file("half.pcap", pcap([]).subarray(0, 11));
      file("header.pcap", pcap([]));
      file("header.pcapng", pcapng([]));
      file("zero.pcap.gz", gzipSync(""));
      file("begun.pcap", pcap(packets(1, 1)).subarray(0, 30));
      const opened = await open(always);
      expect(await read(opened, always)).toEqual([]);
      expect(opened.warnings).toEqual([]);
    });
  });

  describe("the form of the answer", () => {
    it("is that of the files when they agree, their records byte for byte", async () => {
      const form = { byteOrder: "big", resolution: "nanoseconds" } as const;
      const a = pcap(packets(1, 1.000000001), { ...form, snaplen: 96 });
      file("a.pcap", a);
      file("b.pcap", pcap(packets(2, 2), { ...form, snaplen: 1500 }));
      const opened = await open(always);
      expect(opened.header).toEqual({ ...form, snaplen: 1500, linkType: LinkType.ethernet });
      for await (const batch of opened.batches) {
        const offset = batch.offsets[0] ?? -1;
        expect(Buffer.from(batch.bytes.subarray(offset, offset + 76))).toEqual(a.subarray(24));
        break;
      }
    });

    it("is little-endian microseconds when only byte orders differ", async () => {
      file("a.pcap", pcap(packets(1, 1.5), { byteOrder: "big" }));
      file("b.pcap", pcap(packets(2, 2.5)));
      const opened = await open(always);
      expect(opened.header).toEqual(littleMicroseconds);
      expect(await read(opened, always)).toEqual(packets(1, 1.5, 2.5));
    });

    it("has nanoseconds as soon as one file has", async () => {
      file("a.pcap", pcap(packets(1, 1.000001)));
      file("b.pcapng", pcapng(packets(2, 2.000000001)));
      const opened = await open(always);
      expect(opened.header).toMatchObject({ byteOrder: "little", resolution: "nanoseconds" });
      expect(await read(opened, always)).toEqual(packets(1, 1.000001, 2.000000001));
    });

    it("is that of the candidates alone", async () => {
      file("a.pcap", pcap(packets(1, 1), { byteOrder: "big" }));
      file("b.pcapng", pcapng(packets(2, 2)));
      expect((await open(between(0, 2))).header).toMatchObject({
        byteOrder: "big",
        resolution: "microseconds",
      });
    });

    it("says a large snaplen where a file sets none", async () => {
      file("a.pcap", pcap(packets(1, 1), { snaplen: 0 }));
      file("b.pcap", pcap(packets(2, 2), { snaplen: 96 }));
      expect((await open(always)).header.snaplen).toBe(262_144);
    });

    it("is Ethernet in microseconds when no file is asked", async () => {
      expect((await open(always)).header).toEqual({ ...littleMicroseconds, snaplen: 262_144 });
    });

    it("takes the link type of the folder when no file is asked", async () => {
      file("a.pcap", pcap(packets(1, 1), { linkType: LinkType.raw }));
      file("b.pcap", pcap([], { linkType: LinkType.raw }));
      expect((await open(between(5, 6))).header.linkType).toBe(LinkType.raw);
      file("c.pcap", pcap([]));
      expect((await open(between(5, 6))).header.linkType).toBe(LinkType.ethernet);
    });

    it("is that of the packets, whatever other interfaces a pcapng describes", async () => {
      file("a.pcapng", Buffer.concat([pcapng([], LinkType.raw), pcapng(packets(1, 1))]));
      file("b.pcap", pcap(packets(2, 2)));
      const opened = await open(always);
      expect(opened.header.linkType).toBe(LinkType.ethernet);
      expect((await read(opened, always)).map(({ id }) => id)).toEqual([1, 2]);
    });

    it("refuses link types that one answer cannot hold, by name", async () => {
      file("a.pcap", pcap(packets(1, 1)));
      file("b.pcap", pcap(packets(2, 2), { linkType: LinkType.linuxSll }));
      await expect(open(always)).rejects.toMatchObject({
        kind: "mixed-link-types",
        message: expect.stringMatching(/Ethernet \(1\) and Linux cooked v1 \(113\)/),
      });
      expect(await ask(between(2, 3))).toEqual([2]);
    });
  });

  describe("what is known of files", () => {
    it("does not open a file outside the window again", async () => {
      const old = file("a.pcap", pcap(packets(1, 1)));
      file("b.pcap", pcap(packets(2, 50)));
      expect(await ask()).toEqual([1, 2]);
      // Same size, same time of change: to see the difference one must open it.
      const { size, atime, mtime } = statSync(old);
      writeFileSync(old, Buffer.alloc(size, 0xee));
      utimesSync(old, atime, mtime);
      expect(await ask(between(50, 51))).toEqual([2]);
      await expect(ask(between(1, 2))).rejects.toMatchObject({ kind: "source-changed" });
    });

    it("keeps what it knows when a file is renamed", async () => {
      const logger = recordingLogger();
      serve({ logger });
      const path = file("x.pcap", pcap(packets(1, 1)));
      expect(await ask()).toEqual([1]);
      renameSync(path, join(folder, "x.pcap.1"));
      expect(await ask()).toEqual([1]);
      expect(logger.lines.filter(({ message }) => message?.startsWith("learned"))).toHaveLength(1);
    });

    it("goes on behind the last record of a file that grew", async () => {
      serve();
      const before = manyLargePackets(5);
      const bytes = pcap(before);
      const path = file("a.pcap", Buffer.concat([bytes, Buffer.from("cut")]), 0);
      expect(await ask()).toHaveLength(5);
      // Damage behind what recognises the file: whoever read it anew would stumble.
      const grown = pcap([...before, ...packets(100, 0.5, 9)]);
      grown.writeUInt32LE(0xffff_ffff, 24 + 60_016 + 8);
      writeFileSync(path, grown);
      await expect(source?.describe(neverAborts())).resolves.toEqual({
        oldestPacketNs: at(0),
        newestPacketNs: at(9),
      });
    });

    it("reads a file anew that was overwritten in place", async () => {
      serve();
      const path = file("a.pcap", pcap(packets(1, 1, 2)), 0);
      expect(await ask()).toEqual([1, 2]);
      writeFileSync(path, pcap(packets(11, 101, 102, 103)));
      expect(await ask(between(100, 200))).toEqual([11, 12, 13]);
      expect(await ask(between(0, 100))).toEqual([]);
    });

    it("reads a file anew that differs behind what recognises it", async () => {
      serve();
      const path = file("a.pcap", pcap(manyLargePackets(3)), 0);
      expect(await ask()).toEqual([0, 1, 2]);
      const [first] = manyLargePackets(1) as [Packet];
      const others = packets(11, 101, 102, 103).map((packet) => ({ ...packet, bytes: 50_000 }));
      writeFileSync(path, pcap([first, ...others]));
      expect(await ask()).toEqual([0, 11, 12, 13]);
    });

    it("reads a file anew that was cut in its last record", async () => {
      serve();
      const path = file("a.pcap", pcap(manyLargePackets(3)), 0);
      expect(await ask()).toEqual([0, 1, 2]);
      truncateSync(path, 24 + 3 * 60_016 - 1);
      expect(await ask()).toEqual([0, 1]);
    });

    it("lists the folder anew when a file goes away while it learns", async () => {
      const paths = [1, 2, 3, 4, 5, 6].map((n) => file(`${n}.pcap`, pcap(packets(n, n)), 10_000 - n));
      let hasMoved = false;
      const debug = (_: object, message?: string): void => {
        if (hasMoved || message?.startsWith("learned") !== true) return;
        hasMoved = true;
        renameSync(paths[0] ?? "", join(folder, "7.pcap")); // the last to be looked at
      };
      serve({ logger: { ...recordingLogger(), debug } });
      expect(await ask()).toEqual([1, 2, 3, 4, 5, 6]);
      expect(hasMoved).toBe(true);
    });

    it.each(["at its first look", "that it knows"])(
      "never misses what was written just before a file was written over while it learned others, %s",
      async (when) => {
        // 6.pcap is the newest file of a ring, 1.pcap the one that is written over next, and the last to be looked at.
        const ring = [1, 2, 3, 4, 5, 6].map((n) =>
          file(`${n}.pcap`, pcap(packets(10 * n, 10 * n, 10 * n + 1, 10 * n + 2)), 10_000 - n),
        );
        const [oldest = "", newest = ""] = [ring.at(0), ring.at(-1)];
        let rotates = false;
        const debug = (_: object, message?: string): void => {
          if (!rotates || message?.startsWith("learned") !== true) return;
          rotates = false;
          appendFileSync(newest, pcap(packets(99, 99)).subarray(24));
          // A longer one shows by its beginning alone.
          const next =
            when === "that it knows" ? packets(100, 100, 101, 102, 103) : packets(100, 100, 101, 102);
          writeFileSync(oldest, pcap(next));
        };
        serve({ logger: { ...recordingLogger(), debug } });
        if (when === "that it knows") {
          expect(await ask()).toHaveLength(18);
          for (const path of ring) appendFileSync(path, pcap(packets(0, 5)).subarray(24));
        }
        rotates = true;
        const ids = await ask(between(60, 200));
        expect(rotates).toBe(false);
        expect(ids.slice(0, 5)).toEqual([60, 61, 62, 99, 100]);
      },
    );

    it("learns new and grown files before it answers", async () => {
      serve();
      const writer = new PcapWriter(littleMicroseconds);
      const path = file("a.pcap", writer.header(), 0);
      for (let id = 1; id <= 20; id++) {
        const [packet] = packets(id, 20 - id) as [Packet];
        const record = writer.record({ ...packet, data: frame(packet) });
        appendFileSync(path, record.subarray(0, 20));
        expect(await ask()).toHaveLength(id - 1);
        appendFileSync(path, record.subarray(20));
        expect(await ask(between(20 - id, 21 - id))).toEqual([id]);
      }
    });

    it("learns what is there in the background", async () => {
      const paths = [file("a.pcap", pcap(packets(1, 1))), file("b.pcap.gz", gzipSync(pcap(packets(2, 2))))];
      const logger = recordingLogger();
      serve({ logger });
      await vi.waitFor(() => expect(logger.lines.map(({ fields }) => fields.path).sort()).toEqual(paths));
    });

    it("shares one reading among all who ask at the same time", async () => {
      file("a.pcap", pcap(manyLargePackets()));
      const logger = recordingLogger();
      serve({ logger });
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask()));
      expect(answers.map(({ length }) => length)).toEqual([60, 60, 60, 60, 60]);
      expect(logger.lines.filter(({ message }) => message?.startsWith("learned"))).toHaveLength(1);
    });

    it("describes the oldest and the newest packet", async () => {
      serve();
      await expect(source?.describe(neverAborts())).resolves.toEqual({});
      file("a.pcap", pcap(packets(1, 7, 3, 5)));
      file("b.pcapng", pcapng(packets(2, 9.000000001, 8)));
      await expect(source?.describe(neverAborts())).resolves.toEqual({
        oldestPacketNs: at(3),
        newestPacketNs: at(9.000000001),
      });
    });
  });

  describe("trustFileTimes", () => {
    it("goes by the first record and the time of change, and by nothing else", async () => {
      changedAt(file("a.pcap", pcap(packets(1, 10, 11, 99, 5))), at(50));
      serve({ trustFileTimes: true });
      expect(await ask(between(11, 12))).toEqual([2]);
      expect(await ask(between(99, 100))).toEqual([]);
      expect(await ask(between(5, 6))).toEqual([]);
      await expect(source?.describe(neverAborts())).resolves.toEqual({ oldestPacketNs: at(10) });
    });

    it("counts a compressed file and the one that it is unpacked to, of which it can't tell whether it has all", async () => {
      const bytes = pcap(packets(1, 10, 11, 12));
      file("a.pcap.gz", gzipSync(bytes));
      file("a.pcap", bytes.subarray(0, 24 + 76), 0);
      serve({ trustFileTimes: true });
      expect((await ask(always)).sort()).toEqual([1, 1, 2, 3]);
    });

    it("forgives a coarse time of change", async () => {
      changedAt(file("a.pcap", pcap(packets(1, 10, 51))), at(50));
      serve({ trustFileTimes: true });
      expect(await ask(between(51, 52))).toEqual([2]);
    });

    it("goes by the first record that has a time", async () => {
      file("a.pcap", pcap([{ id: 1, timestampNs: 0n }, ...packets(2, 10, 11)]));
      serve({ trustFileTimes: true });
      expect(await ask(between(10, 12))).toEqual([2, 3]);
    });

    it("does not read past the first record until the packets are wanted", async () => {
      const bytes = pcap(manyLargePackets());
      bytes.writeUInt32LE(0xffff_ffff, 24 + 30 * 60_016 + 8);
      file("a.pcap", bytes);
      serve({ trustFileTimes: true });
      const opened = await open(always);
      await expect(read(opened, always)).rejects.toMatchObject({ kind: "source-corrupt" });
    });
  });

  describe("coverage", () => {
    const msOf = (ns: bigint): number => Number(ns / 1_000_000n);
    const gapsOf = async (window: TimeWindow) => (await coverageOf(window))?.gaps;

    async function coverageOf(window: TimeWindow) {
      const opened = await open(window);
      await read(opened, window);
      return (await opened.outcome?.())?.coverage;
    }

    it("ends with the newest packet, and says nothing of when later ones may come", async () => {
      file("a.pcap", pcap(packets(1, 10, 20)));
      serve({ now: () => msOf(at(100)) });
      expect(await coverageOf(between(5, 100))).toEqual({
        oldestPacketNs: at(10),
        newestPacketNs: at(20),
        gaps: [
          { startNs: at(5), endNs: at(10), reason: "aged-out" },
          { startNs: at(20) + 1n, endNs: at(100), reason: "not-yet-written" },
        ],
      });
    });

    it("expects nothing before a window that ends in the future has ended", async () => {
      file("a.pcap", pcap(packets(1, 10, 20)));
      serve({ now: () => msOf(at(100)) });
      const gap = { endNs: at(101), reason: "not-yet-written", expectedAtNs: at(101) };
      expect(await gapsOf(between(15, 101))).toEqual([{ startNs: at(20) + 1n, ...gap }]);
      expect(await gapsOf(between(100.5, 101))).toEqual([{ startNs: at(100.5), ...gap }]);
    });

    it("expects nothing before that of an empty folder either", async () => {
      serve({ now: () => msOf(at(100)) });
      const gap = { startNs: at(0), endNs: at(100), reason: "missing" };
      const future = { startNs: at(100), endNs: at(101), reason: "not-yet-written", expectedAtNs: at(101) };
      expect(await gapsOf(between(0, 100))).toEqual([gap]);
      expect(await gapsOf(between(0, 101))).toEqual([gap, future]);
    });

    it("misses what is behind the newest packet where no file has changed for an hour", async () => {
      changedAt(file("a.pcap", pcap(packets(1, 10, 20))), at(20));
      let seconds = 20 + 3599;
      serve({ now: () => msOf(at(seconds)) });
      const gap = { startNs: at(20) + 1n, endNs: at(60) };
      expect(await gapsOf(between(10, 60))).toEqual([{ ...gap, reason: "not-yet-written" }]);
      seconds = 20 + 3600;
      expect(await gapsOf(between(10, 60))).toEqual([{ ...gap, reason: "missing" }]);
    });

    it("is not that of packets whose times can't be: years ago, or in the future", async () => {
      const now = at(100);
      const nowS = Number(now / second);
      const long = -Number(at(0) / second) + 60; // a minute after 1970
      for (const [name, content] of [
        ["a.pcap", packets(1, 10, 20)],
        ["b.pcap", packets(3, 30, 1e8)],
        ["c.pcap", packets(5, long, 40)],
        ["d.pcap", packets(7, 1e8, 2e8)],
        ["e.pcap", packets(9, long)],
      ] as const)
        utimesSync(file(name, pcap(content)), nowS, name === "b.pcap" ? nowS - 50 : nowS);
      serve({ now: () => msOf(now) });
      expect(await coverageOf(between(5, 90))).toEqual({
        oldestPacketNs: at(10),
        newestPacketNs: at(50),
        gaps: [
          { startNs: at(5), endNs: at(10), reason: "aged-out" },
          { startNs: at(50) + 1n, endNs: at(90), reason: "not-yet-written" },
        ],
      });
    });

    it.each([
      ["pcap", pcap(packets(1, 10, 20, 60)).subarray(0, -1)],
      ["pcapng", pcapng(packets(1, 10, 20, 60)).subarray(0, -1)],
      ["gzip", gzipSync(pcap(packets(1, 10, 20)), { level: 0 }).subarray(0, -3)],
    ])(
      "lacks what an older %s file would have had that was cut off, until it was last changed",
      async (_, bytes) => {
        changedAt(file("a.pcap", bytes), at(60));
        file("b.pcap", pcap(packets(9, 70, 80)));
        serve();
        const gap = { endNs: at(60), reason: "missing" };
        expect(await gapsOf(between(30, 40))).toEqual([{ ...gap, startNs: at(30), endNs: at(40) }]);
        expect(await gapsOf(between(10, 80))).toEqual([{ ...gap, startNs: at(20) + 1n }]);
        expect(await gapsOf(between(61, 80))).toEqual([]);
      },
    );

    it("lacks a minute where a file that was cut off has an older time of change than its packets", async () => {
      changedAt(file("a.pcap", pcap(packets(1, 10, 20, 60)).subarray(0, -1)), at(5));
      file("b.pcap", pcap(packets(9, 90, 100)));
      serve();
      const gap = { startNs: at(20) + 1n, endNs: at(80) + 1n, reason: "missing" };
      expect(await gapsOf(between(10, 100))).toEqual([gap]);
    });

    it("lacks nothing where what is cut off is the compressed twin of a whole file", async () => {
      const bytes = pcap(packets(1, 10, 20));
      file("a.pcap", bytes);
      file("a.pcap.gz", gzipSync(bytes, { level: 0 }).subarray(0, -3));
      file("b.pcap", pcap(packets(9, 70, 80)), 0);
      serve();
      expect(await gapsOf(between(10, 80))).toEqual([]);
    });

    it("lacks only the future where it trusts file times", async () => {
      changedAt(file("a.pcap", pcap(packets(1, 10, 20))), at(20));
      serve({ trustFileTimes: true, now: () => msOf(at(100)) });
      expect(await gapsOf(between(15, 100))).toEqual([]);
      const gap = { startNs: at(100), endNs: at(200), reason: "not-yet-written", expectedAtNs: at(200) };
      expect(await gapsOf(between(15, 200))).toEqual([gap]);
    });
  });

  describe("cut and damaged files", () => {
    it("says nothing of the newest file's cut tail", async () => {
      file("a.pcap", pcap(packets(1, 1)));
      file("b.pcap", pcap(packets(2, 2, 3)).subarray(0, -1), 1000);
      const opened = await open(always);
      expect(await read(opened, always)).toEqual(packets(1, 1, 2));
      expect(opened.warnings).toEqual([]);
    });

    it("says nothing of the cut tail of a file that changed just now", async () => {
      file("a.pcap", pcap(packets(1, 1, 9)).subarray(0, -1), 2);
      file("b.pcap", pcap(packets(2, 2)), 0);
      const opened = await open(always);
      expect(await read(opened, always)).toHaveLength(2);
      expect(opened.warnings).toEqual([]);
    });

    it.each([
      ["pcap", pcap(packets(1, 1, 9)).subarray(0, -1)],
      ["pcapng", pcapng(packets(1, 1, 9)).subarray(0, -1)],
      ["gzip", gzipSync(pcap(packets(1, 1)), { level: 0 }).subarray(0, -3)],
      ["gzip of a cut file", gzipSync(pcap(packets(1, 1, 9)).subarray(0, -1))],
    ])("gives every whole record of an older cut %s file, and a warning", async (_, bytes) => {
      file("a.pcap", bytes);
      file("b.pcap", pcap(packets(2, 2)), 0);
      const opened = await open(always);
      expect(await read(opened, always)).toEqual(packets(1, 1, 2));
      expect(opened.warnings).toEqual([
        "1 capture file ends in the middle of a record; every whole record before it is in the answer",
      ]);
    });

    it("takes zeros at the end, as a machine leaves that lost its power, for a cut file's end, and says what is missing", async () => {
      for (const zeros of [16, 100, 100_000]) {
        file("a.pcap", Buffer.concat([pcap(packets(1, 1, 2)), Buffer.alloc(zeros)]));
        file("b.pcap", pcap(packets(3, 3, 9000)), 0);
        const opened = await open(always, neverAborts(), serve());
        expect((await read(opened, always)).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
        expect(opened.warnings).toEqual([expect.stringContaining("ends in the middle of a record")]);
        const gaps = (await opened.outcome?.())?.coverage?.gaps ?? [];
        expect(gaps).toContainEqual(expect.objectContaining({ reason: "missing", startNs: at(2) + 1n }));
        await source?.close?.();
      }
    });

    it("refuses an answer from a file that goes on behind zeros", async () => {
      const whole = pcap(packets(1, 1, 2));
      file("a.pcap", Buffer.concat([whole, Buffer.alloc(64), pcap(packets(3, 3)).subarray(24)]));
      await expect(open(always)).rejects.toMatchObject({ kind: "source-corrupt" });
    });

    it("counts cut files in one warning, and only those of the window", async () => {
      file("a.pcap", pcap(packets(1, 1, 9)).subarray(0, -1));
      file("b.pcap", pcap(packets(2, 2, 9)).subarray(0, -60));
      file("c.pcap", pcap(packets(3, 300, 900)).subarray(0, -60));
      file("d.pcap", pcap(packets(4, 4)), 0);
      const window = between(0, 100);
      const opened = await open(window);
      expect(await read(opened, window)).toHaveLength(3);
      expect(opened.warnings).toEqual([
        "2 capture files end in the middle of a record; every whole record before it is in the answer",
      ]);
    });

    it.each([
      ["a capture length beyond belief", 8, 0xffff_ffff],
      ["a second of too many microseconds", 4, 1_000_000],
      ["more bytes captured than were on the wire", 12, 1],
    ])("refuses a file with %s in its middle", async (_, offset, value) => {
      const bytes = pcap(packets(1, 1, 2, 3));
      bytes.writeUInt32LE(value, 24 + 76 + offset);
      const path = file("a.pcap", bytes);
      await expect(open(always)).rejects.toMatchObject({
        kind: "source-corrupt",
        message: expect.not.stringContaining(folder),
        details: { path, damage: expect.stringMatching(/at byte 100/) },
      });
    });

    it("refuses damaged gzip data", async () => {
      const bytes = gzipSync(pcap(manyLargePackets(5)), { level: 0 });
      bytes.writeUInt32LE((bytes.readUInt32LE(bytes.length - 8) ^ 1) >>> 0, bytes.length - 8);
      file("a.pcap.gz", bytes);
      await expect(open(always)).rejects.toMatchObject({ kind: "source-corrupt" });
    });

    it("lets a damaged file stand in the way only of windows it can reach", async () => {
      const bytes = pcap(packets(1, 1000, 1001, 1002));
      bytes.writeUInt32LE(0xffff_ffff, 24 + 76 + 8);
      changedAt(file("a.pcap", bytes), at(1100));
      file("b.pcap", pcap(packets(5, 5)));
      file("c.pcap", pcap(packets(6, 5000)));
      expect(await ask(between(0, 100))).toEqual([5]);
      expect(await ask(between(4000, 6000))).toEqual([6]);
      for (const window of [between(990, 1000), between(1050, 1060), between(1100, 1101)]) {
        await expect(open(window)).rejects.toMatchObject({ kind: "source-corrupt" });
      }
    });

    it("warns of a file with a capture's name that is none, where it may have had packets of the window", async () => {
      const bytes = pcap(packets(1, 1, 2, 3));
      bytes.fill(0, 0, 100);
      for (const name of ["a.pcap", "b.pcap"]) changedAt(file(name, bytes), at(1000));
      file("c.pcap", pcap(packets(5, 5, 5000)), 0);
      const lost = { startNs: at(0), endNs: at(100), reason: "missing" };
      expect((await (await open(between(0, 100))).outcome?.())?.coverage?.gaps).toContainEqual(lost);
      const warnings = ["2 files with a capture's name are neither pcap nor pcapng, and left out"];
      expect((await open(between(0, 100))).warnings).toEqual(warnings);
      expect((await open(between(1001, 6000))).warnings).toEqual(warnings);
      expect((await open(between(2000, 6000))).warnings).toEqual([]);
    });

    it("refuses a kind of pcap it cannot read rather than skip it", async () => {
      const bytes = pcap(packets(1, 1));
      bytes.writeUInt32LE(0xa1b2cd34, 0); // the patched pcap of the 1990s
      file("a.pcap", bytes);
      await expect(open(always)).rejects.toMatchObject({ kind: "source-failed" });
    });
  });

  describe("files that change meanwhile", () => {
    const replace = (path: string): void => {
      unlinkSync(path);
      writeFileSync(path, pcap(packets(9, 2, 3, 4)));
    };

    it.each([
      ["is removed", (path: string) => unlinkSync(path)],
      ["is replaced", replace],
      ["is overwritten", (path: string) => writeFileSync(path, pcap(packets(9, 2, 3, 4)))],
      ["is emptied", (path: string) => truncateSync(path)],
    ])("fails as changed when a file %s before its turn", async (_, change) => {
      file("a.pcap", pcap(packets(1, 1)));
      const path = file("b.pcap", pcap(packets(2, 2)));
      const opened = await open(always);
      change(path);
      await expect(read(opened, always)).rejects.toMatchObject({
        kind: "source-changed",
        message: expect.not.stringContaining(folder),
        details: { path },
      });
    });

    it.each([
      ["is cut short", (path: string) => truncateSync(path, 1000)],
      ["is overwritten", (path: string) => writeFileSync(path, pcap(manyLargePackets().reverse()))],
    ])("fails as changed when a file %s while it is read", async (_, change) => {
      const path = file("a.pcap", pcap(manyLargePackets()));
      const opened = await open(always);
      const batches = opened.batches[Symbol.asyncIterator]();
      expect((await batches.next()).done).toBe(false);
      change(path);
      await expect(
        (async () => {
          while ((await batches.next()).done !== true);
        })(),
      ).rejects.toMatchObject({ kind: "source-changed", details: { path } });
    });

    it("fails as changed when packets are missing that were there", async () => {
      const path = file("a.pcap", pcap(manyLargePackets(3)));
      const opened = await open(always);
      const bytes = pcap(manyLargePackets(3));
      // The second record swallows the third, and all of it is still a valid capture of the same size.
      bytes.writeUInt32LE(60_000 + 60_016, 24 + 60_016 + 8);
      bytes.writeUInt32LE(60_000 + 60_016, 24 + 60_016 + 12);
      writeFileSync(path, bytes);
      await expect(read(opened, always)).rejects.toMatchObject({ kind: "source-changed" });
    });

    it("takes no offence when a writer fills in the length of a pcapng section", async () => {
      const bytes = pcapng(packets(1, 1, 2));
      const path = file("a.pcapng", bytes);
      const opened = await open(always);
      bytes.writeBigInt64LE(BigInt(bytes.length - 28), 16);
      writeFileSync(path, bytes);
      expect(await read(opened, always)).toEqual(packets(1, 1, 2));
    });

    it("finds files that were renamed in a chain before their turn", async () => {
      const paths = [1, 2, 3].map((n) => file(`eth0.pcap.${n}`, pcap(packets(n, 10 - n))));
      const opened = await open(always);
      renameSync(paths[2] ?? "", join(folder, "eth0.pcap.4"));
      renameSync(paths[1] ?? "", join(folder, "eth0.pcap.3"));
      renameSync(paths[0] ?? "", join(folder, "eth0.pcap.2"));
      file("eth0.pcap.1", pcap(packets(9, 8)));
      expect((await read(opened, always)).map(({ id }) => id)).toEqual([3, 2, 1]);
    });

    it("reads an open file to its end though it was removed", async () => {
      const path = file("a.pcap", pcap(manyLargePackets()));
      const opened = await open(always);
      const ids: number[] = [];
      for await (const batch of opened.batches) {
        if (ids.length === 0) unlinkSync(path);
        ids.push(...seenIn(batch).map(({ id }) => id));
      }
      expect(ids).toEqual(manyLargePackets().map(({ id }) => id));
    });

    it("reads a file that grows meanwhile as far as it was when the retrieval began", async () => {
      const path = file("a.pcap", pcap(manyLargePackets()).subarray(0, -1), 100);
      file("b.pcap", pcap(packets(1000, 1000)), 50);
      const opened = await open(always);
      const ids: number[] = [];
      for await (const batch of opened.batches) {
        appendFileSync(path, Buffer.concat([Buffer.alloc(1), pcap(packets(500, 500)).subarray(24)]));
        ids.push(...seenIn(batch).map(({ id }) => id));
      }
      expect(ids).toEqual([...manyLargePackets(59).map(({ id }) => id), 1000]);
      expect(opened.warnings).toEqual([]);
    });
  });

  describe("packets without a time", () => {
    /** A Simple Packet Block of a frame: 4 bytes. */
    const simple = Buffer.alloc(20);
    for (const [i, value] of [3, 20, 4, 0, 20].entries()) simple.writeUInt32LE(value, 4 * i);

    it("are in no window, which the answer says", async () => {
      file("a.pcapng", Buffer.concat([pcapng(packets(1, 1)), simple, simple]));
      file("b.pcapng", Buffer.concat([pcapng([]), simple]));
      const opened = await open(between(0, 10));
      expect((await read(opened, between(0, 10))).map(({ id }) => id)).toEqual([1]);
      expect(opened.warnings).toEqual([
        expect.stringContaining("3 packets of the sensor's captures have no time"),
      ]);
      const sinceEver = { startNs: 0n, endNs: at(10) };
      expect((await read(await open(sinceEver), sinceEver)).map(({ id }) => id)).toEqual([1]);
      // And they are not what was captured first.
      expect((await source?.describe?.(neverAborts()))?.oldestPacketNs).toBe(at(1));
    });

    it("count once while gzip makes x.pcapng.gz of x.pcapng", async () => {
      const some = Buffer.concat([pcapng(packets(1, 1)), simple, simple]);
      const only = Buffer.concat([pcapng([]), simple]);
      for (const [name, bytes] of Object.entries({ some, only })) {
        file(`${name}.pcapng`, bytes);
        file(`${name}.pcapng.gz`, gzipSync(bytes));
      }
      expect((await open(always)).warnings).toEqual([
        expect.stringContaining("3 packets of the sensor's captures have no time"),
      ]);
    });
  });

  describe("what cannot be read", () => {
    it.each([
      ["file", (name: Buffer) => writeFileSync(name, pcap(packets(1, 1)))],
      ["folder", (name: Buffer) => mkdirSync(name)],
    ])("is a %s whose name is no UTF-8, which is said", async (_, make) => {
      file("a.pcap", pcap(packets(1, 1)));
      make(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.of(0xfc), Buffer.from(".pcap")]));
      await expect(open(always)).rejects.toMatchObject({
        kind: "source-failed",
        message: expect.stringContaining("no UTF-8"),
      });
    });

    it("is unavailable without its folder, and works when the folder comes", async () => {
      rmSync(folder, { recursive: true });
      serve();
      await expect(open(always)).rejects.toMatchObject({
        kind: "source-unavailable",
        message: expect.not.stringContaining(folder),
        details: { path: folder },
      });
      await expect(source?.describe(neverAborts())).rejects.toMatchObject({ kind: "source-unavailable" });
      file("a.pcap", pcap(packets(1, 1)));
      expect(await ask()).toEqual([1]);
    });

    it("is unavailable when the folder is a file", async () => {
      serve({ path: file("a.pcap", pcap([])) });
      await expect(open(always)).rejects.toMatchObject({ kind: "source-unavailable" });
    });

    // Only root can lose and regain the right to read; whoever else runs the tests takes it from the file.
    it.each(["file", "folder"])("fails over a %s it may not read", async (what) => {
      const path = file("sub/a.pcap", pcap(packets(1, 1)));
      const closed = what === "file" ? path : dirname(path);
      chmodSync(folder, 0o755);
      chmodSync(closed, 0);
      const isRoot = process.geteuid?.() === 0;
      if (isRoot) process.seteuid?.("nobody");
      try {
        await expect(open(always)).rejects.toMatchObject({
          kind: "source-failed",
          message: expect.not.stringContaining(folder),
          details: { errno: "EACCES", path: closed },
        });
      } finally {
        if (isRoot) process.seteuid?.(0);
        chmodSync(closed, 0o755);
      }
      expect(await ask()).toEqual([1]);
    });

    it("never opens a FIFO", async () => {
      await promisify(execFile)("mkfifo", [join(folder, "a.pcap")]);
      symlinkSync(join(folder, "a.pcap"), join(folder, "link.pcap"));
      file("b.pcap", pcap(packets(1, 1)));
      expect(await ask()).toEqual([1]);
    });
  });

  describe("how many files are open", () => {
    it.runIf(process.platform === "linux")(
      "opens a file when the merge reaches it and closes it behind",
      async () => {
        for (let i = 0; i < 40; i++) file(`${i}.pcap`, pcap(packets(i, 2 * i, 2 * i + 1)));
        const opened = await open(always);
        await expect.poll(openFiles).toEqual([]); // the source still learns in the background
        let most = 0;
        let records = 0;
        for await (const batch of opened.batches) {
          most = Math.max(most, openFiles().length);
          records += batch.count;
        }
        expect(records).toBe(80);
        expect(most).toBeGreaterThan(0);
        expect(most).toBeLessThanOrEqual(2);
        expect(openFiles()).toEqual([]);
      },
    );

    it("refuses a window that needs more files at once than it may open", async () => {
      for (let i = 0; i < 5; i++) file(`${i}.pcap`, pcap(packets(10 * i, 0, 10 + i)));
      file("later.pcap", pcap(packets(99, 20, 30)));
      serve({ maxOpenFiles: 4 });
      await expect(open(always)).rejects.toMatchObject({
        kind: "source-failed",
        message: expect.stringMatching(/needs 5/),
      });
      await source?.close?.();
      serve({ maxOpenFiles: 5 });
      expect(await ask()).toHaveLength(12);
    });
  });

  describe("leaving", () => {
    const large = pcap(manyLargePackets());

    it.each([
      ["plain", large],
      ["gzip", gzipSync(large, { level: 1 })],
    ])("closes its %s files when the signal aborts, though nobody pulls again", async (_, bytes) => {
      file("a.pcap", bytes);
      file("b.pcap", bytes);
      const controller = new AbortController();
      const opened = await open(always, controller.signal);
      const batches = opened.batches[Symbol.asyncIterator]();
      await batches.next();
      if (process.platform === "linux") expect(openFiles().length).toBeGreaterThan(0);
      const reason = new Error("the client left");
      controller.abort(reason);
      await vi.waitFor(() => expect(openFiles()).toEqual([]));
      await expect(
        (async () => {
          while ((await batches.next()).done !== true);
        })(),
      ).rejects.toBe(reason);
    });

    it("closes its files when the reader leaves the loop", async () => {
      file("a.pcap", large);
      file("b.pcap", gzipSync(large, { level: 1 }));
      for await (const batch of (await open(always)).batches) {
        expect(batch.count).toBeGreaterThan(0);
        break;
      }
      expect(openFiles()).toEqual([]);
    });

    it.runIf(process.platform === "linux")("stops learning when the only one who asked leaves", async () => {
      const logger = recordingLogger();
      file("b.pcap", pcap([]));
      serve({ logger });
      await ask();
      file("a.pcap", large);
      const controller = new AbortController();
      const opening = open(always, controller.signal);
      const path = join(folder, "a.pcap"); // not the folder, which is open while it is listed
      while (!openFiles().includes(path)) await new Promise(setImmediate);
      const reason = new Error("the client left");
      controller.abort(reason);
      await expect(opening).rejects.toBe(reason);
      await vi.waitFor(() => expect(openFiles()).toEqual([]));
      expect(logger.lines).toEqual([]);
      expect(await ask()).toHaveLength(60);
    });

    it("goes on learning for the others when one leaves", async () => {
      serve();
      await ask();
      file("a.pcap", large);
      const controller = new AbortController();
      const leaving = open(always, controller.signal);
      const staying = ask();
      controller.abort(new Error("the client left"));
      await expect(leaving).rejects.toThrow("the client left");
      expect(await staying).toHaveLength(60);
    });

    it("refuses at once when the signal has aborted before", async () => {
      const reason = new Error("too late");
      await expect(open(always, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it("has closed the file that it learns from in the background when the source is closed", async () => {
      file("a.pcap", pcap(manyLargePackets(100)));
      for (let i = 0; i < 20; i++) {
        const learning = serve();
        await vi.waitUntil(() => openFiles().length > 0, { interval: 0 });
        await learning.close?.();
        expect(openFiles()).toEqual([]);
      }
    });

    it("ends what is under way when the source closes, and opens nothing after", async () => {
      file("a.pcap", large);
      const opened = await open(always);
      const batches = opened.batches[Symbol.asyncIterator]();
      await batches.next();
      await source?.close?.();
      expect(openFiles()).toEqual([]);
      await expect(
        (async () => {
          while ((await batches.next()).done !== true);
        })(),
      ).rejects.toMatchObject({ kind: "source-unavailable" });
      await expect(open(always)).rejects.toMatchObject({ kind: "source-unavailable" });
    });
  });

  describe("while something writes and rotates", () => {
    const packetsPerFile = 6;
    const rotations = 25;

    /**
     * Writes packets one a second, each in two parts as a flushing writer does, and begins a file as told; asks again and
     * again meanwhile, at least once for every two files, and hands each answer to the check.
     */
    async function askMeanwhile(
      begin: (n: number) => string,
      check: (ids: readonly number[], writtenBefore: number) => void,
    ): Promise<{ answers: number; changed: number }> {
      serve();
      let lastWritten = -1;
      let done = false;
      let answers = 0;
      let changed = 0;

      const write = async (): Promise<void> => {
        const writer = new PcapWriter(littleMicroseconds);
        for (let n = 0; n < rotations && !done; n++) {
          await vi.waitUntil(() => done || answers + changed >= n / 2, { interval: 1, timeout: 15_000 });
          const path = begin(n);
          writeFileSync(path, writer.header());
          for (let id = n * packetsPerFile; id < (n + 1) * packetsPerFile; id++) {
            const [packet] = packets(id, id) as [Packet];
            const record = writer.record({ ...packet, data: frame(packet) });
            appendFileSync(path, record.subarray(0, 1 + (id % 75)));
            await new Promise(setImmediate);
            appendFileSync(path, record.subarray(1 + (id % 75)));
            lastWritten = id;
            await new Promise(setImmediate);
          }
        }
      };

      const writing = write().finally(() => {
        done = true;
      });
      try {
        while (!done) {
          const before = lastWritten;
          try {
            check(await ask(), before);
            answers++;
          } catch (error) {
            if (!(error instanceof SourceError) || error.kind !== "source-changed") throw error;
            changed++;
          }
        }
      } finally {
        done = true;
      }
      await writing;
      check(await ask(), lastWritten);
      return { answers: answers + 1, changed };
    }

    function expectRun(ids: readonly number[], first: number, atLeast: number): void {
      expect(ids).toEqual(ids.map((_, i) => first + i));
      expect(first + ids.length - 1).toBeGreaterThanOrEqual(atLeast);
    }

    it("never misses a packet of files with new names (tcpdump -G)", async () => {
      const begin = (n: number) => join(folder, `${String(n).padStart(4, "0")}.pcap`);
      const { answers, changed } = await askMeanwhile(begin, (ids, before) => expectRun(ids, 0, before));
      expect(answers).toBeGreaterThan(rotations / 2);
      expect(changed).toBe(0);
    });

    it("never misses a packet of files that are renamed in a chain (logrotate); at worst says they changed", async () => {
      const begin = (n: number) => {
        for (let i = n - 1; i >= 1; i--)
          renameSync(join(folder, `eth0.pcap.${i}`), join(folder, `eth0.pcap.${i + 1}`));
        if (n > 0) renameSync(join(folder, "eth0.pcap"), join(folder, "eth0.pcap.1"));
        return join(folder, "eth0.pcap");
      };
      const { answers } = await askMeanwhile(begin, (ids, before) => expectRun(ids, 0, before));
      expect(answers).toBeGreaterThan(0);
    });

    it("never leaves a gap in a ring of files that are overwritten (tcpdump -W); at worst says they changed", async () => {
      const begin = (n: number) => join(folder, `ring.pcap${n % 4}`);
      const { answers } = await askMeanwhile(begin, (ids, before) => {
        const first = ids[0] ?? 0;
        expectRun(ids, first, before);
        expect(first % packetsPerFile).toBe(0);
      });
      expect(answers).toBeGreaterThan(0);
    });

    it("never leaves a gap when old files are removed; at worst says they changed", async () => {
      const begin = (n: number) => {
        if (n >= 3) unlinkSync(join(folder, `${n - 3}.pcap`));
        return join(folder, `${n}.pcap`);
      };
      const { answers } = await askMeanwhile(begin, (ids, before) => {
        const first = ids[0] ?? 0;
        expectRun(ids, first, before);
        expect(first % packetsPerFile).toBe(0);
      });
      expect(answers).toBeGreaterThan(0);
    });
  });

  it("gives what a naive reader would, whatever the files are and however their packets lie", async () => {
    const microsecond = 1000n;
    const timeArbitrary = fc.integer({ min: 0, max: 400_000 });
    const fileArbitrary = fc.record({
      times: fc.array(timeArbitrary, { maxLength: 12 }),
      isSorted: fc.boolean(),
      form: fc.constantFrom("little-us", "little-ns", "big-us", "big-ns", "pcapng"),
      isGzip: fc.boolean(),
      subfolder: fc.constantFrom("", "t0/", "t1/deep/"),
      cutBytes: fc.constantFrom(0, 0, 1, 61, 76),
    });
    const windowArbitrary = fc.tuple(timeArbitrary, timeArbitrary);

    await fc.assert(
      fc.asyncProperty(
        fc.array(fileArbitrary, { maxLength: 8 }),
        fc.array(windowArbitrary, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (files, windows, learnsFirst) => {
          rmSync(folder, { recursive: true });
          mkdirSync(folder);
          let id = 0;
          const truth: Packet[] = [];
          let isSorted = true;
          for (const [i, { times, form, isGzip, subfolder, cutBytes, ...order }] of files.entries()) {
            const inOrder = order.isSorted ? [...times].sort((a, b) => a - b) : times;
            isSorted &&= inOrder.every((time, j) => j === 0 || time >= (inOrder[j - 1] ?? 0));
            const unit = form.endsWith("us") ? 1n : 0n;
            const content = inOrder.map((time) => ({
              id: id++,
              timestampNs: t0 + BigInt(time) * microsecond * 100n + (1n - unit),
            }));
            const whole =
              form === "pcapng"
                ? pcapng(content)
                : pcap(content, {
                    byteOrder: form.startsWith("big") ? "big" : "little",
                    resolution: form.endsWith("us") ? "microseconds" : "nanoseconds",
                  });
            // At most the last record is cut; every one has 60 bytes of data behind its header.
            const cut = content.length === 0 ? 0 : cutBytes;
            truth.push(...(cut === 0 ? content : content.slice(0, -1)));
            const bytes = whole.subarray(0, whole.length - cut);
            const name = `${subfolder}${i}.${form === "pcapng" ? "pcapng" : "pcap"}${isGzip ? ".gz" : ""}`;
            file(name, isGzip ? gzipSync(bytes) : bytes);
          }
          serve();
          try {
            if (learnsFirst) await source?.describe(neverAborts());
            for (const [a, b] of windows) {
              const window = {
                startNs: t0 + BigInt(Math.min(a, b)) * microsecond * 100n,
                endNs: t0 + BigInt(Math.max(a, b)) * microsecond * 100n,
              };
              const seen = await read(await open(window), window);
              const byTime = (x: Seen, y: Seen) =>
                x.timestampNs === y.timestampNs ? x.id - y.id : x.timestampNs < y.timestampNs ? -1 : 1;
              expect([...seen].sort(byTime)).toEqual(truth.filter(isIn(window)).sort(byTime));
              if (isSorted) {
                expect(
                  seen.every(({ timestampNs }, j) => timestampNs >= (seen[j - 1]?.timestampNs ?? 0n)),
                ).toBe(true);
              }
            }
          } finally {
            await source?.close?.();
          }
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 80) },
    );
  });

  it("streams a large capture in bounded memory", async () => {
    // One megabyte of packets, written over and over: 600 MB that are never in memory at once. Under load the garbage collector comes late.
    const block = pcap(
      Array.from({ length: 700 }, (_, i) => ({ id: i, timestampNs: at(1), bytes: 1484 })),
    ).subarray(24);
    const repeats = Math.ceil(600e6 / block.length);
    const path = file("a.pcap", pcap([]), 0);
    for (let i = 0; i < repeats; i++) appendFileSync(path, block);
    const program = `
      import { directorySource } from ${JSON.stringify(new URL("./directory-source.ts", import.meta.url).href)};
      const source = directorySource({ path: process.argv[1] });
      const signal = new AbortController().signal;
      const always = { startNs: 0n, endNs: 1n << 62n };
      const before = process.memoryUsage().rss;
      const opened = await source.open({ uid: "test", window: always, filter: undefined }, signal);
      let packets = 0;
      for await (const batch of opened.batches) packets += batch.count;
      await source.close();
      const grownBytes = process.resourceUsage().maxRSS * 1024 - before;
      console.log(JSON.stringify({ packets, grownBytes }));
    `;
    const args = [
      "--conditions=@stenogrpc/source",
      "--import",
      import.meta.resolve("tsx"),
      "--input-type=module",
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, "-e", program, folder]);
    const { packets: count, grownBytes } = JSON.parse(stdout);
    expect(count).toBe(repeats * 700);
    expect(grownBytes).toBeLessThan(200 * 1024 * 1024);
    expect(statSync(path).size).toBeGreaterThan(600e6);
  });
});
