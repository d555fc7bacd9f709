import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { LinkType, PcapngWriter } from "@stenogrpc/pcap";
import { eventually, pcapOf } from "@stenogrpc/testkit";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { retrievalPlan } from "../../testing/retrieval-plan.js";
import type { PacketSource } from "../packet-source.js";
import type { DirectoryOptions } from "./directory-options.js";
import { directorySource } from "./directory-source.js";

const second = 1_000_000_000n;
const t0 = 1_700_000_000n * second;
const at = (seconds: number): bigint => t0 + BigInt(seconds) * second;
const never = new AbortController().signal;

let root: string;
let folder: string;
let memory: string;
let source: PacketSource | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "remembered-ranges-"));
  folder = join(root, "captures");
  memory = join(root, "ranges.json");
  mkdirSync(folder);
});

afterEach(async () => {
  vi.useRealTimers();
  await source?.close?.();
  rmSync(root, { recursive: true });
});

/** A capture with a packet at each of the times. */
function pcap(...seconds: number[]): Buffer {
  const packets = seconds.map((time) => ({ timestampNs: at(time), data: new Uint8Array(1000) }));
  return pcapOf(packets, {
    byteOrder: "little",
    resolution: "microseconds",
    snaplen: 65_535,
    linkType: LinkType.ethernet,
  });
}

function pcapng(...seconds: number[]): Buffer {
  const writer = new PcapngWriter({ linkType: LinkType.ethernet });
  const records = seconds.map((time) => writer.record({ timestampNs: at(time), data: new Uint8Array(60) }));
  return Buffer.concat([writer.header(), ...records]);
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Makes a file unreadable as a capture, in a way that shows only to those who open it. */
function spoil(path: string): void {
  const { size, atime, mtime } = statSync(path);
  writeFileSync(path, Buffer.alloc(size, 0xee));
  utimesSync(path, atime, mtime);
}

/** Files whose times of change have no fraction, as `spoil` can set them. */
function settle(): void {
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000);
}

interface Asked {
  /** What was logged as a warning. */
  readonly warnings: string[];
  serve(options?: Partial<DirectoryOptions>): PacketSource;
}

function asking(): Asked {
  const warnings: string[] = [];
  const ignore = () => {};
  const logger = {
    debug: ignore,
    info: ignore,
    warn: (_: object, message?: string) => void warnings.push(message ?? ""),
    error: ignore,
  };
  return {
    warnings,
    serve: (options = {}) =>
      (source = directorySource({ path: folder, remember: memory, logger, ...options })),
  };
}

/** Starts a source, has it learn all there is, and ends it. */
async function learnOnce(): Promise<void> {
  const learning = asking().serve();
  await learning.describe(never);
  await learning.close?.();
}

async function packetsIn(from: number, to: number, asked: PacketSource): Promise<number> {
  const opened = await asked.open(retrievalPlan({ window: { startNs: at(from), endNs: at(to) } }), never);
  let packets = 0;
  for await (const batch of opened.batches) packets += batch.count;
  return packets;
}

it("a source that begins anew opens no capture that it need not", async () => {
  const old = [
    file("a.pcap", pcap(1, 2)),
    file("b.pcapng", pcapng(3, 4)),
    file("c.pcap.gz", gzipSync(pcap(5))),
    file("empty.pcap", new Uint8Array(0)),
    file("begun.pcap", pcap()),
    file("other.pcap", Buffer.from("no capture at all")),
  ];
  file("d.pcap", pcap(50, 51));
  settle();
  await learnOnce();
  for (const path of old) spoil(path);
  const { serve, warnings } = asking();
  const again = serve();
  expect(await again.describe(never)).toEqual({ oldestPacketNs: at(1), newestPacketNs: at(51) });
  expect(await packetsIn(50, 60, again)).toBe(2);
  expect(warnings).toEqual([]);
  // What it needs, it opens, and sees that it is another file.
  await expect(packetsIn(1, 2, again)).rejects.toMatchObject({ kind: "source-changed" });
});

it("a source that begins anew knows what changed, came and went meanwhile", async () => {
  const growing = file("a.pcap", pcap(10, 11));
  const replaced = file("b.pcap", pcap(20));
  const removed = file("c.pcap", pcap(1));
  await learnOnce();
  const record = pcap(12).subarray(24);
  appendFileSync(growing, record);
  writeFileSync(replaced, pcap(30, 31, 32));
  rmSync(removed);
  file("d.pcap", pcap(40));
  const again = asking().serve();
  expect(await again.describe(never)).toEqual({ oldestPacketNs: at(10), newestPacketNs: at(40) });
  expect(await packetsIn(0, 20, again)).toBe(3);
  expect(await packetsIn(20, 30, again)).toBe(0);
  expect(await packetsIn(30, 41, again)).toBe(4);
});

it("damage is looked at again, and refused again", async () => {
  const damaged = pcap(1, 2, 3);
  damaged.writeUInt32LE(0xffff_ffff, 24 + 1016 + 8);
  file("a.pcap", damaged);
  file("b.pcap", pcap(1_000_000));
  await learnOnce();
  expect(readFileSync(memory, "utf8")).not.toContain("a.pcap");
  await expect(packetsIn(1, 4, asking().serve())).rejects.toMatchObject({ kind: "source-corrupt" });
});

it.each<[string, (written: string) => string]>([
  ["cut", (written) => written.slice(0, -1)],
  ["empty", () => ""],
  ["of another kind", () => "[]"],
  ["of another version", (written) => written.replace("time-ranges-2", "time-ranges-1")],
  ["about another folder", (written) => written.replace(/"folder":"[^"]*"/, '"folder":"/elsewhere"')],
  ["with a time that is none", (written) => written.replace(/"startsAtNs":"\d+"/, '"startsAtNs":"-1"')],
])("captures are read again, with a warning, where the memory is %s", async (_, change) => {
  file("a.pcap", pcap(1, 2));
  await learnOnce();
  const written = readFileSync(memory, "utf8");
  expect(change(written)).not.toBe(written);
  writeFileSync(memory, change(written));
  const { serve, warnings } = asking();
  const again = serve();
  expect(await packetsIn(0, 5, again)).toBe(2);
  expect(warnings).toEqual([expect.stringContaining("they are read again")]);
  await again.close?.();
  expect(readFileSync(memory, "utf8")).toBe(written);
});

it("a source that can't write its memory says so, and answers", async () => {
  file("a.pcap", pcap(1, 2));
  const { serve, warnings } = asking();
  const again = serve({ remember: join(root, "no", "such", "folder.json") });
  expect(await packetsIn(0, 5, again)).toBe(2);
  await again.close?.();
  expect(warnings).toEqual([expect.stringContaining("could not write down")]);
});

it("what is learned is written while the source runs, whole, for nobody else to read", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  file("a.pcap", pcap(1));
  const running = asking().serve();
  await running.describe(never);
  expect(existsSync(memory)).toBe(false);
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  await eventually(() => existsSync(memory));
  expect(JSON.parse(readFileSync(memory, "utf8"))).toMatchObject({ files: [{ finding: { packets: 1 } }] });
  expect(statSync(memory).mode & 0o777).toBe(0o600);
  expect(readdirSync(root).sort()).toEqual(["captures", "ranges.json"]);
});

it("nothing is to be remembered of file times that are trusted", () => {
  expect(() => asking().serve({ trustFileTimes: true })).toThrow("leave it out with trustFileTimes");
});
