import { CaptureError } from "./capture-error.js";
import { captureHeaderBytes, maximumSnaplen, recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, type RecordBatch, viewOf } from "./record-batch.js";

export interface VerifyOptions {
  /** The largest capture length believed, in bytes. Default: 262144, as libpcap's. */
  maxCapturedLength?: number;
}

/**
 * Throws a CaptureError "corrupt" at the first implausible record, naming its number and byte; those before it are passed first.
 *
 * Implausible is a fraction of a second that is a second or more, and a capture length over the wire length or over the ceiling. Put
 * it before any stage that drops records: it counts packets, and bytes as in a classic pcap file, from the start.
 */
export function verify(options: VerifyOptions = {}): BatchStage {
  const { maxCapturedLength = maximumSnaplen } = options;
  return (batches) =>
    derive(batches, async function* (upstream) {
      let packets = 0;
      let byteOffset = captureHeaderBytes;
      for await (const batch of upstream) {
        const { count } = batch;
        const checked = checkRecords(batch, maxCapturedLength);
        packets += checked.count;
        byteOffset += checked.bytes;
        batch.count = checked.count;
        if (checked.count > 0) yield batch;
        if (checked.count < count)
          throw new CaptureError(
            "corrupt",
            byteOffset,
            `corrupt record at byte ${byteOffset}: packet ${packets + 1} ${checked.problem}`,
          );
      }
    });
}

interface Checked {
  /** How many records, from the first one, are plausible. */
  readonly count: number;
  readonly bytes: number;
  readonly problem: string;
}

function checkRecords(batch: RecordBatch, maxCapturedLength: number): Checked {
  const { offsets, count, header } = batch;
  const view = viewOf(batch.bytes);
  const little = header.byteOrder === "little";
  const unitsPerSecond = header.resolution === "nanoseconds" ? 1_000_000_000 : 1_000_000;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] as number; // i < count
    const fraction = view.getUint32(offset + 4, little);
    const capturedLength = view.getUint32(offset + 8, little);
    const originalLength = view.getUint32(offset + 12, little);
    if (fraction >= unitsPerSecond)
      return { count: i, bytes, problem: `has ${fraction} ${header.resolution} in its second` };
    if (capturedLength > originalLength)
      return { count: i, bytes, problem: `has ${capturedLength} bytes captured of ${originalLength}` };
    if (capturedLength > maxCapturedLength)
      return {
        count: i,
        bytes,
        problem: `has ${capturedLength} bytes captured, over the ceiling of ${maxCapturedLength}`,
      };
    bytes += recordHeaderBytes + capturedLength;
  }
  return { count, bytes, problem: "" };
}
