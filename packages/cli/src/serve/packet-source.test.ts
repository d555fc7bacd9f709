import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { retrievalPlan } from "@stenogrpc/server/testing";
import { writeStenographerFiles, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeCapture } from "../../test-support/captures.js";
import { loadYaml } from "../settings/load-yaml.js";
import { serverSettings } from "../settings/server-settings.js";
import { packetSource } from "./packet-source.js";

const noLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "packet-source-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const always = { startNs: 0n, endNs: 10n ** 19n };

/** Packets that a server with this source would have in a window. */
async function packets(source: string, window = always): Promise<number> {
  const path = join(folder, "server.yaml");
  const pems = "root_certificate: ca.crt\nprivate_key: server.key\ncertificate_chain: server.crt\n";
  writeFileSync(path, `${pems}source: ${source}\n`);
  const made = packetSource(await loadYaml(path, serverSettings), noLog);
  expect(source).toContain(`kind: ${made.kind},`);
  try {
    const { batches } = await made.open(retrievalPlan({ window }), new AbortController().signal);
    let count = 0;
    for await (const batch of batches) count += batch.count;
    return count;
  } finally {
    await made.close?.();
  }
}

describe("a source of Stenographer's files in the settings", () => {
  beforeEach(async () => {
    const pcap = join(folder, "in.pcap");
    await writeSyntheticTraffic(pcap, { packets: 12_000, packetsPerSecond: 200 });
    for (const name of ["PKT0", "IDX0"]) mkdirSync(join(folder, name));
    const names = writeStenographerFiles(pcap, join(folder, "PKT0"), join(folder, "IDX0"), {
      secondsPerFile: 31,
    });
    const newest = names.at(-1) ?? "";
    renameSync(join(folder, "PKT0", newest), join(folder, "PKT0", `.${newest}`));
  });

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

describe("a folder of captures in the settings", () => {
  /** Writes captures/NAME with a packet at each of these seconds. */
  function capture(name: string, ...seconds: number[]): string {
    const path = join(folder, "captures", name);
    const between = { source: "10.0.0.1", destination: "10.0.0.2", port: 53 };
    writeCapture(
      path,
      seconds.map((second) => ({ ...between, timestampNs: BigInt(second) * 1_000_000_000n })),
    );
    return path;
  }
  const source = "kind: directory, path: captures";

  beforeEach(() => {
    mkdirSync(join(folder, "captures"));
  });

  it("counts the files that the pattern names, or one of several", async () => {
    capture("a.pcap", 1);
    capture("b.dump", 1, 2);
    capture("c.raw", 1, 2, 3, 4);
    expect(await packets(`{ ${source} }`)).toBe(1);
    expect(await packets(`{ ${source}, pattern: "*.dump" }`)).toBe(2);
    expect(await packets(`{ ${source}, pattern: ["?.pcap", "c*"] }`)).toBe(5);
  });

  it("goes by the files' times only where it is told to", async () => {
    utimesSync(capture("a.pcap", 10, 99), 50, 50);
    const late = { startNs: 99_000_000_000n, endNs: 100_000_000_000n };
    expect(await packets(`{ ${source}, trust_file_times: false }`, late)).toBe(2);
    expect(await packets(`{ ${source}, trust_file_times: true }`, late)).toBe(0);
  });

  it("remembers what it learned in a file beside the settings", async () => {
    capture("a.pcap", 1, 3);
    expect(await packets(`{ ${source}, remember: known }`)).toBe(2);
    expect(existsSync(join(folder, "known"))).toBe(true);
  });

  it("opens no more files for one retrieval than it may", async () => {
    capture("a.pcap", 1, 3);
    capture("b.pcap", 2, 4);
    expect(await packets(`{ ${source}, max_open_files: 2 }`)).toBe(4);
    await expect(packets(`{ ${source}, max_open_files: 1 }`)).rejects.toThrow(/opens at most 1/);
  });
});
