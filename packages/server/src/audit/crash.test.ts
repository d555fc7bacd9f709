import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { auditRecord, testFolder, testLog } from "../../test-support/audit.js";
import { verifyAuditLog } from "./verify-audit-log.js";

const script = join(import.meta.dirname, "../../test-support/write-audit-log.ts");

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

/** Gives the number of the last line that was acknowledged. */
async function writeUntilKilled(file: string, ms: number): Promise<number> {
  const writer = spawn(process.execPath, ["--conditions=@stenogrpc/source", "--import", "tsx", script, file]);
  let said = "";
  writer.stdout.on("data", (piece) => {
    said += piece;
  });
  const closed = once(writer, "close");
  await once(writer.stdout, "data");
  await sleep(ms);
  writer.kill("SIGKILL");
  await closed;
  return Math.max(...said.trimEnd().split("\n").slice(0, -1).map(Number));
}
