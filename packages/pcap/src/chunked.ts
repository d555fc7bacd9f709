import {
  type CaptureHeader,
  encodeCaptureHeader,
  recordHeaderBytes,
  sameRecordFormat,
} from "./capture-header.js";
import { ChunkBuffer } from "./chunk-buffer.js";
import { derive } from "./derive.js";
import { type RecordBatch, viewOf } from "./record-batch.js";

export interface ChunkedOptions {
  /**
   * Whether all chunks share one memory, so that each is good until the next is pulled; new memory for each costs more than
   * what is copied into it. Default false: each chunk is its own memory.
   */
  readonly reuseMemory?: boolean;
}

/**
 * Writes the records as a pcap file in chunks of at most `maxChunkBytes`, cut between records.
 *
 * The first chunk starts with the file header, which stands alone when there is no record; so every prefix of the chunks is a valid
 * file. A record larger than the bound goes whole, in a chunk of its own. Batches must be in the format of `header` (`conformTo` sees to
 * it), or a TypeError is thrown. Throws a RangeError when `maxChunkBytes` is under 1.
 */
export function chunked(
  header: CaptureHeader,
  maxChunkBytes: number,
  options: ChunkedOptions = {},
): (batches: AsyncIterable<RecordBatch>) => AsyncIterable<Uint8Array> {
  if (!Number.isInteger(maxChunkBytes) || maxChunkBytes < 1)
    throw new RangeError(`maxChunkBytes ${maxChunkBytes} is not a whole number of 1 or more`);
  const fileHeader = encodeCaptureHeader(header);
  return (batches) =>
    derive(batches, async function* (upstream) {
      const chunk = new ChunkBuffer(maxChunkBytes, options.reuseMemory ?? false);
      chunk.append(fileHeader, 0, fileHeader.length);
      for await (const batch of upstream) {
        if (!sameRecordFormat(batch.header, header))
          throw new TypeError(
            "chunked() got records in another format than its header's: put conformTo() before",
          );
        const { bytes } = batch;
        const view = viewOf(bytes);
        const little = header.byteOrder === "little";
        let taken = 0;
        while (taken < batch.count) {
          const start = batch.offsets[taken] as number; // taken < count
          const run = fittingRun(batch, view, little, taken, chunk.room);
          if (run.count > 0) {
            chunk.append(bytes, start, run.end);
            taken += run.count;
          } else if (chunk.used > 0) {
            yield chunk.flush();
          } else {
            yield bytes.slice(start, start + recordHeaderBytes + view.getUint32(start + 8, little));
            taken++;
          }
        }
      }
      if (chunk.used > 0) yield chunk.flush();
    });
}

/** How many records from `first` on lie one behind the other and fit into `room`, and where they end: copied as one slice. */
function fittingRun(
  batch: RecordBatch,
  view: DataView,
  little: boolean,
  first: number,
  room: number,
): { readonly count: number; readonly end: number } {
  const { offsets, count } = batch;
  const start = offsets[first] as number; // the caller keeps first < count
  let end = start;
  let next = first;
  do {
    const recordEnd = end + recordHeaderBytes + view.getUint32(end + 8, little);
    if (recordEnd - start > room) break;
    end = recordEnd;
    next++;
  } while (next < count && offsets[next] === end);
  return { count: next - first, end };
}
