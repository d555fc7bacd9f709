import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, records } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { packetLine, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { StenographerStore } from "./store.js";

/** So that a small store has more positions than are kept. */
const ceiling: { mostPositions?: number } = {};

vi.mock("./select-positions.js", async (importOriginal) => {
  const original = await importOriginal<typeof import("./select-positions.js")>();
  const selectPositions: typeof original.selectPositions = (index, filter, options) =>
    original.selectPositions(index, filter, { ...options, ...ceiling });
  return { ...original, selectPositions };
});

let folder = "";
const threads: { packetsDirectory: string; indexDirectory: string }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "many-"));
  for (const thread of [0, 1]) {
    const [packetsDirectory, indexDirectory] = [join(folder, `P${thread}`), join(folder, `I${thread}`)];
    for (const path of [packetsDirectory, indexDirectory]) mkdirSync(path);
    const pcap = join(folder, `${thread}.pcap`);
    await writeSyntheticTraffic(pcap, {
      packets: 2000,
      seed: 13 + thread,
      packetsPerSecond: 200,
      maxPayload: 20_000,
    });
    writeStenographerFiles(pcap, packetsDirectory, indexDirectory, { secondsPerFile: 5 });
    threads.push({ packetsDirectory, indexDirectory });
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

async function ask(filterText: string): Promise<{ lines: string[]; read: number }> {
  const filter = parseFilter(filterText);
  const window = { startNs: 0n, endNs: 10n ** 19n };
  const store = new StenographerStore({ threads });
  const answer = await store.query({ window, filter, signal: new AbortController().signal });
  let read = 0;
  async function* counted() {
    for await (const batch of answer.batches) {
      read += batch.count;
      yield batch;
    }
  }
  const lines: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(
    match(compileFilter(filter, { linkType: 1 }))(counted()),
  )) {
    lines.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  expect(answer.damage).toEqual([]);
  return { lines, read };
}

it.each([
  "ip proto 47",
  "net 2001:db8::/33",
  "port 53 or vlan 20",
  "vlan 10 and (port 80 or port 443)",
  "icmp and net 10.0.0.0/14",
])("gives the same packets where their positions are too many to be kept: %s", async (filter) => {
  const few = await ask(filter);
  expect(few.lines.length).toBeGreaterThan(0);
  for (const mostPositions of [1, 5]) {
    ceiling.mostPositions = mostPositions;
    const many = await ask(filter).finally(() => delete ceiling.mostPositions);
    expect(many.lines).toEqual(few.lines);
    expect(many.read).toBeGreaterThan(few.read);
  }
});
