import type { CaptureHeader } from "./capture-header.js";
import { conformTo } from "./conform-to.js";
import { MergeBuffer } from "./merge-buffer.js";
import { type Bound, type Head, MergeHead } from "./merge-head.js";
import { MergeHeap } from "./merge-heap.js";
import type { Capture, RecordBatch } from "./record-batch.js";
import { splitTime } from "./split-time.js";

/** One capture of a merge. */
export interface MergeInput {
  /**
   * No packet in it is earlier, nanoseconds since the epoch: it is not opened before the merge gets there. Absent: opened at once.
   * If it is wrong, its early packets come late; none is lost.
   */
  readonly startsAtNs?: bigint;
  open(): Promise<Capture>;
}

/** A run of at least this many bytes is passed on where it lies; a shorter one is collected with others. */
const passThroughBytes = 8 * 1024;

/**
 * Merges captures by packet time into records in the format of `header`: the earliest next record first, of equal ones that of the
 * earlier input. What is in order within each input is in order in the result.
 *
 * Runs of records that no other input interrupts are passed uncopied. Each input is closed when it ends, and all of them when the
 * reader leaves or one fails; what was merged up to a failure comes first.
 */
export async function* mergeByTime(
  header: CaptureHeader,
  inputs: readonly MergeInput[],
): AsyncGenerator<RecordBatch, void, undefined> {
  const waiting = inOpeningOrder(inputs);
  const open = new Set<MergeHead>();
  const heap = new MergeHeap<MergeHead>();
  const collected = new MergeBuffer(header);
  try {
    while (true) {
      const { first } = heap;
      const next = waiting[0];
      if (next !== undefined && (first === undefined || isDue(next, first))) {
        if (collected.count > 0) yield collected.take();
        waiting.shift();
        const batches = conformTo(header)((await next.input.open()).batches);
        const head = new MergeHead(batches[Symbol.asyncIterator](), next.index);
        open.add(head);
        if (await head.pull()) heap.add(head);
        else open.delete(head);
        continue;
      }
      if (first === undefined) break;
      const runEnd = first.runEnd(boundOf(first, heap.second, next));
      if (first.isWhole(runEnd) || first.bytesTo(runEnd) >= passThroughBytes) {
        if (collected.count > 0) yield collected.take();
        yield first.take(runEnd);
      } else {
        first.copyTo(collected, runEnd);
        if (collected.full) yield collected.take();
      }
      if (first.exhausted) {
        // The next batch may be long in coming, or never come: what is here goes first.
        if (collected.count > 0) yield collected.take();
        if (!(await first.pull())) {
          heap.removeFirst();
          open.delete(first);
          continue;
        }
      }
      heap.settleFirst();
    }
    if (collected.count > 0) yield collected.take();
  } finally {
    await Promise.allSettled([...open].map((head) => head.close()));
  }
}

interface WaitingInput extends Head {
  readonly input: MergeInput;
}

/** By the time they start at, those without one first. */
function inOpeningOrder(inputs: readonly MergeInput[]): WaitingInput[] {
  return inputs
    .map((input, index) => ({ input, index, ...splitTime(input.startsAtNs ?? -1n) }))
    .sort((a, b) => a.seconds - b.seconds || a.nanoseconds - b.nanoseconds || a.index - b.index);
}

/** Whether `waiting` could hold a record that goes before, or ties with, the earliest open one. */
function isDue(waiting: Head, first: Head): boolean {
  return (
    waiting.seconds < first.seconds ||
    (waiting.seconds === first.seconds && waiting.nanoseconds <= first.nanoseconds)
  );
}

/** Up to where records of `first` may go before anything else must be looked at. */
function boundOf(first: Head, second: Head | undefined, waiting: Head | undefined): Bound | undefined {
  if (waiting !== undefined && (second === undefined || isDue(waiting, second)))
    return { seconds: waiting.seconds, nanoseconds: waiting.nanoseconds, inclusive: false };
  if (second === undefined) return undefined;
  return { seconds: second.seconds, nanoseconds: second.nanoseconds, inclusive: first.index < second.index };
}
