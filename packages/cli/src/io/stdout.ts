import { fstatSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { hasCode } from "./error-code.js";
import { writeToEnd } from "./write-to-end.js";

/** Standard output takes no more: its reader has left, or what it leads to can't be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  readonly kind: "reader-left" | "unwritable";

  constructor(kind: OutputError["kind"], message: string, cause: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Writes and waits until it is taken, so that a slow reader slows the retrieval. Throws OutputError. */
export async function writeOut(bytes: Uint8Array | string): Promise<void> {
  try {
    await write(bytes);
  } catch (error) {
    throw outputError(error);
  }
}

/**
 * To be called once, in a process that is ours. Keeps a failed write to stdout or stderr from ending it: writeOut reports stdout's,
 * also one that a file took a part of, and stderr has no one to tell.
 */
export function surviveClosedOutput(): void {
  if (fstatSync(1).isFile())
    write = async (bytes) => writeToEnd(1, typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}

let write = (bytes: Uint8Array | string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

function outputError(error: unknown): unknown {
  if (!hasCode(error)) return error;
  const { code } = error;
  if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED")
    return new OutputError("reader-left", "the reader of standard output left", error);
  const known = "errno" in error && typeof error.errno === "number" && getSystemErrorMap().get(error.errno);
  const what = known ? `${known[1]} (${code})` : error.message;
  return new OutputError("unwritable", `standard output: ${what}`, error);
}
