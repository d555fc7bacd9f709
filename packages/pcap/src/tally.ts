import { recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";
import { timestampNs } from "./split-time.js";

/** What passed. */
export interface Tally {
  packets: number;
  /** Bytes of the records with their headers, without the file header. */
  recordBytes: number;
  /** The earliest packet time, nanoseconds since the epoch; undefined before the first packet. */
  firstNs: bigint | undefined;
  /** The latest packet time, nanoseconds since the epoch; undefined before the first packet. */
  lastNs: bigint | undefined;
}

/** A tally of nothing yet. */
export function createTally(): Tally {
  return { packets: 0, recordBytes: 0, firstNs: undefined, lastNs: undefined };
}

/** Passes every record and counts it into `totals`, before the reader sees it. */
export function tally(totals: Tally): BatchStage {
  return (batches) =>
    derive(batches, async function* (upstream) {
      for await (const batch of upstream) {
        if (batch.count > 0) add(totals, batch);
        yield batch;
      }
    });
}

function add(totals: Tally, batch: RecordBatch): void {
  const { offsets, count } = batch;
  const view = viewOf(batch.bytes);
  const little = batch.header.byteOrder === "little";
  const unit = nanosecondsPerUnit(batch.header);
  let firstSeconds = Number.POSITIVE_INFINITY;
  let firstNanoseconds = 0;
  let lastSeconds = Number.NEGATIVE_INFINITY;
  let lastNanoseconds = 0;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] as number; // i < count
    const seconds = view.getUint32(offset, little);
    const nanoseconds = view.getUint32(offset + 4, little) * unit;
    bytes += recordHeaderBytes + view.getUint32(offset + 8, little);
    if (seconds < firstSeconds || (seconds === firstSeconds && nanoseconds < firstNanoseconds)) {
      firstSeconds = seconds;
      firstNanoseconds = nanoseconds;
    }
    if (seconds > lastSeconds || (seconds === lastSeconds && nanoseconds > lastNanoseconds)) {
      lastSeconds = seconds;
      lastNanoseconds = nanoseconds;
    }
  }
  totals.packets += batch.count;
  totals.recordBytes += bytes;
  const firstNs = timestampNs(firstSeconds, firstNanoseconds);
  const lastNs = timestampNs(lastSeconds, lastNanoseconds);
  if (totals.firstNs === undefined || firstNs < totals.firstNs) totals.firstNs = firstNs;
  if (totals.lastNs === undefined || lastNs > totals.lastNs) totals.lastNs = lastNs;
}
