import type { RecordBatch } from "@stenogrpc/pcap";
import { CaptureError, decodeCapture } from "@stenogrpc/pcap";
import type { OpenSource } from "./packet-source.js";
import { SourceError } from "./packet-source.js";

/**
 * Decodes what another program delivers as one capture.
 *
 * @param program its name, for messages
 * @throws SourceError "source-failed" where it is no capture, here or while the batches are read
 */
export async function decodeOutput(program: string, chunks: AsyncIterable<Uint8Array>): Promise<OpenSource> {
  try {
    const capture = await decodeCapture(chunks);
    return { header: capture.header, batches: blaming(program, capture.batches), warnings: [] };
  } catch (error) {
    throw blame(program, error);
  }
}

async function* blaming(program: string, batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  try {
    yield* batches;
  } catch (error) {
    throw blame(program, error);
  }
}

function blame(program: string, error: unknown): unknown {
  if (!(error instanceof CaptureError)) return error;
  const what =
    error.kind === "truncated" ? "output that ends in the middle of a packet" : "output that is no capture";
  return new SourceError("source-failed", `${program} delivered ${what}`, { cause: error });
}
