import { derive } from "./derive.js";
import { type RecordBatch, RecordCursor } from "./record-batch.js";
import { timestampNs } from "./split-time.js";

/** One packet, safe to keep. */
export interface PacketRecord {
  /** Nanoseconds since the epoch. */
  timestampNs: bigint;
  /** Bytes of the packet in `data`. */
  capturedLength: number;
  /** Bytes the packet had on the wire. */
  originalLength: number;
  /** See `LinkType`. */
  linkType: number;
  /** The packet from its link layer header on; a copy. */
  data: Uint8Array;
}

/** The packets of `batches` one by one, each a copy. For convenience: where speed matters, use the batches. */
export function records(batches: AsyncIterable<RecordBatch>): AsyncIterableIterator<PacketRecord> {
  return derive(batches, async function* (upstream) {
    for await (const batch of upstream) {
      const cursor = new RecordCursor(batch);
      const { linkType } = batch.header;
      for (let i = 0; i < batch.count; i++) {
        cursor.seek(i);
        const { capturedLength, originalLength, frameOffset } = cursor;
        yield {
          timestampNs: timestampNs(cursor.seconds, cursor.nanoseconds),
          capturedLength,
          originalLength,
          linkType,
          data: batch.bytes.slice(frameOffset, frameOffset + capturedLength),
        };
      }
    }
  });
}
