import { CaptureDecoder, type DecodeOptions } from "./capture-decoder.js";
import type { CaptureError } from "./capture-error.js";
import type { CaptureHeader } from "./capture-header.js";
import { derive } from "./derive.js";
import type { Capture, RecordBatch } from "./record-batch.js";

/**
 * Reads chunks until the header of the pcap or pcapng they hold is known, and gives the capture to iterate. That of pcapng, whose interfaces
 * may have several link types, is known with its first packet, or at its end.
 *
 * No chunk is pulled before all records of the one before were taken, so `chunks` may reuse its memory from pull to pull. `chunks` is
 * closed when the reader leaves, when decoding fails, and when the capture is closed unread. Rejects, and the batches throw, with
 * a CaptureError; whole records before the damage come first.
 */
export async function decodeCapture(
  chunks: AsyncIterable<Uint8Array>,
  options?: DecodeOptions,
): Promise<Capture> {
  const decoder = new CaptureDecoder(options);
  const upstream = chunks[Symbol.asyncIterator]();
  while (true) {
    const next = await upstream.next();
    if (next.done === true) {
      decoder.end();
      return startCapture(decoder, decoder.header as CaptureHeader, [], upstream); // end() throws without one
    }
    try {
      const batches = decoder.push(next.value);
      if (decoder.header !== undefined) return startCapture(decoder, decoder.header, batches, upstream);
    } catch (error) {
      await closeQuietly(upstream);
      throw error;
    }
  }
}

function startCapture(
  decoder: CaptureDecoder,
  header: CaptureHeader,
  firstBatches: readonly RecordBatch[],
  upstream: AsyncIterator<Uint8Array>,
): Capture {
  const batches = derive(resume(upstream), async function* (chunks) {
    for await (const chunk of chunks) {
      const completed = chunk === alreadyDecoded ? firstBatches : decoder.push(chunk);
      // Not yield*: arrays have no throw(), so an error thrown in by the reader would be lost to a TypeError.
      for (const batch of completed) yield batch;
      throwIf(decoder.failure);
    }
    decoder.end();
  });
  return { header, batches };
}

/** Stands for the chunk whose batches wait already, so that one loop, and what closes it, covers them too. */
const alreadyDecoded = Symbol("already decoded");

function resume(upstream: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array | typeof alreadyDecoded> {
  let resumed = false;
  const iterator: AsyncIterator<Uint8Array | typeof alreadyDecoded> = {
    async next() {
      if (resumed) return upstream.next();
      resumed = true;
      return { done: false, value: alreadyDecoded };
    },
    async return() {
      await upstream.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The damage is reported as soon as the records before it are taken: the next chunk may be long in coming. */
function throwIf(failure: CaptureError | undefined): void {
  if (failure !== undefined) throw failure;
}

/** Closes without hiding the error that is on its way. */
async function closeQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The first error says more.
  }
}
