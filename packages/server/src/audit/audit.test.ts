import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditRecord, testFolder } from "../../test-support/audit.js";
import { silentLogger } from "../logger.js";
import { Audit } from "./audit.js";
import type { AuditRecord } from "./audit-record.js";

const setup = { logger: silentLogger, now: () => 0 };

afterEach(() => {
  vi.useRealTimers();
});

describe("an audit with a sink", () => {
  it("gives it each record", async () => {
    const records: AuditRecord[] = [];
    const audit = new Audit({ write: async (record) => void records.push(record) }, setup);
    await audit.open();
    expect(await audit.record(auditRecord())).toBeUndefined();
    expect(records).toEqual([auditRecord()]);
    await audit.close();
  });

  it("does not wait for ever for one that hangs", async () => {
    vi.useFakeTimers();
    const audit = new Audit({ write: () => new Promise(() => {}) }, setup);
    const failing = expect(audit.record(auditRecord())).rejects.toMatchObject({ kind: "audit-failed" });
    await vi.advanceTimersByTimeAsync(30_000);
    await failing;
    await audit.close();
  });

  it("fails the record where it throws at once", async () => {
    const audit = new Audit(
      {
        write: () => {
          throw new Error("no database");
        },
      },
      setup,
    );
    await expect(audit.record(auditRecord())).rejects.toMatchObject({ kind: "audit-failed" });
  });
});

describe("an audit with a file", () => {
  it.each<[string, (folder: string) => string]>([
    ["whose folder is not there", (folder) => join(folder, "none", "audit.jsonl")],
    ["that is a folder", (folder) => folder],
  ])("says what is wrong with one %s", async (_, fileIn) => {
    using folder = testFolder();
    const file = fileIn(folder.path);
    const audit = new Audit({ file, maxBytes: 1e9, keep: undefined, onFailure: "refuse" }, setup);
    await expect(audit.open()).rejects.toMatchObject({ name: "AuditError" });
    await audit.close();
  });

  it("waits at its end for what is on its way", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const audit = new Audit({ file, maxBytes: 1e9, keep: undefined, onFailure: "refuse" }, setup);
    const recording = Promise.all(Array.from({ length: 10 }, () => audit.record(auditRecord())));
    await audit.close();
    expect((await recording).map((receipt) => receipt?.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
