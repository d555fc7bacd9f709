import { createHash } from "node:crypto";
import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { errnoOf } from "../errno.js";
import type { Logger } from "../logger.js";
import { AuditError } from "./audit-error.js";
import { AuditFile } from "./audit-file.js";
import { chainLine, chainStart, entryText } from "./audit-line.js";
import type { AuditReceipt } from "./audit-record.js";
import { readChainEnd } from "./chain-end.js";
import { rotatedFiles, rotatedName } from "./rotated-files.js";
import { lockWriter } from "./writer-lock.js";

/** What an audit log needs. */
export interface AuditChainSetup {
  /** Path of the file that is written to. */
  readonly file: string;
  /** Bytes from which on a file is full. */
  readonly maxBytes: number;
  /** How many full files are kept; undefined: all. */
  readonly keep: number | undefined;
  readonly logger: Logger;
  /** The clock, in milliseconds since the epoch. */
  readonly now: () => number;
  /** Opens the file that is written to; for tests with disks that fail. Default: AuditFile.open. */
  readonly openFile?: (path: string) => Promise<AuditFile>;
}

/**
 * A log on disk: the chain of its lines, through the file that is written to and those that were filled before.
 *
 * Numbers and hashes are given at a commit, and count only once it is on disk: whatever fails, the chain goes on where it ended.
 * One caller at a time.
 */
export class AuditChain {
  readonly #setup: AuditChainSetup;
  #unlock: (() => Promise<void>) | undefined;
  #file: AuditFile | undefined;
  /** The last line; undefined before the log was first opened. */
  #end: AuditReceipt | undefined;
  /** What the chain has to tell of itself, and could not yet. */
  #remarks: string[] = [];

  constructor(setup: AuditChainSetup) {
    this.#setup = setup;
  }

  /**
   * Opens the log and finds the end of its chain, unless that is done. What a crash left of a line is moved aside, and the chain says so.
   *
   * @throws AuditError, or the system's error
   */
  async open(): Promise<{ file: AuditFile; end: AuditReceipt }> {
    if (this.#file && this.#end) return { file: this.#file, end: this.#end };
    const { file: path, openFile = AuditFile.open } = this.#setup;
    this.#unlock ??= await lockWriter(path);
    const { last, torn, size } = await readChainEnd(path);
    const end = last ?? (await this.#endOfFullFiles());
    if (this.#end && this.#end.hash !== end.hash) {
      throw new AuditError(
        "changed",
        `${path}: the audit log ends with line ${end.seq}, not ${this.#end.seq}`,
      );
    }
    if (torn.length > 0) await this.#setAside(torn, end);
    const file = await openFile(path);
    try {
      if (file.size !== size)
        throw new AuditError("changed", `${path}: the audit log changed while it was opened`);
      if (torn.length > 0) await file.cutTo(size - torn.length);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    this.#end = end;
    // At once: with the cut on disk and this in memory only, another crash would leave nothing that tells of it.
    if (this.#remarks.length > 0) await this.#append([]);
    return { file, end: this.#end };
  }

  /**
   * Adds entries, and waits until they are on disk: all of them, or none.
   *
   * @throws AuditError, or the system's error
   */
  async commit(entries: readonly string[]): Promise<AuditReceipt[]> {
    const receipts = await this.#append(entries);
    // The entries are safe: what goes wrong from here on is no failure of theirs.
    await this.#rotateIfFull().catch((error: unknown) =>
      this.#complain("rotation of the audit log failed", error),
    );
    return receipts;
  }

  /** Lets another process write. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await this.#unlock?.();
    this.#unlock = undefined;
  }

  async #append(entries: readonly string[]): Promise<AuditReceipt[]> {
    const { file, end } = await this.open();
    const lines: (AuditReceipt & { text: string })[] = [];
    for (const entry of [...this.#remarks, ...entries]) lines.push(chainLine(entry, lines.at(-1) ?? end));
    await file.append(Buffer.from(lines.map(({ text }) => text).join(""), "latin1"));
    this.#end = lines.at(-1) ?? end;
    this.#remarks = [];
    return lines.slice(-entries.length).map(({ seq, hash }) => ({ seq, hash }));
  }

  /** A file that is full takes the number of its last line into its name. A crash in between is a log that has only full files. */
  async #rotateIfFull(): Promise<void> {
    const { file: path, maxBytes } = this.#setup;
    const { file, end } = await this.open();
    if (file.size < maxBytes) return;
    const full = rotatedName(path, end.seq);
    if (await exists(full)) throw new AuditError("changed", `${full}: there is a file of that name already`);
    await rename(path, full);
    this.#file = undefined;
    await file.close();
    await this.open();
    await this.#dropOldest();
  }

  /** Says in the chain which lines go, and lets them go then: a file that is missing without that was removed. */
  async #dropOldest(): Promise<void> {
    const { file: path, keep } = this.#setup;
    if (keep === undefined) return;
    const full = await rotatedFiles(path);
    const old = full.slice(0, Math.max(0, full.length - keep));
    const newest = old.at(-1);
    if (!newest) return;
    await this.#append([entryText({ event: "dropped", time: this.#time(), throughSeq: newest.lastSeq })]);
    for (const each of old) await rm(each.path);
  }

  async #endOfFullFiles(): Promise<AuditReceipt> {
    const newest = (await rotatedFiles(this.#setup.file)).at(-1);
    if (!newest) return chainStart;
    const { last, torn } = await readChainEnd(newest.path);
    if (last?.seq === newest.lastSeq && torn.length === 0) return last;
    throw new AuditError("broken", `${newest.path}: it does not end with the line that its name says`);
  }

  /** A torn line was never acknowledged, so nobody relies on it; it is kept, since somebody may want to see it. */
  async #setAside(torn: Buffer, end: AuditReceipt): Promise<void> {
    const file = await keepAside(`${this.#setup.file}.torn.${end.seq + 1}`, torn);
    const sha256 = createHash("sha256").update(torn).digest("hex");
    const remark = { bytes: torn.length, sha256, file: basename(file) };
    this.#remarks = [entryText({ event: "torn-line", time: this.#time(), ...remark })];
    this.#setup.logger.warn(
      remark,
      "a crash left the audit log's last line without its end; it was moved aside",
    );
  }

  #time(): string {
    return new Date(this.#setup.now()).toISOString();
  }

  #complain(message: string, error: unknown): void {
    this.#setup.logger.error({ err: error, file: this.#setup.file }, message);
  }
}

/**
 * Writes bytes to a file of that name; where others are in one, with a number behind it.
 *
 * @returns its path
 */
async function keepAside(name: string, bytes: Buffer): Promise<string> {
  for (let number = 1; ; number++) {
    const file = number === 1 ? name : `${name}-${number}`;
    try {
      await writeFile(file, bytes, { flag: "wx", mode: 0o600, flush: true });
      return file;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") {
        // Else each attempt to open the log on a full disk would leave another piece.
        await rm(file, { force: true }).catch(() => {});
        throw error;
      }
      if (await holds(file, bytes)) return file;
    }
  }
}

/** Whether a file has just these bytes: an attempt to open the log that failed later on has left it. */
async function holds(file: string, bytes: Buffer): Promise<boolean> {
  const found = await lstat(file);
  return found.isFile() && found.size === bytes.length && bytes.equals(await readFile(file));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
