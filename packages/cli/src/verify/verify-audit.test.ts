import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runHere } from "../../test-support/run-here.js";

// Two lines as a server wrote them, so that a change of the format shows here: such logs are kept for years.
const lines = readFileSync(new URL("../../test-support/audit.jsonl", import.meta.url), "utf8");
const last = JSON.parse(lines.trimEnd().split("\n").at(-1) ?? "") as { seq: number; hash: string }; // of the file beside
const anchor = `${last.seq}:${last.hash}`;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-audit-"));
  file = join(folder, "audit.jsonl");
  writeFileSync(file, lines);
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("stenogrpc audit verify", () => {
  it("prints the last line's number and hash, to be kept elsewhere", async () => {
    const { code, stdout } = await runHere("audit", "verify", file);
    expect(code).toBe(0);
    expect(stdout).toContain("intact: 2 lines in 1 file\n");
    expect(stdout).toContain(`  last   ${anchor}\n`);
  });

  it("says file, line and what is wrong", async () => {
    writeFileSync(file, lines.replace("ticket", "Ticket"));
    appendFileSync(file, "x\n");
    expect(await runHere("audit", "verify", file)).toEqual({
      code: 1,
      stdout: `${file}:1: line 1 was changed: its hash is not that of its bytes
${file}:3: it is no line of an audit log
not intact: 2 problems, 3 lines in 1 file
  last   ${anchor}
`,
      stderr: "",
    });
  });

  it("finds a cut end by a line that is known from elsewhere", async () => {
    writeFileSync(file, lines.slice(0, lines.indexOf("\n") + 1));
    const { code, stdout } = await runHere("audit", "verify", "--expect", anchor, file);
    expect(code).toBe(1);
    expect(stdout).toContain("line 2 is expected, and not there: the log ends with line 1\n");
  });

  it("prints JSON", async () => {
    const { code, stdout } = await runHere(
      "audit",
      "verify",
      file,
      "--json",
      "--expect",
      anchor.toUpperCase(),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      intact: true,
      files: [file],
      lines: 2,
      firstSeq: 1,
      last: { seq: last.seq, hash: last.hash },
      problems: [],
      problemCount: 0,
    });
  });

  it.each([
    [["none"], "cannot read the audit log: ENOENT"],
    [["none", "--expect", "1:abc"], "Write the number of a line, a colon, and its hash"],
  ])("exits with 2 for %j", async (args, message) => {
    const { code, stderr } = await runHere("audit", "verify", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
