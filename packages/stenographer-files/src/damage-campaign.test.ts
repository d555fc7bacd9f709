import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { records } from "@stenogrpc/pcap";
import { compileFilter, type FrameMatcher, parseFilter } from "@stenogrpc/query";
import { createRandom, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { StenographerStore } from "./store.js";

/** STENOGRPC_DAMAGE_CASES and STENOGRPC_DAMAGE_SEED: more cases, or others. */
const cases = Number(process.env.STENOGRPC_DAMAGE_CASES ?? 500);
const seed = Number(process.env.STENOGRPC_DAMAGE_SEED ?? 1);
/** A case takes some ten milliseconds: one that takes this long never ends. */
const hangMs = 20_000;
const blockBytes = 1024 * 1024;
const filters = [
  undefined,
  "tcp",
  "udp and port 53",
  "net 10.1.0.0/16",
  "vlan 10 or icmp",
  "net 2001:db8::/32",
];

/** How an answer gives a packet. */
interface Frame {
  readonly data: Buffer;
  readonly line: string;
}

/** A packet of the undamaged store, and where it lies. */
interface Original {
  readonly file: number;
  readonly at: number;
  readonly frameAt: number;
  readonly end: number;
  readonly timestampNs: bigint;
  readonly plain: Frame;
  /** With `restoreVlanTags`. */
  readonly tagged: Frame;
}

/** A file of the undamaged store. */
interface Target {
  readonly path: string;
  readonly good: Buffer;
  readonly isIndex: boolean;
  /** The newest of its thread: while it is being written its name is hidden. */
  readonly isNewest: boolean;
  /** Where its packets' headers lie. */
  readonly starts: readonly number[];
}

type Window = { startNs: bigint; endNs: bigint };

let folder = "";
let threads: { packetsDirectory: string; indexDirectory: string }[] = [];
/** Packet files first. */
let files: Target[] = [];
/** In order of time. */
let originals: Original[] = [];
let wholeWindow = { startNs: 0n, endNs: 0n };

const lineOf = (timestampNs: bigint, data: Uint8Array): string =>
  `${timestampNs} ${Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1")}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "damage-"));
  const indices: Target[] = [];
  for (const thread of [0, 1]) {
    const [P, I, pcap] = [
      join(folder, `P${thread}`),
      join(folder, `I${thread}`),
      join(folder, `${thread}.pcap`),
    ];
    for (const path of [P, I]) mkdirSync(path);
    const traffic = { packets: 130, seed: 11 + thread, packetsPerSecond: 10, maxPayload: 30_000 };
    await writeSyntheticTraffic(pcap, traffic);
    const names = writeStenographerFiles(pcap, P, I, { secondsPerFile: 7, secondsPerBlock: 3 });
    expect(names.length).toBeGreaterThanOrEqual(2);
    threads.push({ packetsDirectory: P, indexDirectory: I });
    for (const name of names) {
      const isNewest = name === names.at(-1);
      files.push(packetFile(join(P, name), files.length, isNewest));
      const path = join(I, name);
      indices.push({ path, good: readFileSync(path), isIndex: true, isNewest, starts: [] });
    }
    expect(originals).toHaveLength(130 * (thread + 1));
    expect(files.at(-1)?.good.length).toBeGreaterThanOrEqual(3 * blockBytes);
  }
  files.push(...indices);
  originals.sort((a, b) => Number(a.timestampNs - b.timestampNs));
  // What both threads have.
  const ends = files.filter(({ isIndex, isNewest }) => isNewest && !isIndex).map(({ path }) => lastNs(path));
  wholeWindow = {
    startNs: originals[0]?.timestampNs ?? 0n,
    endNs: ends.reduce((a, b) => (a < b ? a : b)) + 1n,
  };
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  threads = [];
  files = [];
  originals = [];
});

/** Takes down the packets of a file, of which every third gets a VLAN tag beside its frame. */
function packetFile(path: string, file: number, isNewest: boolean): Target {
  const good = readFileSync(path);
  const starts: number[] = [];
  for (let block = 0; block < good.length; block += blockBytes) {
    let at = block + 48;
    for (let left = good.readUInt32LE(block + 12); left > 0; left--) {
      if (starts.length % 3 === 0) {
        good.writeUInt32LE(starts.length % 2 === 0 ? 0x51 : 0x11, at + 20); // its Ethernet type is there, or is not
        good.writeUInt32LE(0x6000 | 10, at + 32);
        good.writeUInt16LE(0x88a8, at + 36);
      }
      originals.push(packetAt(good, file, at));
      starts.push(at);
      at += good.readUInt32LE(at);
    }
  }
  write(path, good, 0, good.length);
  return { path, good, isIndex: false, isNewest, starts };
}

/** The packet whose header lies at `at`, as it stands there. */
function packetAt(bytes: Buffer, file: number, at: number): Original {
  const timestampNs =
    BigInt(bytes.readUInt32LE(at + 4)) * 1_000_000_000n + BigInt(bytes.readUInt32LE(at + 8));
  const frameAt = at + bytes.readUInt16LE(at + 24);
  const data = bytes.subarray(frameAt, frameAt + bytes.readUInt32LE(at + 12));
  const plain = { data, line: lineOf(timestampNs, data) };
  const end = frameAt + data.length;
  const status = bytes.readUInt32LE(at + 20);
  if ((status & 0x10) === 0 || data.length < 12)
    return { file, at, frameAt, end, timestampNs, plain, tagged: plain };
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE((status & 0x40) === 0 ? 0x8100 : bytes.readUInt16LE(at + 36), 0);
  tag.writeUInt16BE(bytes.readUInt16LE(at + 32), 2);
  const longer = Buffer.concat([data.subarray(0, 12), tag, data.subarray(12)]);
  const tagged = { data: longer, line: lineOf(timestampNs, longer) };
  return { file, at, frameAt, end, timestampNs, plain, tagged };
}

/** What is done to one file. */
interface Damaging {
  readonly what: string;
  readonly file: number;
  readonly bytes: Buffer;
  /** Bytes that differ lie between these. */
  readonly from: number;
  readonly to: number;
}

const random = createRandom(seed);
const below = (limit: number): number => random.between(0, limit);
const { pick } = random;

/** A place where something stands: each kind of byte has its turn, however few of them there are. */
function place(file: number): { at: number; region: string } {
  const { good, isIndex, starts } = files[file] as Target; // the caller took it from there
  if (isIndex) {
    const region = pick(["footer", "contents", "data"]);
    if (region === "footer") return { region, at: good.length - 1 - below(48) };
    if (region === "contents")
      return { region, at: good.length - 49 - below(Math.min(good.length - 49, 400)) };
    return { region, at: below(good.length) };
  }
  const region = pick(["block header", "packet header", "address", "frame", "anywhere"]);
  const start = pick(starts);
  const frame = good.readUInt16LE(start + 24);
  if (region === "block header")
    return { region, at: below(good.length / blockBytes) * blockBytes + below(48) };
  if (region === "packet header") return { region, at: start + below(48) };
  if (region === "address") return { region, at: start + 48 + below(frame - 48) };
  if (region === "frame") return { region, at: start + frame + below(good.readUInt32LE(start + 12)) };
  return { region, at: below(good.length) };
}

function damage(): Damaging {
  const file = below(files.length);
  const { good, isIndex } = files[file] as Target; // below its length
  const { at, region } = place(file);
  const name = `${isIndex ? "index" : "packets"} ${file}, ${region} at ${at}`;
  const bytes = Buffer.from(good);
  const changed = (what: string, length: number) => ({
    what: `${what} ${length} bytes of ${name}`,
    file,
    bytes,
    from: at,
    to: Math.min(at + length, good.length),
  });
  switch (pick(["bit", "bit", "bit", "byte", "zero", "noise", "cut", "block"])) {
    case "bit":
      bytes[at] = (good[at] ?? 0) ^ (1 << below(8));
      return changed("flipped", 1);
    case "byte":
      bytes[at] = below(256);
      return changed("set", 1);
    case "zero": {
      const length = pick([2, 4, 8, 16, 100, 4096, 100_000]);
      bytes.fill(0, at, Math.min(at + length, good.length));
      return changed("zeroed", length);
    }
    case "noise": {
      const length = pick([2, 4, 8, 48, 512]);
      for (let i = at; i < Math.min(at + length, good.length); i++) bytes[i] = below(256);
      return changed("overwrote", length);
    }
    case "block":
      if (!isIndex) {
        const [from, to] = [below(good.length / blockBytes), below(good.length / blockBytes)];
        good.copy(bytes, to * blockBytes, from * blockBytes, (from + 1) * blockBytes);
        const start = to * blockBytes;
        return {
          what: `block ${from} over ${to} of ${name}`,
          file,
          bytes,
          from: start,
          to: start + blockBytes,
        };
      }
  }
  const length = isIndex || below(2) === 0 ? at : Math.floor(at / blockBytes) * blockBytes;
  return {
    what: `cut ${name} to ${length}`,
    file,
    bytes: bytes.subarray(0, length),
    from: length,
    to: good.length,
  };
}

function write(path: string, bytes: Buffer, from: number, to: number): void {
  const file = openSync(path, "r+");
  ftruncateSync(file, bytes.length);
  writeSync(file, bytes, from, Math.max(0, Math.min(to, bytes.length) - from), from);
  closeSync(file);
}

const lastNs = (path: string): bigint =>
  originals.findLast(({ file }) => files[file]?.path === path)?.timestampNs ?? 0n;

/** How a store stands and is asked. */
interface Asking {
  readonly filter: string | undefined;
  readonly window: Window;
  readonly restoreVlanTags: boolean;
  /** Whether the newest files are still being written. */
  readonly isWriting: boolean;
  readonly readUnfinished: boolean;
}

async function ask({ filter, window, restoreVlanTags, readUnfinished }: Asking) {
  const now = () => Number(wholeWindow.endNs / 1_000_000n) + 1000;
  const store = new StenographerStore({ threads, readUnfinished, now });
  const answer = await store.query({
    window,
    filter: filter === undefined ? undefined : parseFilter(filter),
    restoreVlanTags,
    signal: new AbortController().signal,
  });
  const lines: string[] = [];
  for await (const { timestampNs, data } of records(answer.batches)) lines.push(lineOf(timestampNs, data));
  const { gaps } = await answer.coverage();
  await store.close();
  return { lines, gaps, damage: answer.damage, losing: answer.damageCount.losing };
}

const hidden = (path: string): string => join(dirname(path), `.${basename(path)}`);

/** Asks while some bytes of a file are others, and newest files perhaps hidden. */
async function askDamaged({ file, bytes, from, to }: Damaging, asking: Asking) {
  const { path, good } = files[file] as Target; // damage() took it from there
  const newest = asking.isWriting ? files.filter(({ isNewest }) => isNewest) : [];
  write(path, bytes, from, to);
  for (const { path } of newest) renameSync(path, hidden(path));
  const answer = await ask(asking);
  for (const { path } of newest) renameSync(hidden(path), path);
  write(path, good, from, to);
  return answer;
}

/** Ends the process where a case does not end: one may well keep the thread. */
function watchCases() {
  const watch = `
    const { parentPort } = require("node:worker_threads");
    let timer;
    parentPort.on("message", (about) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        require("node:fs").writeSync(2, about + ": does not end\\n");
        process.kill(process.pid, "SIGKILL");
      }, ${hangMs});
    });`;
  const worker = new Worker(watch, { eval: true });
  return { next: (about: string) => worker.postMessage(about), end: () => void worker.terminate() };
}

/** The packets that a query must give, whatever else it gives. */
function wanted(matcher: FrameMatcher | undefined, window: Window, form: "plain" | "tagged"): Original[] {
  return originals.filter(
    ({ timestampNs, [form]: { data } }) =>
      timestampNs >= window.startNs &&
      timestampNs < window.endNs &&
      (matcher === undefined ||
        matcher(
          data,
          0,
          data.length,
          data.length,
          Number(timestampNs / 1_000_000_000n),
          Number(timestampNs % 1_000_000_000n),
        )),
  );
}

/** Whether a packet is in a part of a file that is not read yet since the file is being written. */
function isUnwritten({ file, at }: Original, { isWriting, readUnfinished }: Asking): boolean {
  const { isNewest, good } = files[file] as Target; // each original's is there
  return isWriting && isNewest && (!readUnfinished || at >= good.length - blockBytes);
}

it("takes the undamaged store for complete", async () => {
  const finished = { window: wholeWindow, isWriting: false, readUnfinished: true };
  for (const filter of filters) {
    for (const restoreVlanTags of [false, true]) {
      const { lines, gaps, damage: found } = await ask({ ...finished, filter, restoreVlanTags });
      expect(found).toEqual([]);
      expect(gaps).toEqual([]);
      const form = restoreVlanTags ? "tagged" : "plain";
      if (filter === undefined) expect(lines).toEqual(originals.map((original) => original[form].line));
    }
  }
});

it(
  `gives no wrong packet, and no answer for complete that is not, in ${cases} cases of damage (seed ${seed})`,
  async () => {
    let incomplete = 0;
    let altered = 0;
    const watch = watchCases();
    onTestFinished(watch.end);
    for (let i = 0; i < cases; i++) {
      const damaging = damage();
      const { what, file, bytes, from, to } = damaging;
      const target = files[file] as Target; // damage() took it from there
      const middle = pick(originals).timestampNs;
      const window =
        below(2) === 0
          ? { ...wholeWindow }
          : { startNs: middle - BigInt(below(1e9)), endNs: middle + BigInt(1 + below(1e9)) };
      if (window.startNs < wholeWindow.startNs) window.startNs = wholeWindow.startNs;
      if (window.endNs > wholeWindow.endNs) window.endNs = wholeWindow.endNs;
      const asking = {
        filter: pick(filters),
        window,
        restoreVlanTags: below(3) === 0,
        isWriting: below(3) === 0,
        readUnfinished: below(2) === 0,
      };
      const { filter, restoreVlanTags, isWriting, readUnfinished } = asking;
      const form = restoreVlanTags ? "tagged" : "plain";
      const about =
        `case ${i} of seed ${seed}: ${what}, ${filter}, ${form}` +
        (isWriting ? `, newest files are being written and ${readUnfinished ? "" : "not "}read` : "");
      watch.next(about);
      const answer = await askDamaged(damaging, asking);

      // Frames have no checksum: one whose bytes or header are damaged may come as it stands on disk, at its own place.
      const onDisk = new Map<string, string>();
      if (!target.isIndex) {
        for (const { file: of, at, end, [form]: frame } of originals) {
          if (of !== file || end <= from || at >= to || at + 48 > bytes.length) continue;
          onDisk.set(packetAt(bytes, file, at)[form].line, frame.line);
        }
      }
      const left = new Set(originals.map(({ [form]: { line } }) => line));
      const wrong: string[] = [];
      for (const line of answer.lines) {
        if (left.delete(line)) continue;
        const original = onDisk.get(line);
        if (original !== undefined && left.delete(original)) altered++;
        else wrong.push(line.slice(0, 40));
      }
      expect(wrong, about).toEqual([]);
      const matcher = filter === undefined ? undefined : compileFilter(parseFilter(filter), { linkType: 1 });
      const missing = wanted(matcher, window, form).filter((original) => left.has(original[form].line));
      const lost = missing.filter((original) => !isUnwritten(original, asking));
      // Only what is damaged costs packets, and an index never does.
      expect([about, lost.filter((original) => original.file !== file).length]).toEqual([about, 0]);
      if (lost.length > 0) incomplete++;
      if (answer.losing === 0) {
        const unsaid = missing.filter(
          ({ timestampNs }) =>
            !answer.gaps.some(({ startNs, endNs }) => timestampNs >= startNs && timestampNs < endNs),
        );
        expect([about, unsaid.length]).toEqual([about, 0]);
      }
      if (target.isIndex) expect([about, answer.losing]).toEqual([about, 0]);
    }
    process.stdout.write(
      `${cases} cases: ${incomplete} incomplete, all said; ${altered} frames as altered on disk\n`,
    );
    expect(incomplete).toBeGreaterThan(cases / 30);
  },
  60_000 + 50 * cases,
);
