import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, records } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { packetLine, writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asynchronousAccess } from "./file-access.js";
import { LocalReader } from "./files-reader.js";
import { listThread, type StoredFile } from "./list-files.js";
import { QuickAccess } from "./quick-access.js";

let folder = "";
let files: readonly StoredFile[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "seek-"));
  const [packetsDirectory, indexDirectory] = [join(folder, "PKT0"), join(folder, "IDX0")];
  for (const path of [packetsDirectory, indexDirectory]) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  // So large that 256 of them find no room in a block's memory.
  await writeSyntheticTraffic(pcap, { packets: 3000, seed: 5, packetsPerSecond: 100, maxPayload: 40_000 });
  writeStenographerFiles(pcap, packetsDirectory, indexDirectory, { secondsPerFile: 60 });
  files = (await listThread({ packetsDirectory, indexDirectory })).finished;
});
afterAll(() => rmSync(folder, { recursive: true }));

async function ask(reader: LocalReader, text: string) {
  const filter = parseFilter(text);
  const none = () => expect.unreachable("something was found wrong");
  const query = { thread: 0, files, filter, blockAgeUs: 10e6 };
  const form = { resolution: "nanoseconds", restoreVlanTags: false } as const;
  const packets = reader.packets(
    { ...query, ...form, fromUs: 0, toUs: 1e16 },
    { onDamage: none, onLost: none, onGone: none, onUnfinished: none },
    new AbortController().signal,
  );
  let batches = 0;
  async function* counted() {
    for await (const batch of packets) {
      batches++;
      yield batch;
    }
  }
  const lines: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(
    match(compileFilter(filter, { linkType: 1 }))(counted()),
  )) {
    lines.push(packetLine({ timestampNs, originalLength, data: Buffer.from(data) }));
  }
  return { lines, batches };
}

const withCosts = (seekBytes: number, gapBytes: number) =>
  new LocalReader({ ...asynchronousAccess, costs: { seekBytes, gapBytes } });

describe.each(["port 53", "vlan 20", "icmp", "net 10.0.0.0/12", "port 53 or port 80 or icmp"])(
  "%s",
  (text) => {
    it("gives the same, whatever a seek costs and whatever is read together", async () => {
      const whole = await ask(withCosts(1e9, 0), text);
      expect(whole.lines.length).toBeGreaterThan(10);
      for (const [seekBytes, gapBytes] of [
        [1, 2048],
        [1, 16 * 1024],
        [20_000, 2048],
        [128 * 1024, 16 * 1024],
      ] as const) {
        expect((await ask(withCosts(seekBytes, gapBytes), text)).lines).toEqual(whole.lines);
      }
      expect((await ask(new LocalReader(new QuickAccess()), text)).lines).toEqual(whole.lines);
    });
  },
);

it("gives packets of several blocks in one batch, as many as find room", async () => {
  const whole = await ask(withCosts(1e9, 0), "port 53 or port 80 or icmp");
  const single = await ask(withCosts(1, 2048), "port 53 or port 80 or icmp");
  expect(single.batches).toBeLessThan(whole.batches);
  expect(single.batches).toBeGreaterThan(3);
});
