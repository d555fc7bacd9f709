import { captureHeaderBytes, recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, type RecordBatch, viewOf } from "./record-batch.js";

export interface Limits {
  /** The most pcap bytes in all, the 24 of the file header included; 0 or more. Default: no limit. */
  maxBytes?: number;
  /** The most packets; 0 or more. Default: no limit. */
  maxPackets?: number;
}

export type StoppedBy = "nothing" | "max-bytes" | "max-packets";

export interface LimitVerdict {
  stoppedBy: StoppedBy;
}

/**
 * Passes records while they fit, keeps the one that exactly reaches a limit, then ends and closes what it reads from.
 *
 * `verdict.stoppedBy` is set only when a further record was really left out, so a full limit pulls on until there is a next record or
 * the end. The first record that does not fit ends it, even if a later one would. Throws a RangeError on a negative limit.
 */
export function limit(limits: Limits, verdict?: LimitVerdict): BatchStage {
  const { maxBytes = Number.POSITIVE_INFINITY, maxPackets = Number.POSITIVE_INFINITY } = limits;
  if (!(maxBytes >= 0)) throw new RangeError(`maxBytes ${maxBytes} is not 0 or more`);
  if (!(maxPackets >= 0)) throw new RangeError(`maxPackets ${maxPackets} is not 0 or more`);
  return (batches) =>
    derive(batches, async function* (upstream) {
      let bytesLeft = maxBytes - captureHeaderBytes;
      let packetsLeft = maxPackets;
      for await (const batch of upstream) {
        const { count } = batch;
        const packetsFit = Math.min(count, Math.floor(packetsLeft));
        const fit = fitBytes(batch, packetsFit, bytesLeft);
        batch.count = fit.count;
        if (fit.count < count) {
          if (verdict !== undefined) verdict.stoppedBy = fit.count < packetsFit ? "max-bytes" : "max-packets";
          if (fit.count > 0) yield batch;
          return;
        }
        bytesLeft -= fit.bytes;
        packetsLeft -= fit.count;
        if (fit.count > 0) yield batch;
      }
    });
}

/** How many of the first `count` records fit into `maxBytes`, and how many bytes those take. */
function fitBytes(
  batch: RecordBatch,
  count: number,
  maxBytes: number,
): { readonly count: number; readonly bytes: number } {
  if (maxBytes === Number.POSITIVE_INFINITY) return { count, bytes: 0 };
  const { offsets } = batch;
  const view = viewOf(batch.bytes);
  const little = batch.header.byteOrder === "little";
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] as number; // i < count
    const size = recordHeaderBytes + view.getUint32(offset + 8, little);
    if (bytes + size > maxBytes) return { count: i, bytes };
    bytes += size;
  }
  return { count, bytes };
}
