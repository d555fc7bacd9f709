import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, records } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { pcapOf, writeStenographerFiles } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StenographerStore } from "./store.js";

const addresses = Buffer.from("020202020202040404040404", "hex");
const arp = Buffer.concat([addresses, Buffer.from("0806", "hex"), Buffer.from("an answer for somebody")]);
/** An inner tag in the frame, VLAN 7. */
const tagged = Buffer.concat([addresses, Buffer.from("810000070806", "hex"), Buffer.from("inner")]);
const cut = Buffer.from("0102030405060708090a0b", "hex");
const onlyAddresses = addresses;

interface Tag {
  readonly status: number;
  readonly tci: number;
  readonly tpid: number;
}
const withTpid = (tpid: number, tci: number): Tag => ({ status: 0x51, tci, tpid });
const withoutTpid = (tci: number): Tag => ({ status: 0x11, tci, tpid: 0x88a8 });
/** Fields that are not valid must not be looked at. */
const invalid: Tag = { status: 0x41, tci: 99, tpid: 0x88a8 };

const cases: { frame: Buffer; tag: Tag; inserted: string }[] = [
  { frame: arp, tag: withTpid(0x88a8, 0x6064), inserted: "88a86064" },
  { frame: arp, tag: invalid, inserted: "" },
  { frame: arp, tag: withoutTpid(0x0005), inserted: "81000005" },
  { frame: tagged, tag: withTpid(0x8100, 0x0fff), inserted: "81000fff" },
  { frame: cut, tag: withTpid(0x8100, 3), inserted: "" },
  { frame: onlyAddresses, tag: withTpid(0x8100, 0), inserted: "81000000" },
  { frame: tagged, tag: invalid, inserted: "" },
];
const unseenBytes = 40;

let folder = "";
let store: StenographerStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vlan-"));
  const folders = { packetsDirectory: join(folder, "P"), indexDirectory: join(folder, "I") };
  for (const path of Object.values(folders)) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  writeFileSync(pcap, capture(cases.map(({ frame }) => frame)));
  const [name = ""] = writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory);
  const path = join(folders.packetsDirectory, name);
  const bytes = readFileSync(path);
  let at = bytes.readUInt32LE(16);
  for (const { tag } of cases) {
    bytes.writeUInt32LE(tag.status, at + 20);
    bytes.writeUInt32LE(tag.tci, at + 32);
    bytes.writeUInt16LE(tag.tpid, at + 36);
    at += bytes.readUInt32LE(at);
  }
  writeFileSync(path, bytes);
  store = new StenographerStore({ threads: [folders] });
});

afterEach(() => rmSync(folder, { recursive: true }));

function capture(frames: readonly Buffer[]): Buffer {
  const packets = frames.map((data, i) => ({
    timestampNs: 1_700_000_000_000_000_000n + BigInt(i + 1),
    data,
    originalLength: data.length + unseenBytes,
  }));
  return pcapOf(packets, { resolution: "nanoseconds" });
}

interface Given {
  readonly frame: string;
  readonly capturedLength: number;
  readonly originalLength: number;
  readonly nanosecond: number;
}

async function ask(options: { restoreVlanTags?: boolean }, filterText?: string): Promise<Given[]> {
  const filter = filterText === undefined ? undefined : parseFilter(filterText);
  const window = { startNs: 0n, endNs: 10n ** 19n };
  const answer = await store.query({ window, filter, signal: new AbortController().signal, ...options });
  const batches =
    filter === undefined ? answer.batches : match(compileFilter(filter, { linkType: 1 }))(answer.batches);
  const given: Given[] = [];
  for await (const { data, originalLength, timestampNs } of records(batches)) {
    const nanosecond = Number(timestampNs % 1_000_000_000n);
    given.push({
      frame: Buffer.from(data).toString("hex"),
      capturedLength: data.length,
      originalLength,
      nanosecond,
    });
  }
  expect(answer.damage).toEqual([]);
  return given;
}

function wanted(i: number, restored: boolean): Given {
  const { frame, inserted } = cases[i] ?? { frame: Buffer.alloc(0), inserted: "" };
  const tag = Buffer.from(restored ? inserted : "", "hex");
  const whole = Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
  return {
    frame: whole.toString("hex"),
    capturedLength: frame.length + tag.length,
    originalLength: frame.length + tag.length + unseenBytes,
    nanosecond: i + 1,
  };
}

describe("restoreVlanTags", () => {
  it("puts each valid tag behind the addresses, lengthens the frame by it, and leaves the others and the order alone", async () => {
    expect(await ask({ restoreVlanTags: true })).toEqual(cases.map((_, i) => wanted(i, true)));
  });

  it("is off unless it is asked for", async () => {
    const untouched = cases.map((_, i) => wanted(i, false));
    expect(await ask({})).toEqual(untouched);
    expect(await ask({ restoreVlanTags: false })).toEqual(untouched);
  });

  it("lets a filter find a packet by a tag that the index does not know", async () => {
    expect(await ask({ restoreVlanTags: true }, "vlan 100")).toEqual([wanted(0, true)]);
    expect(await ask({ restoreVlanTags: true }, "vlan 5")).toEqual([wanted(2, true)]);
    expect(await ask({}, "vlan 100")).toEqual([]);
  });

  it("still finds a packet by the inner tag, which the frame kept", async () => {
    expect(await ask({ restoreVlanTags: true }, "vlan 7")).toEqual([wanted(3, true), wanted(6, true)]);
  });
});
