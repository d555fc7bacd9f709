import { recordHeaderBytes } from "./capture-header.js";
import { derive } from "./derive.js";
import { type BatchStage, type RecordBatch, RecordCursor, viewOf } from "./record-batch.js";

/** How many bytes of a packet are kept; what is more than `capturedLength`, or below 0, counts as that. */
export type KeptLength = (bytes: Uint8Array, frameOffset: number, capturedLength: number) => number;

/**
 * Cuts each packet to the bytes that `kept` tells; its length on the wire stays as it was. No byte behind the cut is in
 * the bytes that are passed on: what is kept is copied.
 */
export function slice(kept: KeptLength): BatchStage {
  return (batches) =>
    derive(batches, async function* (upstream) {
      const slicer = new Slicer(kept);
      for await (const batch of upstream) yield slicer.cut(batch);
    });
}

class Slicer {
  private readonly kept: KeptLength;
  /** Reused from batch to batch: what is yielded lives until the next pull. */
  private buffer = new Uint8Array(0);

  constructor(kept: KeptLength) {
    this.kept = kept;
  }

  cut(batch: RecordBatch): RecordBatch {
    const { bytes, offsets, count, header } = batch;
    if (this.buffer.length < bytes.length) this.buffer = new Uint8Array(bytes.length);
    const target = this.buffer;
    const view = viewOf(target);
    const little = header.byteOrder === "little";
    const cursor = new RecordCursor(batch);
    let end = 0;
    for (let i = 0; i < count; i++) {
      cursor.seek(i);
      const { offset, frameOffset, capturedLength } = cursor;
      const wanted = Math.trunc(this.kept(bytes, frameOffset, capturedLength));
      // Not a number is 0, too.
      const length = wanted > 0 ? Math.min(wanted, capturedLength) : 0;
      target.set(bytes.subarray(offset, frameOffset + length), end);
      view.setUint32(end + 8, length, little);
      offsets[i] = end;
      end += recordHeaderBytes + length;
    }
    return { header, bytes: target.subarray(0, end), offsets, count };
  }
}
