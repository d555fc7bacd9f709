import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { auditRecord, failingDisk, openOn, testFolder, testLog } from "../../test-support/audit.js";
import { AuditFile } from "./audit-file.js";
import { verifyAuditLog } from "./verify-audit-log.js";

const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("an audit log", () => {
  it("has a record on disk when write resolves, and tells its line", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file);
    const first = await log.write(auditRecord({ uid: "a" }));
    expect(linesOf(file)).toMatchObject([{ seq: 1, uid: "a", prev: "0".repeat(64), hash: first.hash }]);
    const second = await log.write(auditRecord({ uid: "b" }));
    expect(linesOf(file)[1]).toMatchObject({ seq: 2, uid: "b", prev: first.hash, hash: second.hash });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await log.close();
    expect(readdirSync(folder.path)).toEqual(["audit.jsonl"]);
  });

  it("shares one write among records that come while another is under way", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const disk = failingDisk();
    const log = testLog(file, { openFile: openOn(disk) });
    await Promise.all(Array.from({ length: 100 }, (_, i) => log.write(auditRecord({ uid: `${i}` }))));
    await log.close();
    expect(linesOf(file).map(({ uid }) => uid)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(disk.writes).toBe(2);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 100 });
  });

  it("continues the chain that is there", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    for (let round = 1; round <= 3; round++) {
      const log = testLog(file);
      expect(await log.write(auditRecord())).toMatchObject({ seq: round });
      await log.close();
    }
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 3, firstSeq: 1 });
  });

  it("may be opened more than once, and written to meanwhile", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file);
    await Promise.all([log.open(), log.write(auditRecord()), log.open(), log.write(auditRecord())]);
    await log.close();
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 2 });
  });

  it("takes no record once it is closed", async () => {
    using folder = testFolder();
    const log = testLog(join(folder.path, "audit.jsonl"));
    await log.open();
    await log.close();
    await expect(log.write(auditRecord())).rejects.toMatchObject({ kind: "closed" });
  });
});

describe("an audit log after a crash", () => {
  it.each([1, 30, 500])(
    "moves a line of %i bytes without an end aside, and says so in the chain",
    async (bytes) => {
      using folder = testFolder();
      const file = join(folder.path, "audit.jsonl");
      await writeThenClose(file, 2);
      const torn = readFileSync(file, "utf8").slice(0, bytes);
      appendFileSync(file, torn);
      const log = testLog(file);
      await log.write(auditRecord({ uid: "after" }));
      await log.close();
      expect(linesOf(file).slice(2)).toMatchObject([
        { seq: 3, event: "torn-line", bytes, file: "audit.jsonl.torn.3" },
        { seq: 4, uid: "after" },
      ]);
      expect(readFileSync(`${file}.torn.3`, "utf8")).toBe(torn);
      expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 4 });
    },
  );

  it("says so at once, so that crashes one after the other are all told of, and all that they left is kept", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    await writeThenClose(file, 1);
    const torn = ['{"seq":2,"a', '{"seq":2,"ab', '{"seq":3,"c'];
    for (const [i, line] of torn.entries()) {
      // The server comes up, and goes down before anybody asks.
      appendFileSync(file, line);
      const log = testLog(file);
      await log.open();
      expect(linesOf(file).at(-1)).toMatchObject({ seq: i + 2, event: "torn-line", bytes: line.length });
      await log.close();
    }
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 4 });
    const kept = linesOf(file)
      .slice(1)
      .map(({ file: name }) => readFileSync(join(folder.path, name), "utf8"));
    expect(kept).toEqual(torn);
  });

  it("keeps what another log of that name has left, and leaves no second copy where it could not be opened", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    await writeThenClose(file, 1);
    writeFileSync(`${file}.torn.2`, "of another log");
    appendFileSync(file, '{"seq":2,"a');
    let isDown = true;
    const openFile: typeof AuditFile.open = (path) =>
      isDown ? Promise.reject(new Error("no")) : AuditFile.open(path);
    const log = testLog(file, { openFile });
    for (let attempt = 0; attempt < 3; attempt++) await expect(log.open()).rejects.toThrow("no");
    isDown = false;
    await log.open();
    await log.close();
    expect(linesOf(file)[1]).toMatchObject({ event: "torn-line", file: "audit.jsonl.torn.2-2" });
    expect(readFileSync(`${file}.torn.2`, "utf8")).toBe("of another log");
    expect(readFileSync(`${file}.torn.2-2`, "utf8")).toBe('{"seq":2,"a');
    expect(readdirSync(folder.path)).toHaveLength(3);
  });

  it("does so with the zeros that a file system leaves, and where the first line is torn", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    writeFileSync(file, Buffer.alloc(100_000));
    const log = testLog(file);
    await log.write(auditRecord());
    await log.close();
    expect(linesOf(file)).toMatchObject([{ seq: 1, event: "torn-line", bytes: 100_000 }, { seq: 2 }]);
  });

  it.each<[string, (text: string) => string]>([
    ["a last line that was changed", (text) => text.replace(/analyst(?!.*analyst)/s, "analysT")],
    ["a last line that is none", (text) => `${text}{"seq":3}\n`],
    ["an empty line at the end", (text) => `${text}\n`],
    ["what is no audit log", () => "root:x:0:0\n"],
    ["what is no audit log, and has no line end", () => "secret"],
  ])("does not write behind %s", async (_, change) => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    await writeThenClose(file, 2);
    const changed = change(readFileSync(file, "utf8"));
    writeFileSync(file, changed);
    const log = testLog(file);
    await expect(log.open()).rejects.toMatchObject({ kind: "broken" });
    await expect(log.write(auditRecord())).rejects.toMatchObject({ kind: "broken" });
    await log.close();
    expect(readFileSync(file, "utf8")).toBe(changed);
  });

  it("follows neither a link nor a folder", async () => {
    using folder = testFolder();
    await expect(testLog(folder.path).open()).rejects.toThrow();
    const log = testLog("/dev/null");
    await expect(log.open()).rejects.toMatchObject({ kind: "not-a-file" });
    await log.close();
  });
});

describe("one writer", () => {
  it("keeps a second log out until the first is closed", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const first = testLog(file);
    await first.open();
    const second = testLog(file);
    await expect(second.open()).rejects.toMatchObject({ kind: "locked" });
    await first.close();
    await second.write(auditRecord());
    await second.close();
  });

  it("takes over the lock of a process that was killed", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const script = `require("net").createServer().listen(process.argv[1], () => console.log("up"))`;
    const holder = spawn(process.execPath, ["-e", script, `${file}.lock`]);
    await once(holder.stdout, "data");
    const log = testLog(file);
    await expect(log.open()).rejects.toMatchObject({ kind: "locked" });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(readdirSync(folder.path)).toEqual(["audit.jsonl.lock"]);
    await log.write(auditRecord());
    await log.close();
    expect(readdirSync(folder.path)).toEqual(["audit.jsonl"]);
  });

  it("says that its folder is not there", async () => {
    using folder = testFolder();
    const missing = join(folder.path, "no");
    await expect(testLog(join(missing, "a.jsonl")).open()).rejects.toMatchObject({
      kind: "unavailable",
      message: `${join(missing, "a.jsonl")}: the folder ${missing} of the audit log is not there; make it first`,
    });
  });

  it("says that a path is too long for a lock", async () => {
    using folder = testFolder();
    const log = testLog(join(folder.path, "x".repeat(100)));
    await expect(log.open()).rejects.toThrow("use a shorter path");
  });
});

describe("an audit log that something else touches", () => {
  it.each<[string, (file: string) => void]>([
    ["deleted", (file) => rmSync(file)],
    ["moved", (file) => renameSync(file, `${file}.away`)],
    ["replaced", (file) => renameSync(`${file}.other`, file)],
    ["cut", (file) => writeFileSync(file, readFileSync(file).subarray(0, 100))],
    ["written to", (file) => appendFileSync(file, "x")],
  ])("takes no record once it was %s", async (_, touch) => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file);
    await log.write(auditRecord());
    writeFileSync(`${file}.other`, readFileSync(file));
    touch(file);
    await expect(log.write(auditRecord())).rejects.toMatchObject({ kind: "changed" });
    await log.close();
  });

  it("goes on when the file is back, and says how many records it lost", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file);
    await log.write(auditRecord());
    renameSync(file, `${file}.away`);
    await expect(log.write(auditRecord())).rejects.toMatchObject({ kind: "changed" });
    await expect(log.write(auditRecord())).rejects.toMatchObject({ kind: "changed" });
    renameSync(`${file}.away`, file);
    await log.write(auditRecord({ uid: "back" }));
    await log.close();
    expect(linesOf(file).slice(1)).toMatchObject([
      { seq: 2, event: "lost", records: 2 },
      { seq: 3, uid: "back" },
    ]);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });
  });
});

describe("an audit log on a disk that fails", () => {
  it.each(["ENOSPC", "EIO"])(
    "leaves no half line behind after %s, and goes on when there is space again",
    async (code) => {
      using folder = testFolder();
      const file = join(folder.path, "audit.jsonl");
      const disk = failingDisk();
      const log = testLog(file, { openFile: openOn(disk) });
      await log.write(auditRecord({ uid: "a" }));
      const whole = readFileSync(file, "utf8");
      for (const at of ["write", "sync"] as const) {
        Object.assign(disk, { failWith: code, at });
        await expect(log.write(auditRecord({ uid: "never" }))).rejects.toMatchObject({ code });
        expect(readFileSync(file, "utf8")).toBe(whole);
      }
      disk.failWith = undefined;
      await log.write(auditRecord({ uid: "b" }));
      await log.close();
      expect(linesOf(file)).toMatchObject([{ uid: "a" }, { event: "lost", records: 2 }, { uid: "b" }]);
      expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 3 });
    },
  );

  it("cuts a half line off later where it can't at once", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const disk = failingDisk({ failWith: "EIO", canCut: false });
    const log = testLog(file, { openFile: openOn(disk) });
    await expect(log.write(auditRecord())).rejects.toMatchObject({ code: "EIO" });
    await expect(log.write(auditRecord())).rejects.toMatchObject({ code: "EIO" });
    expect(statSync(file).size).toBe(10);
    Object.assign(disk, { failWith: undefined, canCut: true });
    await log.write(auditRecord({ uid: "b" }));
    await log.close();
    expect(linesOf(file)).toMatchObject([
      { seq: 1, event: "lost", records: 2 },
      { seq: 2, uid: "b" },
    ]);
  });
});

describe("rotation", () => {
  it("gives full files the number of their last line, and the chain goes through all of them", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file, { maxBytes: 2000 });
    for (let i = 0; i < 10; i++) await log.write(auditRecord());
    await log.close();
    const files = readdirSync(folder.path);
    expect(files.length).toBeGreaterThan(3);
    expect(files[1]).toMatch(/^audit\.jsonl\.0{15}\d$/);
    for (const each of files) expect(statSync(join(folder.path, each)).mode & 0o777).toBe(0o600);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 10, firstSeq: 1 });

    const again = testLog(file, { maxBytes: 2000 });
    expect(await again.write(auditRecord())).toMatchObject({ seq: 11 });
    await again.close();
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 11 });
  });

  it("goes on after a crash that left only full files", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    await writeThenClose(file, 3);
    renameSync(file, `${file}.0000000000000003`);
    expect(await verifyAuditLog(file)).toMatchObject({ problems: [{ kind: "missing" }] });
    const log = testLog(file);
    expect(await log.write(auditRecord())).toMatchObject({ seq: 4 });
    await log.close();
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 4 });
  });

  it("keeps as many full files as it was told, and says in the chain which lines it dropped", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const log = testLog(file, { maxBytes: 2000, keep: 2 });
    for (let i = 0; i < 20; i++) await log.write(auditRecord());
    await log.close();
    const files = readdirSync(folder.path);
    expect(files).toHaveLength(3);
    const verified = await verifyAuditLog(file);
    expect(verified).toMatchObject({ isIntact: true, files: expect.arrayContaining([file]) });
    expect(verified.firstSeq).toBeGreaterThan(1);
    rmSync(join(folder.path, files[1] ?? ""));
    expect((await verifyAuditLog(file)).problems[0]?.what).toMatch(
      /the log does not say that they were dropped/,
    );
  });

  it("writes on in a full file that it can't move, and says why", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    const errors: object[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) };
    const log = testLog(file, { maxBytes: 1000, logger });
    await log.write(auditRecord());
    writeFileSync(`${file}.0000000000000002`, "");
    await log.write(auditRecord());
    expect(errors).toMatchObject([{ err: { kind: "changed" } }]);
    await log.write(auditRecord());
    await log.close();
    expect(linesOf(`${file}.0000000000000003`).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});

async function writeThenClose(file: string, records: number): Promise<void> {
  const log = testLog(file);
  for (let i = 0; i < records; i++) await log.write(auditRecord());
  await log.close();
}
