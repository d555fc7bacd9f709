import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { records } from "@stenogrpc/pcap";
import { compileFilter, type FrameMatcher, parseFilter } from "@stenogrpc/query";
import { readPcap, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StenographerStore } from "./store.js";

/** STENOGRPC_DAMAGE_CASES and STENOGRPC_DAMAGE_SEED: more cases, or others. */
const cases = Number(process.env.STENOGRPC_DAMAGE_CASES ?? 1000);
const seed = Number(process.env.STENOGRPC_DAMAGE_SEED ?? 1);
const blockBytes = 1024 * 1024;
const filters = [
  undefined,
  "tcp",
  "udp and port 53",
  "net 10.1.0.0/16",
  "vlan 10 or icmp",
  "net 2001:db8::/32",
];

/** A packet of the undamaged store, and where it lies. */
interface Original {
  readonly file: number;
  readonly at: number;
  readonly frameAt: number;
  readonly timestampNs: bigint;
  readonly data: Buffer;
  readonly line: string;
}

let folder = "";
let folders = { packetsDirectory: "", indexDirectory: "" };
/** The undamaged bytes, packet files first. */
let files: { path: string; good: Buffer; isIndex: boolean; starts: number[] }[] = [];
let originals: Original[] = [];
let wholeWindow = { startNs: 0n, endNs: 0n };

const lineOf = (timestampNs: bigint, data: Uint8Array): string =>
  `${timestampNs} ${Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1")}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "damage-"));
  folders = { packetsDirectory: join(folder, "P"), indexDirectory: join(folder, "I") };
  for (const path of Object.values(folders)) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 260, seed: 11, packetsPerSecond: 20, maxPayload: 30_000 });
  const names = writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory, {
    secondsPerFile: 7,
  });
  expect(names.length).toBeGreaterThanOrEqual(2);
  const sent = readPcap(pcap);
  wholeWindow = { startNs: sent[0]?.timestampNs ?? 0n, endNs: (sent.at(-1)?.timestampNs ?? 0n) + 1n };
  for (const [file, name] of names.entries()) {
    const path = join(folders.packetsDirectory, name);
    const good = readFileSync(path);
    const starts: number[] = [];
    for (let block = 0; block < good.length; block += blockBytes) {
      let at = block + 48;
      for (let left = good.readUInt32LE(block + 12); left > 0; left--) {
        originals.push(packetAt(good, file, at));
        starts.push(at);
        at += good.readUInt32LE(at);
      }
    }
    files.push({ path, good, isIndex: false, starts });
  }
  expect(originals).toHaveLength(sent.length);
  for (const name of names) {
    const path = join(folders.indexDirectory, name);
    files.push({ path, good: readFileSync(path), isIndex: true, starts: [] });
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  files = [];
  originals = [];
});

/** The packet whose header lies at `at`, as it stands there. */
function packetAt(bytes: Buffer, file: number, at: number): Original {
  const timestampNs =
    BigInt(bytes.readUInt32LE(at + 4)) * 1_000_000_000n + BigInt(bytes.readUInt32LE(at + 8));
  const frameAt = at + bytes.readUInt16LE(at + 24);
  const data = bytes.subarray(frameAt, frameAt + bytes.readUInt32LE(at + 12));
  return { file, at, frameAt, timestampNs, data, line: lineOf(timestampNs, data) };
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

let state = seed;
const below = (limit: number): number => {
  state = (state * 48_271) % 2_147_483_647;
  return state % limit;
};
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T; // the index is in range

/** A place where something stands: each kind of byte has its turn, however few of them there are. */
function place(file: number): { at: number; region: string } {
  const { good, isIndex, starts } = files[file] as (typeof files)[number]; // the caller took it from there
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
  const { good, isIndex } = files[file] as (typeof files)[number]; // below its length
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

function write({ path }: { path: string }, bytes: Buffer, from: number, to: number): void {
  const file = openSync(path, "r+");
  ftruncateSync(file, bytes.length);
  writeSync(file, bytes, from, Math.max(0, Math.min(to, bytes.length) - from), from);
  closeSync(file);
}

async function ask(filter: string | undefined, window: { startNs: bigint; endNs: bigint }) {
  const store = new StenographerStore({ threads: [folders] });
  const answer = await store.query({
    window,
    filter: filter === undefined ? undefined : parseFilter(filter),
    signal: new AbortController().signal,
  });
  const lines: string[] = [];
  for await (const { timestampNs, data } of records(answer.batches)) lines.push(lineOf(timestampNs, data));
  const { gaps } = await answer.coverage();
  return { lines, gaps, damage: answer.damage, losing: answer.damageCount.losing };
}

/** The packets that a query must give, whatever else it gives. */
function wanted(matcher: FrameMatcher | undefined, window: { startNs: bigint; endNs: bigint }): Original[] {
  return originals.filter(
    ({ timestampNs, data }) =>
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

it("takes the undamaged store for complete", async () => {
  for (const filter of filters) {
    const { lines, gaps, damage: found } = await ask(filter, wholeWindow);
    expect(found).toEqual([]);
    expect(gaps).toEqual([]);
    if (filter === undefined) expect(lines).toEqual(originals.map(({ line }) => line));
  }
});

it(`gives no wrong packet, and no answer for complete that is not, in ${cases} cases of damage (seed ${seed})`, async () => {
  let incomplete = 0;
  let altered = 0;
  for (let i = 0; i < cases; i++) {
    const damaging = damage();
    const { what, file, bytes, from, to } = damaging;
    const target = files[file] as (typeof files)[number]; // damage() took it from there
    const filter = pick(filters);
    const middle = pick(originals).timestampNs;
    const window =
      below(2) === 0
        ? wholeWindow
        : { startNs: middle - BigInt(below(1e9)), endNs: middle + BigInt(1 + below(1e9)) };
    if (window.startNs < wholeWindow.startNs) window.startNs = wholeWindow.startNs;
    if (window.endNs > wholeWindow.endNs) window.endNs = wholeWindow.endNs;
    write(target, bytes, from, to);
    const answer = await ask(filter, window);
    write(target, target.good, from, to);
    const about = `case ${i}: ${what}, ${filter}`;

    // Frames have no checksum: one whose bytes or header are damaged may come as it stands on disk, at its own place.
    const onDisk = new Map<string, string>();
    if (!target.isIndex) {
      for (const { file: of, at, frameAt, data, line } of originals) {
        if (of !== file || frameAt + data.length <= from || at >= to || at + 48 > bytes.length) continue;
        onDisk.set(packetAt(bytes, file, at).line, line);
      }
    }
    const left = new Set(originals.map(({ line }) => line));
    const wrong: string[] = [];
    for (const line of answer.lines) {
      if (left.delete(line)) continue;
      const original = onDisk.get(line);
      if (original !== undefined && left.delete(original)) altered++;
      else wrong.push(line.slice(0, 40));
    }
    expect(wrong, about).toEqual([]);
    const matcher = filter === undefined ? undefined : compileFilter(parseFilter(filter), { linkType: 1 });
    const missing = wanted(matcher, window).filter(({ line }) => left.has(line)).length;
    if (missing > 0) {
      incomplete++;
      expect(answer.losing + answer.gaps.length, `${about}: ${missing} packets missing`).toBeGreaterThan(0);
    }
    if (target.isIndex) expect([about, missing, answer.losing]).toEqual([about, 0, 0]);
  }
  process.stdout.write(
    `${cases} cases: ${incomplete} incomplete, all said; ${altered} frames as altered on disk\n`,
  );
  expect(incomplete).toBeGreaterThan(cases / 20);
});
