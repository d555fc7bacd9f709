import { StenographerError } from "../stenographer-error.js";

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
export async function fileErrors<Result>(
  path: string,
  uid: string,
  operation: () => Promise<Result>,
): Promise<Result> {
  try {
    return await operation();
  } catch (error) {
    const code = errnoOf(error);
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

/** A failure as the system would report it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Gives undefined for a file that is not there, and throws any other failure on. */
export function ifMissing(error: unknown): undefined {
  if (errnoOf(error) === "ENOENT") return undefined;
  throw error;
}

/** The errno name of a failed system call ("ENOENT"), undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
