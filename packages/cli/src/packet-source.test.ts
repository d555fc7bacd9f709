import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { retrievalPlan } from "@stenogrpc/server/testing";
import { writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadYaml } from "./load-yaml.js";
import { packetSource } from "./packet-source.js";
import { serverSettings } from "./server-settings.js";

const noLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let folder = "";
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "packet-source-"));
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 12_000, packetsPerSecond: 200 });
  for (const name of ["PKT0", "IDX0"]) mkdirSync(join(folder, name));
  const names = writeStenographerFiles(pcap, join(folder, "PKT0"), join(folder, "IDX0"), {
    secondsPerFile: 31,
  });
  const newest = names.at(-1) ?? "";
  renameSync(join(folder, "PKT0", newest), join(folder, "PKT0", `.${newest}`));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Packets that a server with this source would have. */
async function packets(source: string): Promise<number> {
  const path = join(folder, "server.yaml");
  const pems = "root_certificate: ca.crt\nprivate_key: server.key\ncertificate_chain: server.crt\n";
  writeFileSync(path, `${pems}source: ${source}\n`);
  const made = packetSource(await loadYaml(path, serverSettings), noLog);
  expect(made.kind).toBe("stenographer-files");
  const window = { startNs: 0n, endNs: 10n ** 19n };
  const { batches } = await made.open(retrievalPlan({ window }), new AbortController().signal);
  let count = 0;
  for await (const batch of batches) count += batch.count;
  return count;
}

describe("a source of Stenographer's files in the settings", () => {
  it("finds its folders beside the settings, by itself or by Stenographer's configuration", async () => {
    const Threads = [{ PacketsDirectory: join(folder, "PKT0"), IndexDirectory: join(folder, "IDX0") }];
    writeFileSync(join(folder, "config"), JSON.stringify({ Threads }));
    const count = await packets("{ kind: stenographer-files, threads: [{ packets: PKT0, index: IDX0 }] }");
    expect(count).toBeGreaterThan(3000);
    expect(count).toBeLessThan(12_000);
    expect(await packets("{ kind: stenographer-files, config: config }")).toBe(count);
  });

  it("reads a file that is being written only where it is told to", async () => {
    const source = "kind: stenographer-files, threads: [{ packets: PKT0, index: IDX0 }]";
    const finished = await packets(`{ ${source}, read_unfinished: false }`);
    const more = await packets(`{ ${source}, read_unfinished: true }`);
    expect(more).toBeGreaterThan(finished);
    expect(more).toBeLessThan(12_000); // the newest block is left out
  });
});
