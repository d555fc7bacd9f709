import { CaptureDecoder, CaptureError } from "@stenogrpc/pcap";
import type { Random } from "@stenogrpc/testkit";
import { cutAt, type Decoded, decodeAll } from "../../../packages/pcap/test-support/feed.js";

/** What became of a capture. */
export interface CaptureVerdict {
  readonly packets: number;
  /** What was wrong with it: a CaptureErrorKind, or "" where nothing was. */
  readonly problem: string;
  /** Bytes that reading it whole allocated besides what it holds, as the allocator counted them. */
  readonly allocatedBytes: number;
}

/** A decoder may allocate this many times what it was given, and a little for its tables: whatever lengths the bytes declare. */
const allocationFactor = 16;
const allocationFloorBytes = 64 * 1024;
/** Nothing of this size takes the processor a second to read, collections of garbage included. */
const slowUs = 1_000_000;

/**
 * Decodes the bytes whole and in pieces.
 *
 * @throws Error for whatever the decoder's contract does not allow
 */
export function checkCapture(bytes: Uint8Array, random: Random): CaptureVerdict {
  const before = process.cpuUsage();
  const allocatedBytes = allocationOf(bytes);
  if (allocatedBytes > allocationFloorBytes + allocationFactor * bytes.length)
    throw new Error(`allocated ${allocatedBytes} bytes for a capture of ${bytes.length}`);
  const whole = decodeAll([bytes]);
  if (whole.error !== undefined && !(whole.error instanceof CaptureError)) throw whole.error;
  const pieces = decodeAll(cutAt(bytes, ...places(random, bytes.length)));
  compare(whole, pieces);
  const { user, system } = process.cpuUsage(before);
  if (user + system > slowUs) throw new Error(`took ${(user + system) / 1000} ms of the processor`);
  return { packets: whole.records.length, problem: whole.error?.kind ?? "", allocatedBytes };
}

/** What the decoder itself allocates in memory for bytes; a collection in between only makes it look like less. */
function allocationOf(bytes: Uint8Array): number {
  const before = process.memoryUsage().arrayBuffers;
  const decoder = new CaptureDecoder();
  try {
    decoder.push(bytes);
    decoder.end();
  } catch {
    // What it throws is looked at where it is read for good.
  }
  return process.memoryUsage().arrayBuffers - before;
}

function places(random: Random, length: number): number[] {
  if (length < 2) return [];
  const count = random.pick([1, 2, 5, 20]);
  return Array.from({ length: count }, () => random.between(1, length)).sort((a, b) => a - b);
}

function compare(whole: Decoded, pieces: Decoded): void {
  const [one, other] = [whole, pieces].map(summaryOf) as [string, string]; // two in, two out
  if (one !== other) throw new Error(`whole and in pieces differ:\n${one}\n${other}`);
  for (const [i, record] of whole.records.entries()) {
    const twin = pieces.records[i];
    const isSame =
      twin !== undefined &&
      twin.timestampNs === record.timestampNs &&
      twin.originalLength === record.originalLength &&
      Buffer.compare(twin.data, record.data) === 0;
    if (!isSame) throw new Error(`packet ${i} differs when the capture comes in pieces`);
  }
}

function summaryOf({ header, records, error }: Decoded): string {
  const problem =
    error instanceof CaptureError ? `${error.kind} at ${error.byteOffset}: ${error.message}` : String(error);
  return JSON.stringify({ header, packets: records.length, problem });
}
