import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import {
  CaptureError,
  type CaptureHeader,
  createTally,
  decodeCapture,
  pipe,
  tally,
  verify,
} from "@stenogrpc/pcap";

/** What is in a file, whatever it is. */
export interface InspectedCapture {
  readonly bytes: number;
  /** SHA-256 of all bytes, in lower-case hex. */
  readonly sha256: string;
  /** Undefined where its beginning is no capture's. */
  readonly header: CaptureHeader | undefined;
  /** Whole packets, up to the first damage. */
  readonly packets: number;
  readonly firstNs: bigint | undefined;
  readonly lastNs: bigint | undefined;
  /** Where and why it can't be read on. */
  readonly damage: CaptureError | undefined;
}

/** Reads a pcap or pcapng file to its end, damaged or not. Memory does not grow with it. */
export async function inspectCapture(file: FileHandle): Promise<InspectedCapture> {
  const hash = createHash("sha256");
  const chunks = file.createReadStream({ start: 0, autoClose: false })[Symbol.asyncIterator]();
  let bytes = 0;
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    const step: IteratorResult<Buffer> = await chunks.next();
    if (step.done) return { done: true, value: undefined };
    hash.update(step.value);
    bytes += step.value.length;
    return step;
  };
  const totals = createTally();
  let header: CaptureHeader | undefined;
  let damage: CaptureError | undefined;
  try {
    // Without a way to close it: behind damage, the rest of the bytes is read all the same.
    const capture = await decodeCapture({ [Symbol.asyncIterator]: () => ({ next }) });
    header = capture.header;
    for await (const _ of pipe(capture.batches, verify(), tally(totals)));
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    damage = error;
  }
  while (!(await next()).done);
  const { packets, firstNs, lastNs } = totals;
  return { bytes, sha256: hash.digest("hex"), header, packets, firstNs, lastNs, damage };
}
