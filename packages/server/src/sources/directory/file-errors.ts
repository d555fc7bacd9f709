import { errnoOf } from "../../errno.js";
import { SourceError } from "../packet-source.js";
import type { Damage } from "./time-range.js";

/**
 * A file is no longer what it was when it was listed: gone, replaced, or cut short. Before anything is delivered the
 * folder is listed anew; later it ends the answer as "source-changed".
 */
export class FileChangedError extends Error {
  override readonly name = "FileChangedError";
  readonly path: string;

  constructor(path: string, what: string, options?: { cause?: unknown }) {
    super(what, options);
    this.path = path;
  }
}

/** Whether the path led nowhere: removed, renamed, a link to nothing (ESTALE: removed on an NFS server). */
export function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP" || errno === "ESTALE";
}

/** What the client is told of a failed file operation; the path and the reason are for the log. */
export function fileFailure(path: string, cause: unknown): SourceError {
  if (cause instanceof SourceError) return cause;
  if (cause instanceof FileChangedError) {
    return new SourceError(
      "source-changed",
      "a capture file was rotated away or replaced while it was needed",
      {
        cause,
        details: { path: cause.path, what: cause.message },
      },
    );
  }
  return new SourceError("source-failed", "a capture file or folder of the sensor could not be read", {
    cause,
    details: { path, errno: errnoOf(cause) },
  });
}

/** What the client is told of a damaged file. */
export function damageFailure(path: string, damage: Damage, cause?: unknown): SourceError {
  const options = { cause, details: { path, damage: damage.message } };
  switch (damage.kind) {
    case "corrupt":
      return new SourceError(
        "source-corrupt",
        "a capture file that may hold wanted packets is damaged",
        options,
      );
    case "unsupported":
      return new SourceError(
        "source-failed",
        "a capture file that may hold wanted packets is of a kind that cannot be read",
        options,
      );
    case "mixed-link-types":
      return new SourceError(
        "mixed-link-types",
        "a capture file that may hold wanted packets has packets of several link types",
        options,
      );
  }
}
