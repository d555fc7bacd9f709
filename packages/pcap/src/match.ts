import { recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";
import { Pace, type Turns } from "./turns.js";

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

/** What is counted of the records that are not kept. */
export interface NearMisses {
  /** Asked about them alone. */
  readonly isNear: FramePredicate;
  /** Those that it said yes to. */
  records: number;
}

/**
 * Keeps the records the predicate says yes to, adds the others to `counts`, and those of them that come near to `nearMisses`.
 *
 * With `turns` it lets others work every 10 ms or so, also in the middle of a batch: a predicate may take long over each packet.
 */
export function match(
  predicate: FramePredicate,
  counts?: MatchCounts,
  turns?: Turns,
  nearMisses?: NearMisses,
): BatchStage {
  return (batches) =>
    derive(batches, async function* (upstream) {
      const pace = turns && new Pace(turns);
      for await (const batch of upstream) {
        const seen = batch.count;
        if (pace === undefined)
          batch.count = keepMatching(batch, viewOf(batch.bytes), predicate, nearMisses, 0, seen, 0);
        else await keepInTurns(batch, predicate, nearMisses, pace);
        if (counts !== undefined) counts.recordsUnmatched += seen - batch.count;
        if (batch.count > 0) yield batch;
      }
    });
}

async function keepInTurns(
  batch: RecordBatch,
  predicate: FramePredicate,
  nearMisses: NearMisses | undefined,
  pace: Pace,
): Promise<void> {
  const { count } = batch;
  const view = viewOf(batch.bytes);
  let kept = 0;
  let from = 0;
  pace.start();
  while (from < count) {
    const to = Math.min(count, from + pace.stretch);
    kept = keepMatching(batch, view, predicate, nearMisses, from, to, kept);
    from = to;
    if (pace.worked()) await pace.take();
  }
  batch.count = kept;
}

/** Moves those of the records from one index up to another that match to the first `kept`, and gives how many are kept then. */
function keepMatching(
  { header, bytes, offsets }: RecordBatch,
  view: DataView,
  predicate: FramePredicate,
  nearMisses: NearMisses | undefined,
  from: number,
  to: number,
  kept: number,
): number {
  const little = header.byteOrder === "little";
  const unit = nanosecondsPerUnit(header);
  let keptNow = kept;
  for (let i = from; i < to; i++) {
    const offset = offsets[i] as number; // the caller keeps i < count
    const frameOffset = offset + recordHeaderBytes;
    const captured = view.getUint32(offset + 8, little);
    const original = view.getUint32(offset + 12, little);
    const seconds = view.getUint32(offset, little);
    const nanoseconds = view.getUint32(offset + 4, little) * unit;
    if (predicate(bytes, frameOffset, captured, original, seconds, nanoseconds)) offsets[keptNow++] = offset;
    else if (nearMisses?.isNear(bytes, frameOffset, captured, original, seconds, nanoseconds))
      nearMisses.records++;
  }
  return keptNow;
}
