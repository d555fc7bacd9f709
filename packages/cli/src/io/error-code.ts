/** The code of an error of Node's ("ENOENT", "ERR_STREAM_DESTROYED"); undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
