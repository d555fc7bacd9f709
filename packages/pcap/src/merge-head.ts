import { recordHeaderBytes } from "./capture-header.js";
import type { MergeBuffer } from "./merge-buffer.js";
import { nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";

/** The next record of an input, or the earliest one it could have. */
export interface Head {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** The input's place among all; the lower one goes first when times are equal. */
  readonly index: number;
}

/** The last time a run may reach. */
export interface Bound {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Whether a record of exactly this time still belongs to the run. */
  readonly inclusive: boolean;
}

const nothing: RecordBatch = {
  header: { byteOrder: "little", resolution: "microseconds", snaplen: 0, linkType: 0 },
  bytes: new Uint8Array(0),
  offsets: new Uint32Array(0),
  count: 0,
};

/** Where a merge stands in one of its inputs. */
export class MergeHead implements Head {
  seconds = 0;
  nanoseconds = 0;
  readonly index: number;

  private readonly batches: AsyncIterator<RecordBatch>;
  private batch = nothing;
  private view = viewOf(nothing.bytes);
  private little = true;
  private unit = 1;
  private position = 0;
  /** The batch's count when it came: whoever gets the batch may lower it. */
  private count = 0;

  constructor(batches: AsyncIterator<RecordBatch>, index: number) {
    this.batches = batches;
    this.index = index;
  }

  /** Whether the batch in hand is used up, and `pull` is next. */
  get exhausted(): boolean {
    return this.position >= this.count;
  }

  /** Gets the next batch with a record in it; false at the input's end. */
  async pull(): Promise<boolean> {
    while (true) {
      const next = await this.batches.next();
      if (next.done === true) return false;
      if (next.value.count === 0) continue;
      this.batch = next.value;
      this.count = next.value.count;
      this.view = viewOf(next.value.bytes);
      this.little = next.value.header.byteOrder === "little";
      this.unit = nanosecondsPerUnit(next.value.header);
      this.moveTo(0);
      return true;
    }
  }

  /** The index after the last record, from the current one on, that does not go beyond `bound`. At least one further on. */
  runEnd(bound: Bound | undefined): number {
    const { batch, count, view, little, unit } = this;
    if (bound === undefined) return count;
    const { offsets } = batch;
    // The current record was chosen, so it goes in any case.
    let i = this.position + 1;
    for (; i < count; i++) {
      const offset = offsets[i] as number; // i < count
      const seconds = view.getUint32(offset, little);
      if (seconds < bound.seconds) continue;
      if (seconds > bound.seconds) break;
      const nanoseconds = view.getUint32(offset + 4, little) * unit;
      if (nanoseconds < bound.nanoseconds) continue;
      if (nanoseconds > bound.nanoseconds || !bound.inclusive) break;
    }
    return i;
  }

  /** Whether the records from the current one up to `end` are all that the batch had. */
  isWhole(end: number): boolean {
    return this.position === 0 && end === this.count;
  }

  /** From the current record's start to that of the last one before `end`. */
  bytesTo(end: number): number {
    const { offsets } = this.batch;
    return (offsets[end - 1] as number) - (offsets[this.position] as number); // position < end <= count
  }

  /** The records from the current one up to `end`, where they lie, and moves on to `end`. */
  take(end: number): RecordBatch {
    const { batch, position } = this;
    const whole = this.isWhole(end);
    this.moveOn(end);
    if (whole) return batch;
    const { header, bytes, offsets } = batch;
    // Not by spreading: V8 makes what a spread makes in old space, where it waits for a full collection.
    return { header, bytes, offsets: offsets.subarray(position, end), count: end - position };
  }

  /** Copies the records from the current one up to `end`, and moves on to `end`. */
  copyTo(buffer: MergeBuffer, end: number): void {
    const { bytes, offsets } = this.batch;
    for (let i = this.position; i < end; i++) {
      const start = offsets[i] as number; // i < end <= count
      buffer.add(bytes, start, start + recordHeaderBytes + this.view.getUint32(start + 8, this.little));
    }
    this.moveOn(end);
  }

  async close(): Promise<void> {
    await this.batches.return?.();
  }

  private moveOn(end: number): void {
    if (end < this.count) this.moveTo(end);
    else this.position = end;
  }

  private moveTo(position: number): void {
    const offset = this.batch.offsets[position] as number; // position < count
    this.position = position;
    this.seconds = this.view.getUint32(offset, this.little);
    this.nanoseconds = this.view.getUint32(offset + 4, this.little) * this.unit;
  }
}
