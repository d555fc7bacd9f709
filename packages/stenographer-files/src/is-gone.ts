import type { Steps } from "./steps.js";

/** Whether a file or folder was not there to be opened. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What was opened or read; undefined where the file was not there. */
export function* unlessGone<T>(opening: Steps<T>): Steps<T | undefined> {
  try {
    return yield* opening;
  } catch (error) {
    if (!isGone(error)) throw error;
    return undefined;
  }
}

/** Whether it was the system that could not open or read a file, for whatever reason. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
