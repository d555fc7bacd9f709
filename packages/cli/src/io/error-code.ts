/** Whether an error is one of Node's or of ours that says by a code what it is ("ENOENT", "ERR_STREAM_DESTROYED"). */
export function hasCode(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** That code; undefined where there is none. */
export function errorCode(error: unknown): string | undefined {
  return hasCode(error) ? error.code : undefined;
}
