import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStenographerClient, type StenographerError } from "@stenogrpc/client/node";
import { verifyAuditLog } from "@stenogrpc/server";
import { memorySource, startTestSensor } from "@stenogrpc/server/testing";
import { debianProgram, pcapOf, run } from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

/** A disk of 256 KiB. */
let disk: string;

beforeAll(async () => {
  disk = join(mkdtempSync(join(tmpdir(), "stenogrpc-full-")), "disk");
  mkdirSync(disk);
  await run(debianProgram("mount"), ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
});

afterAll(async () => {
  await run(debianProgram("umount"), [disk]);
  rmSync(join(disk, ".."), { recursive: true });
});

it("a full disk under the audit log refuses requests, and when there is space again the chain goes on whole", async () => {
  const file = join(disk, "audit.jsonl");
  const source = memorySource(
    pcapOf([{ timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(60) }]),
  );
  await using sensor = await startTestSensor({ source, audit: { file } });
  await using client = createStenographerClient(sensor.clientOptions);
  const fetch = (reason: string) =>
    client.fetchPcap({ from: 1_700_000_000, to: 1_700_000_060, reason }).summary.then(
      ({ verdict }) => verdict as string,
      (error: StenographerError) => error.reason,
    );

  for (let round = 1; round <= 5; round++) {
    expect(await fetch("before")).toBe("complete");
    // All but a few hundred bytes: lines of a thousand go in by half.
    const filler = join(disk, "filler");
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    const answers: string[] = [];
    for (let i = 0; i < 20; i++) answers.push(await fetch("x".repeat(300)));
    expect(new Set(answers.slice(-5))).toEqual(new Set(["AUDIT_FAILED"]));
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });

    rmSync(filler);
    expect(await fetch("after")).toBe("complete");
    const lines = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const lost = answers.filter((answer) => answer === "AUDIT_FAILED").length;
    expect(lines.slice(-2)).toMatchObject([{ event: "lost", records: lost }, { reason: "after" }]);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });
  }
});
