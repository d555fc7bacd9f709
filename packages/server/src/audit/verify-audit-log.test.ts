import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditRecord, testFolder, testLog } from "../../test-support/audit.js";
import { chainLine, chainStart, entryText, maxLineBytes } from "./audit-line.js";
import type { AuditReceipt } from "./audit-record.js";
import { verifyAuditLog } from "./verify-audit-log.js";

describe("verifyAuditLog", () => {
  it("finds nothing wrong with a log as it was written, and tells its last line", async () => {
    using folder = testFolder();
    const { file, last } = await writeLog(folder.path, 5);
    expect(await verifyAuditLog(file)).toEqual({
      isIntact: true,
      files: [file],
      lines: 5,
      firstSeq: 1,
      last,
      problems: [],
      problemCount: 0,
    });
  });

  it.each<[string, (lines: string[]) => string[], object[]]>([
    [
      "a changed line",
      (l) => l.with(2, l[2]?.replace("analyst", "Analyst") ?? ""),
      [{ kind: "changed", line: 3 }],
    ],
    ["a removed line", (l) => l.toSpliced(2, 1), [{ kind: "missing", line: 3 }]],
    ["a removed first line", (l) => l.slice(1), [{ kind: "missing", line: 1 }]],
    ["a line that is there twice", (l) => l.toSpliced(2, 0, l[1] ?? ""), [{ kind: "out-of-order", line: 3 }]],
    [
      "two lines that changed places",
      (l) => l.with(2, l[3] ?? "").with(3, l[2] ?? ""),
      [
        { kind: "missing", line: 3 },
        { kind: "out-of-order", line: 4 },
        { kind: "missing", line: 5 },
      ],
    ],
    ["a line of something else", (l) => l.toSpliced(2, 0, "{}"), [{ kind: "not-a-line", line: 3 }]],
    ["an empty line", (l) => [...l, ""], [{ kind: "not-a-line", line: 6 }]],
    [
      "a line that is written anew with the hash that fits",
      (l) => l.with(2, forged(3, JSON.parse(l[1] ?? ""))),
      [{ kind: "unlinked", line: 4 }],
    ],
  ])("finds %s", async (_, change, problems) => {
    using folder = testFolder();
    const { file } = await writeLog(folder.path, 5);
    writeLines(file, change(readLines(file)));
    const verified = await verifyAuditLog(file);
    expect(verified).toMatchObject({ isIntact: false, problems, problemCount: problems.length });
    expect(verified.problems[0]?.file).toBe(file);
  });

  it("finds a last line without its end", async () => {
    using folder = testFolder();
    const { file } = await writeLog(folder.path, 3);
    truncateSync(file, readFileSync(file).length - 1);
    expect(await verifyAuditLog(file)).toMatchObject({ problems: [{ kind: "torn", line: 3 }] });
  });

  it("can't find an end that was cut off, unless a line of it is known from elsewhere", async () => {
    using folder = testFolder();
    const { file, last } = await writeLog(folder.path, 5);
    writeLines(file, readLines(file).slice(0, 3));
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 3 });
    const anchored = await verifyAuditLog(file, { expect: [last] });
    expect(anchored).toMatchObject({ isIntact: false, problems: [{ kind: "anchor" }] });
    expect(anchored.problems[0]?.what).toBe("line 5 is expected, and not there: the log ends with line 3");
  });

  it("can't find a log that was written anew, unless a line of it is known from elsewhere", async () => {
    using folder = testFolder();
    const { file, last } = await writeLog(folder.path, 3);
    rmSync(file);
    await writeLog(folder.path, 3, "someone else");
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });
    expect(await verifyAuditLog(file, { expect: [last] })).toMatchObject({
      problems: [{ kind: "anchor", line: 3 }],
    });
  });

  it("takes several known lines, and is content where all are there", async () => {
    using folder = testFolder();
    const { file, receipts } = await writeLog(folder.path, 5);
    expect(await verifyAuditLog(file, { expect: receipts })).toMatchObject({ isIntact: true });
  });

  it("finds a full file that was removed, cut, or renamed", async () => {
    using folder = testFolder();
    const { file } = await writeLog(folder.path, 12, "analyst", 2500);
    const [, first = "", second = ""] = readdirSync(folder.path).map((name) => join(folder.path, name));
    const intact = readFileSync(second);
    rmSync(second);
    expect(await verifyAuditLog(file)).toMatchObject({ problems: [{ kind: "missing", line: 1 }] });
    writeFileSync(second, intact.subarray(0, intact.indexOf("\n") + 1));
    expect(await verifyAuditLog(file)).toMatchObject({
      problems: [{ kind: "missing" }, { kind: "missing" }],
    });
    writeFileSync(second, intact);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });
    renameSync(first, `${file}.0000000000000099`);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: false });
  });

  it("reads bytes that are no log at all, with lines of any length", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    writeFileSync(file, `${"x".repeat(maxLineBytes + 1)}\n\0\n\n`);
    appendFileSync(file, chainLine(entryText({ event: "lost", time: "t", records: 1 }), chainStart).text);
    expect(await verifyAuditLog(file)).toMatchObject({
      lines: 4,
      problems: [{ line: 1 }, { line: 2 }, { line: 3 }],
      last: { seq: 1 },
    });
  });

  it("tells the first hundred problems and counts all", async () => {
    using folder = testFolder();
    const file = join(folder.path, "audit.jsonl");
    writeFileSync(file, "x\n".repeat(12_345));
    const { problems, problemCount } = await verifyAuditLog(file);
    expect([problems.length, problemCount]).toEqual([100, 12_345]);
  });

  it("says that there is no log", async () => {
    using folder = testFolder();
    await expect(verifyAuditLog(join(folder.path, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("finds whatever is done to a log, except that its end was cut off between lines", async () => {
    await fc.assert(
      fc.asyncProperty(logs, tamperings, async ({ records, maxBytes }, tampering) => {
        using folder = testFolder();
        const file = join(folder.path, "audit.jsonl");
        const log = testLog(file, { maxBytes });
        for (const record of records) await log.write(auditRecord(record));
        await log.close();
        expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: records.length });

        const names = readdirSync(folder.path).sort();
        const path = join(folder.path, names[tampering.where % names.length] ?? "");
        const before = readFileSync(path, "latin1");
        const after = tampering.tamper(before);
        const isCutEnd = path === file && before.startsWith(after) && (after === "" || after.endsWith("\n"));
        fc.pre(after !== before && !isCutEnd);
        writeFileSync(path, after, "latin1");
        expect(await verifyAuditLog(file)).toMatchObject({ isIntact: false });
      }),
      { numRuns: 500 },
    );
  });
});

const logs = fc.record({
  records: fc.array(
    fc.record({
      reason: fc.option(fc.string({ unit: "binary", maxLength: 50 }), { nil: undefined }),
      filter: fc.string({ maxLength: 50 }),
      packets: fc.nat(),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  maxBytes: fc.constantFrom(1000, 3000, 1e9),
});

const place = fc.nat(1_000_000);

/** Ways to change a text: of its lines, and of its bytes. */
const tamperings = fc
  .oneof(
    place.map((at) => onLines((lines) => lines.toSpliced(at % lines.length, 1))),
    fc.tuple(place, place).map(([from, to]) =>
      onLines((lines) => {
        const [a, b] = [from % lines.length, to % lines.length];
        return lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "");
      }),
    ),
    fc
      .tuple(place, place)
      .map(([from, to]) =>
        onLines((lines) => lines.toSpliced(to % lines.length, 0, lines[from % lines.length] ?? "")),
      ),
    fc
      .tuple(place, fc.string({ unit: "binary-ascii" }))
      .map(([at, line]) => onLines((lines) => lines.toSpliced(at % (lines.length + 1), 0, line))),
    fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (text: string) => {
      const bytes = Buffer.from(text, "latin1");
      const i = at % bytes.length;
      bytes[i] = (bytes[i] ?? 0) ^ bits;
      return bytes.toString("latin1");
    }),
    place.map((at) => (text: string) => text.slice(0, at % text.length) + text.slice((at % text.length) + 1)),
    place.map((at) => (text: string) => text.slice(0, at % text.length)),
    place.map((at) => (text: string) => text.slice(at % text.length)),
  )
  .chain((tamper) => fc.record({ tamper: fc.constant(tamper), where: place }));

function onLines(change: (lines: string[]) => string[]): (text: string) => string {
  return (text) =>
    change(text.trimEnd().split("\n"))
      .map((line) => `${line}\n`)
      .join("");
}

function forged(seq: number, before: AuditReceipt): string {
  return chainLine(
    entryText({ event: "request", ...auditRecord({ uid: `forged-${seq}` }) }),
    before,
  ).text.trimEnd();
}

async function writeLog(folder: string, records: number, name = "analyst", maxBytes = 1e9) {
  const file = join(folder, "audit.jsonl");
  const log = testLog(file, { maxBytes });
  const receipts: AuditReceipt[] = [];
  for (let i = 0; i < records; i++) receipts.push(await log.write(auditRecord({ uid: name })));
  await log.close();
  return { file, receipts, last: receipts.at(-1) ?? chainStart };
}

function readLines(file: string): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

function writeLines(file: string, lines: readonly string[]): void {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
}
