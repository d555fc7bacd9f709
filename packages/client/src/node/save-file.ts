import { type FileHandle, link, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { canceled } from "../error-from-rpc.js";
import { StenographerError } from "../stenographer-error.js";
import { BatchWriter } from "./batch-writer.js";

export interface SaveOptions {
  readonly uid: string;
  readonly overwrite: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The longest file name of all usual file systems, in bytes. */
const longestNameBytes = 255;

/**
 * Writes the pieces to a temporary file beside `path` and, when they have ended well, puts it there: fsync, rename, fsync of
 * the folder. On any failure the temporary file goes away and `path` stays as it was.
 *
 * @throws StenographerError `FILE_FAILED`, or what the pieces throw
 */
export async function saveFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  options: SaveOptions,
): Promise<void> {
  const { uid, overwrite, signal } = options;
  const target = await fileErrors(path, uid, () => resolveTarget(path, overwrite));
  const temporary = join(dirname(target), temporaryName(basename(target), uid));
  // wx: never into a file, or through a link, that somebody put there.
  const file = await fileErrors(temporary, uid, () => open(temporary, "wx", 0o600));
  try {
    try {
      await writeAll(file, pieces, (write) => fileErrors(path, uid, write));
      await fileErrors(path, uid, () => file.sync());
    } finally {
      await fileErrors(path, uid, () => file.close());
    }
    if (signal?.aborted) throw canceled("the caller's signal aborted the retrieval", uid, signal.reason);
    await fileErrors(path, uid, () => putInPlace(temporary, target, overwrite));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // what failed first is the news
    throw error;
  }
  await fileErrors(path, uid, () => syncFolder(dirname(target)));
}

async function writeAll(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  guarded: (write: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const writer = new BatchWriter(file);
  for await (const piece of pieces) await guarded(() => writer.write(piece));
  await guarded(() => writer.flush());
}

/** The file to be replaced or made. What is there and is no plain file, a device or a folder, is left alone. */
async function resolveTarget(path: string, overwrite: boolean): Promise<string> {
  const there = await lstat(path).catch(ifMissing);
  if (there === undefined) return path;
  if (!overwrite) throw systemError("EEXIST");
  const target = there.isSymbolicLink() ? await realpath(path) : path;
  const found = await stat(target);
  if (found.isDirectory()) throw systemError("EISDIR");
  if (!found.isFile()) throw systemError("not a regular file");
  return target;
}

async function putInPlace(temporary: string, target: string, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(temporary, target);
  // link() fails where the name is taken, rename() would replace it.
  await link(temporary, target);
  await rm(temporary);
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and needs no such sync.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function temporaryName(name: string, uid: string): string {
  const tail = `.${uid}.partial`;
  let head = name;
  while (Buffer.byteLength(`.${head}${tail}`) > longestNameBytes) head = head.slice(0, -1);
  return `.${head}${tail}`;
}

const adviceByCode: Record<string, string> = {
  EACCES: "the folder may not be written to; change its permissions or choose another",
  EBUSY: "something else holds the file; close it",
  EDQUOT: "the quota is used up; free space or choose another disk",
  EEXIST: "the file is there already; choose another name, or allow overwrite",
  EFBIG: "the file system takes no file that large; set maxBytes or choose another disk",
  EIO: "the disk fails; choose another",
  EISDIR: "that is a folder; add a file name",
  EMFILE: "too many files are open; run fewer retrievals at once",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  ENOENT: "the folder is not there; make it first",
  ENOSPC: "the disk is full; free space, set maxBytes or choose another disk",
  ENOTDIR: "a part of the path is no folder; choose another",
  EPERM: "the file system does not allow it; choose another folder",
  EROFS: "the file system is read-only; choose another",
};

/** Runs a file operation, and says of its failure what to do about it. */
async function fileErrors<Result>(
  path: string,
  uid: string,
  operation: () => Promise<Result>,
): Promise<Result> {
  try {
    return await operation();
  } catch (error) {
    const code =
      error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
    if (code === undefined) throw error;
    const advice = adviceByCode[code];
    throw new StenographerError(`cannot save to ${path}: ${advice ? `${advice} (${code})` : code}`, {
      code: code === "EEXIST" ? "already_exists" : "failed_precondition",
      reason: "FILE_FAILED",
      uid,
      cause: error,
    });
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function ifMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
