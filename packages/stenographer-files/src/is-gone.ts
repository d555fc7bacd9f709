/** Whether a file or folder was not there to be opened. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Whether it was the system that could not open or read a file, for whatever reason. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
