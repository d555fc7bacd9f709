import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { errnoOf } from "../errno.js";
import type { ChainLink } from "./audit-line.js";
import { chainStart, readChainLink } from "./audit-line.js";
import type { AuditReceipt } from "./audit-record.js";
import type { FileLine } from "./read-lines.js";
import { readLines } from "./read-lines.js";
import { rotatedFiles } from "./rotated-files.js";

/**
 * What is wrong with a log:
 *
 * - `changed`: the bytes of a line are not those that its hash was made of
 * - `missing`: lines that should be there are not
 * - `out-of-order`: a line stands where another belongs, or stands there again
 * - `unlinked`: a line does not name the hash of the line before it: one of the two was put there or changed, hash and all
 * - `not-a-line`: bytes that are no line of an audit log
 * - `torn`: the last line has no end
 * - `anchor`: a line that is known from elsewhere is not there, or is another
 */
export type AuditProblemKind =
  | "changed"
  | "missing"
  | "out-of-order"
  | "unlinked"
  | "not-a-line"
  | "torn"
  | "anchor";

/** One thing that is wrong. */
export interface AuditProblem {
  readonly kind: AuditProblemKind;
  /** The file it was found in. */
  readonly file: string;
  /** Line of the file, from 1; undefined where it concerns no single line. */
  readonly line: number | undefined;
  /** What is wrong, in words. */
  readonly what: string;
}

/** What came of looking at a whole log. */
export interface AuditVerification {
  /** Whether nothing is wrong. */
  readonly isIntact: boolean;
  /** The files, oldest first. */
  readonly files: readonly string[];
  /** Lines in them. */
  readonly lines: number;
  /** Number of the first line; undefined for an empty log. It is above 1 where old files were dropped. */
  readonly firstSeq: number | undefined;
  /** The last line: keep it elsewhere, and pass it as `expect` another time. Undefined for an empty log. */
  readonly last: AuditReceipt | undefined;
  /** What is wrong, the first hundred. */
  readonly problems: readonly AuditProblem[];
  /** How much is wrong. */
  readonly problemCount: number;
}

/** What verifyAuditLog() takes. */
export interface VerifyAuditLogOptions {
  /** Lines that are known from elsewhere: the server's own log names each, and so does an earlier verification. */
  readonly expect?: readonly AuditReceipt[];
}

/**
 * Walks a log from its first line to its last, through the files that were filled before, and finds lines that were changed,
 * removed, inserted or moved. Memory does not grow with the log; a server may be writing it.
 *
 * A chain alone can't show that its end was cut off, nor that somebody wrote all of it anew from some line on: who can write the
 * file can compute hashes. A line's number and hash kept elsewhere (`expect`) prove everything up to that line.
 *
 * @param path the file that the server writes to; those that were filled are found beside it
 * @throws the system's error where a file can't be read
 */
export async function verifyAuditLog(
  path: string,
  { expect = [] }: VerifyAuditLogOptions = {},
): Promise<AuditVerification> {
  const walk = new ChainWalk(expect);
  // Opened before the others are listed: a server that rotates meanwhile renames this one, and it is read all the same.
  const current = await openCurrent(path);
  try {
    const inode = (await current?.stat())?.ino;
    for (const full of await rotatedFiles(path)) {
      const handle = await open(full.path, "r");
      try {
        if ((await handle.stat()).ino === inode) continue;
        await walk.file(full.path, handle);
        walk.expectEnd(full.lastSeq);
      } finally {
        await handle.close();
      }
    }
    if (current) await walk.file(path, current);
    else walk.currentIsMissing(path);
  } finally {
    await current?.close();
  }
  return walk.verdict(path);
}

/** The file that is written to; undefined where only full ones are there. */
async function openCurrent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && (await rotatedFiles(path)).length > 0) return undefined;
    throw error;
  }
}

const mostProblemsTold = 100;

class ChainWalk {
  readonly #expected: readonly AuditReceipt[];
  readonly #met = new Set<number>();
  readonly #files: string[] = [];
  readonly #problems: AuditProblem[] = [];
  #problemCount = 0;
  #lines = 0;
  #file = "";
  #firstSeq: number | undefined;
  #last: AuditReceipt | undefined;
  #droppedThrough = 0;

  constructor(expect: readonly AuditReceipt[]) {
    this.#expected = expect;
  }

  async file(path: string, handle: FileHandle): Promise<void> {
    this.#files.push(path);
    this.#file = path;
    for await (const line of readLines(handle.createReadStream({ start: 0, autoClose: false })))
      this.#line(line);
  }

  /** A file that is full names its last line. */
  expectEnd(lastSeq: number): void {
    const seq = this.#last?.seq ?? 0;
    if (seq === lastSeq) return;
    this.#problem("missing", undefined, `the file ends with line ${seq}, and by its name with ${lastSeq}`);
  }

  currentIsMissing(path: string): void {
    this.#file = path;
    this.#problem(
      "missing",
      undefined,
      "the file that is written to is not there: it was removed, or the server ended while it began a new one",
    );
  }

  verdict(path: string): AuditVerification {
    this.#file = this.#files[0] ?? path;
    const before = (this.#firstSeq ?? 1) - 1;
    if (before > this.#droppedThrough) {
      this.#problem(
        "missing",
        1,
        `lines 1 to ${before} are not there, and the log does not say that they were dropped`,
      );
    }
    this.#file = this.#files.at(-1) ?? path;
    for (const { seq } of this.#expected) {
      if (this.#met.has(seq)) continue;
      const end = this.#last ? `the log ends with line ${this.#last.seq}` : "the log is empty";
      this.#problem("anchor", undefined, `line ${seq} is expected, and not there: ${end}`);
    }
    return {
      isIntact: this.#problemCount === 0,
      files: this.#files,
      lines: this.#lines,
      firstSeq: this.#firstSeq,
      last: this.#last,
      problems: this.#problems,
      problemCount: this.#problemCount,
    };
  }

  #line({ number, bytes, isWhole }: FileLine): void {
    this.#lines++;
    const link = isWhole && bytes ? readChainLink(bytes) : undefined;
    if (!link) {
      if (isWhole) this.#problem("not-a-line", number, "it is no line of an audit log");
      else this.#problem("torn", number, "it has no end: of a crash, or the server is just writing it");
      return;
    }
    const { seq, hash, droppedThrough = 0 } = link;
    if (!link.isTrue)
      this.#problem("changed", number, `line ${seq} was changed: its hash is not that of its bytes`);
    const misplaced = this.#misplaced(link);
    if (misplaced) this.#problem(misplaced.kind, number, misplaced.what);
    this.#compare(number, link);
    this.#firstSeq ??= seq;
    this.#last = { seq, hash };
    this.#droppedThrough = Math.max(this.#droppedThrough, droppedThrough);
  }

  /** What is wrong between a line and the one that stands before it. */
  #misplaced({ seq, prev }: ChainLink): Pick<AuditProblem, "kind" | "what"> | undefined {
    const last = this.#last ?? (seq === 1 ? chainStart : undefined);
    if (!last) return undefined;
    const next = last.seq + 1;
    if (seq < next) return { kind: "out-of-order", what: `line ${seq} stands behind line ${last.seq}` };
    if (seq > next) {
      const gone = seq === next + 1 ? `line ${next} is` : `lines ${next} to ${seq - 1} are`;
      return { kind: "missing", what: `${gone} not there: line ${seq} stands behind line ${last.seq}` };
    }
    if (prev === last.hash) return undefined;
    return { kind: "unlinked", what: `line ${seq} does not carry the hash of line ${last.seq}` };
  }

  #compare(number: number, { seq, hash }: AuditReceipt): void {
    for (const expected of this.#expected) {
      if (expected.seq !== seq) continue;
      this.#met.add(seq);
      if (expected.hash === hash) continue;
      this.#problem("anchor", number, `line ${seq} has the hash ${hash}, expected is ${expected.hash}`);
    }
  }

  #problem(kind: AuditProblemKind, line: number | undefined, what: string): void {
    this.#problemCount++;
    if (this.#problems.length < mostProblemsTold) this.#problems.push({ kind, file: this.#file, line, what });
  }
}
