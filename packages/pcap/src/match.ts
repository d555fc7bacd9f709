import { recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";

/**
 * Decides about one packet: its data is `bytes` from `frameOffset` on, `capturedLength` of the wire's `originalLength` bytes.
 *
 * The same shape as the matchers of @stenogrpc/query; the packages do not import each other. Must not keep or change `bytes`.
 */
export type FramePredicate = (
  bytes: Uint8Array,
  frameOffset: number,
  capturedLength: number,
  originalLength: number,
  seconds: number,
  nanoseconds: number,
) => boolean;

export interface MatchCounts {
  recordsUnmatched: number;
}

/** Keeps the records the predicate says yes to, and adds the others to `counts`. */
export function match(predicate: FramePredicate, counts?: MatchCounts): BatchStage {
  return (batches) =>
    derive(batches, async function* (upstream) {
      for await (const batch of upstream) {
        const seen = batch.count;
        keepMatching(batch, predicate);
        if (counts !== undefined) counts.recordsUnmatched += seen - batch.count;
        if (batch.count > 0) yield batch;
      }
    });
}

function keepMatching(batch: RecordBatch, predicate: FramePredicate): void {
  const { bytes, offsets, count } = batch;
  const view = viewOf(bytes);
  const little = batch.header.byteOrder === "little";
  const unit = nanosecondsPerUnit(batch.header);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] as number; // i < count
    const matches = predicate(
      bytes,
      offset + recordHeaderBytes,
      view.getUint32(offset + 8, little),
      view.getUint32(offset + 12, little),
      view.getUint32(offset, little),
      view.getUint32(offset + 4, little) * unit,
    );
    if (matches) offsets[kept++] = offset;
  }
  batch.count = kept;
}
