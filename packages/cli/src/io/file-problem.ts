import { errorCode } from "./error-code.js";

const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the quota is used up",
  EEXIST: "a file has that name",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is no folder",
  EPERM: "the file system does not allow it",
  EROFS: "the file system is read-only",
};

/** What a file operation failed of, in words. */
export function fileProblem(error: unknown): string {
  return words[errorCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
}
