/** Standard output's reader has left. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/** Writes and waits until it is taken, so that a slow reader slows the retrieval. Throws OutputClosedError. */
export async function writeOut(bytes: Uint8Array | string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (!error) return resolve();
      const gone = "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
      reject(gone ? new OutputClosedError("the reader of standard output left", { cause: error }) : error);
    });
  });
}

/** Keeps a failed write to stdout or stderr from ending the process: writeOut reports stdout's, and stderr has no one to tell. */
export function surviveClosedOutput(): void {
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}
