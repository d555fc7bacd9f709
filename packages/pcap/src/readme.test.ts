import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { decodeAll } from "../test-support/feed.js";
import { concat, counting } from "../test-support/layout.js";
import { PcapWriter } from "./index.js";

it("the README's example does what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  expect(code).toContain('from "@stenogrpc/pcap"');
  const writer = new PcapWriter({ byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 1 });
  const startNs = BigInt(Date.parse("2026-03-01T11:59:00Z")) * 1_000_000n;
  // 50 ms apart from a minute before on: 1200 before the window, 1200 in it.
  const records = Array.from({ length: 3000 }, (_, i) =>
    writer.record({ timestampNs: startNs + BigInt(i) * 50_000_000n, data: counting(60, i) }),
  );
  const folder = await mkdtemp(join(tmpdir(), "stenogrpc-pcap-readme-"));
  try {
    await writeFile(join(folder, "big.pcap"), concat(writer.header(), ...records));
    await writeFile(
      join(folder, "example.mts"),
      code.replaceAll("@stenogrpc/pcap", new URL("index.ts", import.meta.url).href),
    );
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--import", import.meta.resolve("tsx"), "example.mts"], {
      cwd: folder,
    });
    expect(stdout).toBe("max-packets\n");
    const written = decodeAll([new Uint8Array(await readFile(join(folder, "minute.pcap")))]);
    expect(written.error).toBeUndefined();
    expect(written.records).toHaveLength(1000);
    expect(written.records[0]?.timestampNs).toBe(startNs + 60_000_000_000n);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
