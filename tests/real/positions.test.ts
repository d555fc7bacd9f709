import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFilter } from "@stenogrpc/query";
import { stenographerSource } from "@stenogrpc/server";
import { retrievalPlan } from "@stenogrpc/server/testing";
import { type RunningStenographer, startStenographer, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
let daemon: RunningStenographer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "positions-"));
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 6000, packetsPerSecond: 100, maxPayload: 300 });
  daemon = await startStenographer({ pcap, mode: "files", secondsPerFile: 20 });
});

afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

const begin = 1_700_000_000_000_000_000n;
const second = 1_000_000_000n;
const everything = { startNs: begin, endNs: begin + 100n * second };

async function fetch(filter: string | undefined, verify: "none" | "positions", window = everything) {
  const source = stenographerSource({ config: daemon.configPath, verify });
  try {
    const index = filter === undefined ? undefined : parseFilter(filter);
    const opened = await source.open(
      retrievalPlan({ window, filter: index, index }),
      new AbortController().signal,
    );
    let packets = 0;
    for await (const batch of opened.batches) packets += batch.count;
    return { packets, ...(await opened.outcome?.()) };
  } finally {
    await source.close?.();
  }
}

describe("verify: positions, with the real daemon", () => {
  it.each(["tcp", "port 443 or icmp", "net 10.0.0.0/16 and udp", "host 203.0.113.99"])(
    "proves the answer to %j",
    async (filter) => {
      expect(await fetch(filter, "positions")).toMatchObject({ completeness: "proved" });
    },
  );

  it("counts every file that the daemon takes, though it holds nothing of the window", async () => {
    for (const from of [0n, 15n, 25n, 35n, 50n, 59n]) {
      const window = { startNs: begin + from * second, endNs: begin + from * second + second / 2n };
      const { packets, completeness } = await fetch("tcp", "positions", window);
      expect({ from, completeness }).toEqual({ from, completeness: "proved" });
      expect(packets).toBeGreaterThan(0);
    }
  });

  it("can't prove an answer by time alone", async () => {
    const { packets, completeness } = await fetch(undefined, "positions");
    expect(packets).toBe(6000);
    expect(completeness).toBeUndefined();
  });

  it("refuses the clean and short answer that the daemon gives from a packet file that was cut", async () => {
    const whole = await fetch("tcp", "positions");
    const [, middle = ""] = readdirSync(daemon.packetsFolder).sort();
    truncateSync(join(daemon.packetsFolder, middle), 100_000);
    const short = await fetch("tcp", "none");
    expect(short.packets).toBeLessThan(whole.packets);
    expect(short.completeness).toBeUndefined();
    await expect(fetch("tcp", "positions")).rejects.toMatchObject({ kind: "source-corrupt" });
  });
});
