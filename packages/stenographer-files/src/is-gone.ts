/** Whether a file or folder was not there to be opened. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Catches that a file was not there to be opened. */
export function undefinedIfGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
  return undefined;
}

/** Whether it was the system that could not open or read a file, for whatever reason. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
