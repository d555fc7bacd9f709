import { type constants, createGunzip } from "node:zlib";
import type { OpenFiles } from "./open-files.js";

/** Bytes that gunzip hands out at a time. */
const outputBytes = 64 * 1024;

/** The compressed data is damaged, not merely cut. */
export class GzipDamageError extends Error {
  override readonly name = "GzipDamageError";
}

/**
 * Decompresses chunk by chunk. All that can be decompressed comes out before a cut or damage shows; a cut calls `onCut`
 * and ends the data, since the last file of a running capture always looks so.
 *
 * Not `pipeline` or `for await`: those drop what the stream still holds when it fails.
 *
 * @throws GzipDamageError
 */
export async function* gunzipChunks(
  compressed: AsyncIterable<Uint8Array>,
  files: OpenFiles,
  onCut: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: outputBytes });
  let wake = (): void => {};
  let failure: NodeJS.ErrnoException | undefined;
  let ended = false;
  let closed = false;
  gunzip.on("readable", () => wake());
  gunzip.on("end", () => {
    ended = true;
    wake();
  });
  gunzip.on("error", (error) => {
    failure = error;
    wake();
  });
  gunzip.on("close", () => {
    closed = true;
    wake();
  });
  const destroy = files.add(() => void gunzip.destroy());

  async function* output(isDone: () => boolean): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      files.signal.throwIfAborted();
      const chunk: Uint8Array | null = gunzip.read();
      if (chunk !== null) yield chunk;
      else if (ended || closed || failure !== undefined || isDone()) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }

  try {
    for await (const chunk of compressed) {
      let taken = false;
      gunzip.write(chunk, () => {
        taken = true;
        wake();
      });
      yield* output(() => taken);
      if (ended || closed || failure !== undefined) break;
    }
    if (!ended && failure === undefined) {
      // Only now, when nothing is left inside: a cut makes end() fail, and a failed stream gives no data.
      gunzip.end();
      yield* output(() => false);
    }
    files.signal.throwIfAborted();
    if (failure === undefined) return;
    if (failure.code === codeOfCut) onCut();
    else throw new GzipDamageError(`damaged gzip data: ${failure.message}`, { cause: failure });
  } finally {
    await destroy();
  }
}

const codeOfCut = "Z_BUF_ERROR" satisfies keyof typeof constants;
