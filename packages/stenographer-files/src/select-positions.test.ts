import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileFilter, type FilterNode, type IpAddress, parseFilter, printFilter } from "@stenogrpc/query";
import {
  createRandom,
  forEachIndexKey,
  keyKind,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blockBytes } from "./format.js";
import { IndexFile } from "./index-file.js";
import { mostPositions as byDefault, type PositionSet } from "./position-set.js";
import { type SelectOptions, selectPositions } from "./select-positions.js";

/** A packet of the file. */
interface Stored {
  readonly position: number;
  readonly data: Buffer;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** What stenotype indexes it under: the keys' kinds and values. */
  readonly keys: readonly { readonly kind: number; readonly value: bigint }[];
}

const random = createRandom(3);
let folder = "";
let packets: Stored[] = [];
let handle: FileHandle;
let index: IndexFile;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "select-"));
  const [P, I, pcap] = [join(folder, "P"), join(folder, "I"), join(folder, "in.pcap")];
  for (const path of [P, I]) mkdirSync(path);
  await writeSyntheticTraffic(pcap, { packets: 3000, seed: 5, maxPayload: 30_000 });
  const [name = ""] = writeStenographerFiles(pcap, P, I);
  packets = packetsOf(readFileSync(join(P, name)));
  handle = await open(join(I, name), "r");
  index = await IndexFile.open(handle);
});

afterAll(async () => {
  await handle.close();
  rmSync(folder, { recursive: true });
  packets = [];
});

function packetsOf(file: Buffer): Stored[] {
  const found: Stored[] = [];
  for (let block = 0; block < file.length; block += blockBytes) {
    let position = block + file.readUInt32LE(block + 16);
    for (let left = file.readUInt32LE(block + 12); left > 0; left--) {
      const frameAt = position + file.readUInt16LE(position + 24);
      const data = file.subarray(frameAt, frameAt + file.readUInt32LE(position + 12));
      const [seconds, nanoseconds] = [file.readUInt32LE(position + 4), file.readUInt32LE(position + 8)];
      const keys = new Map<string, Stored["keys"][number]>();
      forEachIndexKey(data, (kind, value) => {
        const hex = value.toString("hex");
        keys.set(`${kind} ${hex}`, { kind, value: BigInt(`0x${hex}`) });
      });
      found.push({ position, data, seconds, nanoseconds, keys: [...keys.values()] });
      position += file.readUInt32LE(position);
    }
  }
  return found;
}

type Options = Required<Omit<SelectOptions, "packets">>;
type Key = Stored["keys"][number];

/** What a filter should select, and how many positions the index has for it. */
interface Rule {
  readonly kind: PositionSet["kind"];
  readonly members: ReadonlySet<number>;
  readonly size: number;
}

const blockOf = (position: number): number => Math.floor(position / blockBytes);
const blocks = (positions: Iterable<number>): Set<number> => new Set([...positions].map(blockOf));
const positions = (): number[] => packets.map(({ position }) => position);
function addressOf(address: IpAddress): bigint {
  const words: readonly number[] = address.version === 4 ? [address.value] : address.words;
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

/** Whether a term finds packets under a key; undefined: it is not looked up. */
function findsUnder(node: FilterNode, restoreVlanTags: boolean): ((key: Key) => boolean) | undefined {
  const equals = (kind: number, value: number) => (key: Key) =>
    key.kind === kind && key.value === BigInt(value);
  switch (node.kind) {
    case "host":
    case "net": {
      const { address } = node;
      const bits = address.version === 4 ? 32 : 128;
      const rest = BigInt(node.kind === "net" ? bits - node.prefixLength : 0);
      const kind = address.version === 4 ? keyKind.ipv4 : keyKind.ipv6;
      return (key) => key.kind === kind && key.value >> rest === addressOf(address) >> rest;
    }
    case "port":
      return equals(keyKind.port, node.port);
    case "vlan":
      return restoreVlanTags ? undefined : equals(keyKind.vlan, node.id);
    case "mpls":
      return equals(keyKind.mpls, node.label);
    case "ip-proto":
      return equals(keyKind.protocol, node.protocol);
    case "protocol":
      return equals(keyKind.protocol, { icmp: 1, tcp: 6, udp: 17 }[node.name]);
    default:
      return undefined;
  }
}

const everything = (size: number): Rule => ({ kind: "all", members: new Set(), size });
const isHalf = (size: number): boolean => 2 * size > packets.length;

/** The packets as they are, or, where they are many, their blocks. */
function kept(members: ReadonlySet<number>, size: number, { mostPositions }: Options): Rule {
  return members.size > mostPositions
    ? { kind: "blocks", members: blocks(members), size }
    : { kind: "positions", members, size };
}

function ruleOf(node: FilterNode, options: Options): Rule {
  if (node.kind === "and") return ruleOfAnd(termsOf(node, "and").map((term) => ruleOf(term, options)));
  if (node.kind === "or")
    return ruleOfOr(
      termsOf(node, "or").map((term) => ruleOf(term, options)),
      options,
    );
  const finds = findsUnder(node, options.restoreVlanTags);
  if (finds === undefined) return everything(packets.length);
  const hits = packets.flatMap(({ position, keys }) => keys.filter(finds).map(() => position));
  return isHalf(hits.length) ? everything(hits.length) : kept(new Set(hits), hits.length, options);
}

function termsOf(node: FilterNode, kind: "and" | "or"): FilterNode[] {
  return node.kind === kind ? [...termsOf(node.left, kind), ...termsOf(node.right, kind)] : [node];
}

function ruleOfOr(terms: readonly Rule[], options: Options): Rule {
  const size = terms.reduce((sum, term) => sum + term.size, 0);
  if (isHalf(size) || terms.some(({ kind }) => kind === "all")) return everything(size);
  if (terms.every(({ kind }) => kind === "positions")) {
    return kept(new Set(terms.flatMap(({ members }) => [...members])), size, options);
  }
  const inBlocks = terms.flatMap(({ kind, members }) => [...(kind === "blocks" ? members : blocks(members))]);
  return { kind: "blocks", members: new Set(inBlocks), size };
}

/** Terms with fewest packets first; one with more than 512 for each packet that is left is not looked up. */
function ruleOfAnd(terms: readonly Rule[]): Rule {
  const [first, ...others] = [...terms].sort((a, b) => a.size - b.size);
  let rule = first ?? everything(0);
  for (const { kind, members, size } of others) {
    if (kind === "all" || (rule.kind === "positions" && size > 512 * rule.members.size)) continue;
    if (rule.kind === "all") rule = { kind, members, size: rule.size };
    else if (kind === rule.kind) {
      rule = { ...rule, members: new Set([...rule.members].filter((member) => members.has(member))) };
    } else {
      const [positions, within] = kind === "positions" ? [members, rule.members] : [rule.members, members];
      const left = [...positions].filter((position) => within.has(blockOf(position)));
      rule = { kind: "positions", members: new Set(left), size: rule.size };
    }
  }
  return rule;
}

/** A term, mostly one that some packet has. */
function term(): string {
  const { keys } = random.pick(packets);
  const valueOr = (wanted: number, otherwise: number): bigint =>
    keys.find(({ kind }) => kind === wanted)?.value ?? BigInt(otherwise);
  const v4 = valueOr(keyKind.ipv4, random.bits());
  const v4Text = [24n, 16n, 8n, 0n].map((shift) => (v4 >> shift) & 255n).join(".");
  const v6 = valueOr(keyKind.ipv6, random.bits()).toString(16).padStart(32, "0").match(/.{4}/g)?.join(":");
  switch (
    random.pick(["host", "host", "host6", "net", "net6", "port", "vlan", "mpls", "proto", "name", "time"])
  ) {
    case "host":
      return `host ${v4Text}`;
    case "host6":
      return `host ${v6}`;
    case "net":
      return `net ${v4Text}/${random.pick([0, 8, 15, 20, 21, 24, 27, 30, 32])}`;
    case "net6":
      return `net ${v6}/${random.pick([0, 16, 33, 44, 48, 64, 120, 128])}`;
    case "port":
      return `port ${valueOr(keyKind.port, random.pick([80, 443, 53]))}`;
    case "vlan":
      return `vlan ${valueOr(keyKind.vlan, random.pick([10, 20, 1000, 7]))}`;
    case "mpls":
      return `mpls ${valueOr(keyKind.mpls, random.pick([16, 299, 7]))}`;
    case "proto":
      return `ip proto ${valueOr(keyKind.protocol, random.pick([47, 132]))}`;
    case "name":
      return random.pick(["tcp", "udp", "icmp"]);
    default:
      return "after 2023-11-14T22:13:20Z";
  }
}

function filterText(depth: number): string {
  if (depth === 0 || random.fraction() < 0.3) return term();
  const parts = Array.from({ length: random.between(2, 5) }, () => filterText(depth - 1));
  const text = parts.reduce((left, right) => `${left} ${random.pick(["and", "or", "or"])} ${right}`);
  return random.fraction() < 0.7 ? `(${text})` : text;
}

const select = (filter: FilterNode, options: Options) =>
  selectPositions(index, filter, { packets: packets.length, ...options });

function membersOf(set: PositionSet): readonly number[] {
  return set.kind === "all" ? [] : [...(set.kind === "positions" ? set.positions : set.blocks)];
}

/** Packets that a filter matches, by who knows nothing of the index, and that are not selected. */
function lost(filter: FilterNode, set: PositionSet): number[] {
  if (set.kind === "all") return [];
  const matcher = compileFilter(filter, { linkType: 1 });
  const selected = new Set(membersOf(set));
  return packets
    .filter(({ position }) => !selected.has(set.kind === "blocks" ? blockOf(position) : position))
    .filter(({ data, seconds, nanoseconds }) =>
      matcher(data, 0, data.length, data.length, seconds, nanoseconds),
    )
    .map(({ position }) => position);
}

describe("selectPositions", () => {
  it.each([1, 4, 40, byDefault])(
    "selects by the index what the packets say, of more than %d positions their blocks",
    async (mostPositions) => {
      const seen = { all: 0, positions: 0, blocks: 0 };
      for (let i = 0; i < 110; i++) {
        const options = { mostPositions, restoreVlanTags: random.fraction() < 0.2 };
        const filter = parseFilter(filterText(random.between(0, 4)));
        const set = await select(filter, options);
        const { kind, members } = ruleOf(filter, options);
        const about = `${printFilter(filter)} ${options.restoreVlanTags}`;
        expect([about, set.kind, membersOf(set)]).toEqual([about, kind, [...members].sort((a, b) => a - b)]);
        expect([about, ...lost(filter, set)]).toEqual([about]);
        // Those that leave something out.
        if (set.kind !== "blocks" || set.blocks.length < blocks(positions()).size) seen[set.kind]++;
      }
      expect(seen.positions).toBeGreaterThan(10);
      if (mostPositions < 40) expect(seen.blocks).toBeGreaterThan(10);
      if (mostPositions === byDefault) expect(seen.blocks).toBe(0);
    },
  );
});
