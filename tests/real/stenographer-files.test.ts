import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { match, pipe, records, timeWindow } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import { type PacketSource, stenographerFilesSource, stenographerSource } from "@stenogrpc/server";
import { startStenographer, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { expect, it } from "vitest";

const startNs = 1_700_000_000_000_000_000n;

/** Small numbers that differ each time and are the same in every run. */
function* draws(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state;
  }
}

const draw = draws();
const below = (limit: number): number => draw.next().value % limit;

function term(): string {
  const pick = [
    () => `host 10.0.${below(4)}.${below(100)}`,
    () => `net 10.${below(2)}.${below(8)}.0/${16 + below(9)}`,
    () => `port ${[53, 80, 443, 123, 22, 8080][below(6)]}`,
    () => `ip proto ${[1, 6, 17, 47, 58, 132][below(6)]}`,
    () => ["tcp", "udp", "icmp"][below(3)] ?? "tcp",
    () => `vlan ${[10, 20, 100, 200][below(4)]}`,
    () => `mpls ${[100, 200, 16][below(3)]}`,
    () => "net 2001:db8::/32",
  ];
  return (pick[below(pick.length)] ?? term)();
}

function filter(): string {
  const terms = Array.from({ length: 1 + below(4) }, term);
  return terms.reduce((left, right) => `(${left} ${below(2) === 0 ? "and" : "or"} ${right})`);
}

async function ask(
  source: PacketSource,
  text: string,
  window: { startNs: bigint; endNs: bigint },
): Promise<string[]> {
  const node = parseFilter(text);
  const opened = await source.open({ uid: "1", window, filter: node }, new AbortController().signal);
  const exact = pipe(opened.batches, timeWindow(window), match(compileFilter(node, { linkType: 1 })));
  const lines: string[] = [];
  for await (const { timestampNs, originalLength, data } of records(exact)) {
    lines.push(`${timestampNs} ${originalLength} ${Buffer.from(data).toString("base64")}`);
  }
  return lines;
}

it("finds in the files what the real daemon finds in them, for 300 generated filters and windows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "files-real-"));
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 30_000, packetsPerSecond: 100, maxPayload: 300 });
  const daemon = await startStenographer({ pcap, mode: "files", secondsPerFile: 12 });
  const https = stenographerSource({ config: daemon.configPath });
  const files = stenographerFilesSource({ config: daemon.configPath });
  try {
    let found = 0;
    for (let i = 0; i < 300; i++) {
      const from = startNs + BigInt(below(300)) * 1_000_000_000n;
      const window = { startNs: from, endNs: from + BigInt(1 + below(100)) * 1_000_000_000n };
      const text = filter();
      const ours = await ask(files, text, window);
      expect(ours, text).toEqual(await ask(https, text, window));
      found += ours.length;
    }
    expect(found).toBeGreaterThan(100_000);
  } finally {
    await https.close?.();
    await daemon.stop();
    rmSync(folder, { recursive: true });
  }
});
