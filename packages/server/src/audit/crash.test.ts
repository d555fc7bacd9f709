import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Stenographer } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { auditRecord, testFolder, testLog } from "../../test-support/audit.js";
import type { TestSensor } from "../testing/test-sensor.js";
import { verifyAuditLog } from "./verify-audit-log.js";

describe("an audit log whose process is killed", () => {
  it("has every line that was acknowledged, and its chain goes on", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    for (let round = 1; round <= 8; round++) {
      const acknowledged = await writeUntilKilled(file, round * 20);
      expect(acknowledged).toBeGreaterThan(0);
      const log = testLog(file);
      await log.write(auditRecord());
      await log.close();
      const { isIntact, problems, last } = await verifyAuditLog(file);
      expect({ isIntact, problems }).toEqual({ isIntact: true, problems: [] });
      expect(last?.seq).toBeGreaterThan(acknowledged);
    }
  });
});

describe("the audit log of a server that is killed in the middle of an answer", () => {
  it("has what was answered before, and can be continued", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const server = startScript("serve-audited.ts", file);
    const [line] = await once(createInterface(server.stdout), "line");
    const { server: address, tls } = JSON.parse(line) as TestSensor["clientOptions"]; // the script's own
    const transport = createGrpcTransport({ baseUrl: `https://${address}`, nodeOptions: tls });
    const client = createClient(Stenographer, transport);
    const whole = { epochStart: 1_700_000_000n, epochEnd: 1_800_000_000n };
    await client.explainQuery({ query: whole });
    const reading = async () => {
      for await (const _ of client.fetchPcap(whole)) server.kill("SIGKILL");
    };
    await expect(reading()).rejects.toThrow();
    await once(server, "close");

    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 1 });
    const log = testLog(file);
    expect(await log.write(auditRecord())).toMatchObject({ seq: 2 });
    await log.close();
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 2 });
  });
});

/** Gives the number of the last line that was acknowledged. */
async function writeUntilKilled(file: string, ms: number): Promise<number> {
  const writer = startScript("write-audit-log.ts", file);
  let said = "";
  writer.stdout.on("data", (piece) => {
    said += piece;
  });
  const closed = once(writer, "close");
  await once(writer.stdout, "data");
  await sleep(ms);
  writer.kill("SIGKILL");
  await closed;
  // Cut in the middle, a number is a smaller one.
  return Math.max(...said.trimEnd().split("\n").map(Number));
}

function startScript(name: string, file: string): ChildProcessByStdio<null, Readable, null> {
  const script = join(import.meta.dirname, "../../test-support", name);
  return spawn(process.execPath, ["--conditions=@stenogrpc/source", "--import", "tsx", script, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}
