import { recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, type RecordBatch, RecordCursor } from "./record-batch.js";
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
  const cursor = new RecordCursor(batch);
  cursor.seek(0);
  let firstSeconds = cursor.seconds;
  let firstNanoseconds = cursor.nanoseconds;
  let lastSeconds = firstSeconds;
  let lastNanoseconds = firstNanoseconds;
  let bytes = 0;
  for (let i = 0; i < batch.count; i++) {
    cursor.seek(i);
    const { seconds, nanoseconds } = cursor;
    bytes += recordHeaderBytes + cursor.capturedLength;
    if (seconds < firstSeconds || (seconds === firstSeconds && nanoseconds < firstNanoseconds)) {
      firstSeconds = seconds;
      firstNanoseconds = nanoseconds;
    } else if (seconds > lastSeconds || (seconds === lastSeconds && nanoseconds > lastNanoseconds)) {
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
