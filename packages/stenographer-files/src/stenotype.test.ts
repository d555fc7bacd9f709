import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { records } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { readPcap } from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StenographerStore } from "./store.js";

const fixtures = join(import.meta.dirname, "../fixtures");
const sent = join(import.meta.dirname, "../../testkit/fixtures/replayed.pcap");
let folder = "";
let store: StenographerStore;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stenotype-"));
  const threads = [{ packetsDirectory: join(folder, "PKT0"), indexDirectory: join(folder, "IDX0") }];
  mkdirSync(join(folder, "PKT0"));
  mkdirSync(join(folder, "IDX0"));
  copyFileSync(join(fixtures, "stenotype.packets"), join(folder, "PKT0", "1795488218035542"));
  copyFileSync(join(fixtures, "stenotype.index"), join(folder, "IDX0", "1795488218035542"));
  store = new StenographerStore({ threads });
});

afterAll(() => rmSync(folder, { recursive: true }));

async function frames(filter?: string): Promise<string[]> {
  const answer = await store.query({
    window: { startNs: 0n, endNs: 10n ** 19n },
    filter: filter === undefined ? undefined : parseFilter(filter),
    signal: new AbortController().signal,
  });
  const found: string[] = [];
  for await (const { data } of records(answer.batches)) found.push(Buffer.from(data).toString("hex"));
  expect(answer.damage).toEqual([]);
  return found;
}

it("reads what the real stenotype wrote, byte for byte and in order", async () => {
  expect(await frames()).toEqual(readPcap(sent).map(({ data }) => data.toString("hex")));
});

it.each(["ip proto 47", "mpls 100", "vlan 10", "port 53 and udp", "ip proto 47 or mpls 100 or vlan 10"])(
  "reads, by the index that the real stenotype wrote, exactly what matches: %s",
  async (filter) => {
    const matches = compileFilter(parseFilter(filter), { linkType: 1 });
    const wanted = readPcap(sent).filter(({ data }) => matches(data, 0, data.length, data.length, 0, 0));
    expect(wanted.length).toBeGreaterThan(10);
    expect(await frames(filter)).toEqual(wanted.map(({ data }) => data.toString("hex")));
  },
);
