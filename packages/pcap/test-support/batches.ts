import { CaptureDecoder, type PcapWriter, type RecordBatch } from "../src/index.js";
import { concat } from "./layout.js";

/** A packet for stages: a time in nanoseconds, and a size that is its content too. */
export interface TestPacket {
  timestampNs: bigint;
  size: number;
}

/** Batches of one capture as a stream that notes how it was left. Each list of packets becomes one chunk, so one batch. */
export function batchesOf(writer: PcapWriter, ...chunks: readonly (readonly TestPacket[])[]) {
  const seen = { pulls: 0, closed: 0 };
  const decoder = new CaptureDecoder();
  decoder.push(writer.header());
  const pending: RecordBatch[] = [];
  const batches: AsyncIterable<RecordBatch> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        while (pending.length === 0) {
          const packets = chunks[seen.pulls++];
          if (packets === undefined) return { done: true, value: undefined };
          pending.push(...decoder.push(concat(...packets.map((packet) => recordOf(writer, packet)))));
        }
        return { done: false, value: pending.shift() as RecordBatch }; // there is one
      },
      async return() {
        seen.closed++;
        return { done: true, value: undefined };
      },
    }),
  };
  return { batches, seen };
}

export function recordOf(writer: PcapWriter, { timestampNs, size }: TestPacket): Uint8Array {
  // The size is the content too: a packet that lands elsewhere shows.
  return writer.record({ timestampNs, data: new Uint8Array(size).fill(size & 0xff) });
}
