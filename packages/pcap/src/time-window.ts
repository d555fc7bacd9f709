import { derive } from "./derive.js";
import { type BatchStage, nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";
import { type SplitTime, splitTime } from "./split-time.js";

/** Half-open: [startNs, endNs), nanoseconds since the epoch. */
export interface TimeWindow {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

export interface TimeWindowCounts {
  recordsSeen: number;
  recordsOutsideWindow: number;
}

/** Keeps the records whose time lies in the window, and adds to `counts` as it goes. */
export function timeWindow(window: TimeWindow, counts?: TimeWindowCounts): BatchStage {
  const start = splitTime(window.startNs);
  const end = splitTime(window.endNs);
  return (batches) =>
    derive(batches, async function* (upstream) {
      for await (const batch of upstream) {
        const seen = batch.count;
        keepInside(batch, start, end);
        if (counts !== undefined) {
          counts.recordsSeen += seen;
          counts.recordsOutsideWindow += seen - batch.count;
        }
        if (batch.count > 0) yield batch;
      }
    });
}

function keepInside(batch: RecordBatch, start: SplitTime, end: SplitTime): void {
  const { offsets, count } = batch;
  const view = viewOf(batch.bytes);
  const little = batch.header.byteOrder === "little";
  const unit = nanosecondsPerUnit(batch.header);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] as number; // i < count
    const seconds = view.getUint32(offset, little);
    // Most records are decided by their second alone.
    if (seconds < start.seconds || seconds > end.seconds) continue;
    if (seconds === start.seconds || seconds === end.seconds) {
      const nanoseconds = view.getUint32(offset + 4, little) * unit;
      if (seconds === start.seconds && nanoseconds < start.nanoseconds) continue;
      if (seconds === end.seconds && nanoseconds >= end.nanoseconds) continue;
    }
    offsets[kept++] = offset;
  }
  batch.count = kept;
}
