import {
  CaptureDecoder,
  type CaptureHeader,
  type DecodeOptions,
  type PacketRecord,
  type RecordBatch,
  RecordCursor,
} from "../src/index.js";
import { timestampNs } from "../src/split-time.js";
import { concat } from "./layout.js";

/** Bytes cut at the given places. */
export function cutAt(bytes: Uint8Array, ...places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places, bytes.length];
  return edges.slice(1).map((end, i) => bytes.slice(edges[i], end));
}

/** Every way a decoder case is run: whole, byte by byte, and split in two at each boundary. */
export function waysToCut(bytes: Uint8Array): { name: string; chunks: Uint8Array[] }[] {
  const eachByte = Array.from({ length: bytes.length }, (_, i) => i);
  return [
    { name: "whole", chunks: [bytes] },
    { name: "byte by byte", chunks: cutAt(bytes, ...eachByte.slice(1)) },
    ...eachByte.map((place) => ({ name: `split at ${place}`, chunks: cutAt(bytes, place) })),
  ];
}

export interface Decoded {
  header: CaptureHeader | undefined;
  records: PacketRecord[];
  error: unknown;
}

/** Decodes chunks to the end or the error. Each chunk is overwritten before the next, as a caller that reuses its buffer does. */
export function decodeAll(chunks: readonly Uint8Array[], options?: DecodeOptions): Decoded {
  const decoder = new CaptureDecoder(options);
  const records: PacketRecord[] = [];
  try {
    for (const chunk of chunks) {
      const memory = chunk.slice();
      for (const batch of decoder.push(memory)) records.push(...copyOut(batch));
      memory.fill(0xee);
    }
    decoder.end();
  } catch (error) {
    return { header: decoder.header, records, error };
  }
  return { header: decoder.header, records, error: undefined };
}

/** The records of one batch, copied. */
export function copyOut(batch: RecordBatch): PacketRecord[] {
  const cursor = new RecordCursor(batch);
  return Array.from({ length: batch.count }, (_, i) => {
    cursor.seek(i);
    return {
      timestampNs: timestampNs(cursor.seconds, cursor.nanoseconds),
      capturedLength: cursor.capturedLength,
      originalLength: cursor.originalLength,
      linkType: batch.header.linkType,
      data: batch.bytes.slice(cursor.frameOffset, cursor.frameOffset + cursor.capturedLength),
    };
  });
}

/** Chunks as a stream that notes how it was left, and reuses one buffer from pull to pull. */
export function streamOf(chunks: readonly Uint8Array[]) {
  const seen = { pulls: 0, closed: 0 };
  const memory = new Uint8Array(Math.max(0, ...chunks.map((chunk) => chunk.length)));
  const stream: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const chunk = chunks[seen.pulls++];
        memory.fill(0xee);
        if (chunk === undefined) return { done: true, value: undefined };
        memory.set(chunk);
        return { done: false, value: memory.subarray(0, chunk.length) };
      },
      async return() {
        seen.closed++;
        return { done: true, value: undefined };
      },
    }),
  };
  return { stream, seen };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** All records, each copied when its batch came. */
export async function collectRecords(batches: AsyncIterable<RecordBatch>): Promise<PacketRecord[]> {
  const all: PacketRecord[] = [];
  for await (const batch of batches) all.push(...copyOut(batch));
  return all;
}

export async function collectBytes(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return concat(...(await collect(chunks)));
}
