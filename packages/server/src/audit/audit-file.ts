import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "../errno.js";
import { AuditError } from "./audit-error.js";

/**
 * The file at the end of a log. Each append is on disk when it resolves, and leaves nothing behind when it rejects.
 *
 * @internal
 */
export class AuditFile {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Bytes that are known to be whole lines on disk. */
  #size: number;
  /** A write failed in the middle, and what it wrote could not be cut off yet. */
  #isTorn = false;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /**
   * Opens the file, or makes it, readable by its owner only.
   *
   * @param openHandle opens it; for tests of disks that fail
   * @throws AuditError "not-a-file", or the system's error
   */
  static async open(path: string, openHandle: typeof open = open): Promise<AuditFile> {
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const handle = await openHandle(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600).catch(
      (error: unknown) => {
        throw ["ELOOP", "EISDIR"].includes(errnoOf(error) ?? "") ? notAFile(path, error) : error;
      },
    );
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw notAFile(path);
      await syncFolder(dirname(path));
      return new AuditFile(path, handle, found.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds bytes, and waits until they are on disk.
   *
   * @throws AuditError "changed" where the file is not as the last append left it, or the system's error
   */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#isTorn) await this.cutTo(this.#size);
    await this.#assertUntouched();
    try {
      await this.#handle.appendFile(bytes);
      await this.#handle.datasync();
    } catch (error) {
      this.#isTorn = true;
      // Where this fails too, the next append tries again before it writes.
      await this.cutTo(this.#size).catch(() => {});
      throw error;
    }
    this.#size += bytes.length;
  }

  /** Cuts off what lies behind the first `size` bytes. */
  async cutTo(size: number): Promise<void> {
    await this.#handle.truncate(size);
    await this.#handle.datasync();
    this.#size = size;
    this.#isTorn = false;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** A file that was deleted, moved or replaced takes writes like any other, and nobody would ever see them. */
  async #assertUntouched(): Promise<void> {
    const ours = await this.#handle.stat();
    const there = await stat(this.path).catch((error: unknown) => {
      throw ["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")
        ? changed(this.path, "is gone", error)
        : error;
    });
    if (there.ino !== ours.ino || there.dev !== ours.dev) throw changed(this.path, "was replaced");
    if (ours.size !== this.#size) {
      throw changed(this.path, `has ${ours.size} bytes, not the ${this.#size} that were written`);
    }
  }
}

/** Makes a new, moved or deleted name last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function notAFile(path: string, cause?: unknown): AuditError {
  return new AuditError("not-a-file", `${path}: an audit log must be a plain file`, { cause });
}

function changed(path: string, what: string, cause?: unknown): AuditError {
  return new AuditError(
    "changed",
    `${path}: the audit log ${what}; something else than this server changed it`,
    { cause },
  );
}
