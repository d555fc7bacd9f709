import type { CaptureHeader } from "./capture-header.js";
import { chunkRuns } from "./chunk-runs.js";
import { derive } from "./derive.js";
import type { RecordBatch } from "./record-batch.js";

/**
 * Writes the records as a pcap file in chunks of at most `maxChunkBytes`, cut between records; each is memory of its own.
 *
 * The first chunk starts with the file header, which stands alone when there is no record; so every prefix of the chunks is a valid
 * file. A record larger than the bound goes whole, in a chunk of its own. Batches must be in the format of `header` (`conformTo` sees to
 * it), or a TypeError is thrown. Throws a RangeError when `maxChunkBytes` is under 1.
 */
export function chunked(
  header: CaptureHeader,
  maxChunkBytes: number,
): (batches: AsyncIterable<RecordBatch>) => AsyncIterable<Uint8Array> {
  const inRuns = chunkRuns(header, maxChunkBytes);
  return (batches) =>
    derive(inRuns(batches), async function* (runs) {
      for await (const { bytes, ends } of runs) {
        let start = 0;
        for (const end of ends) {
          yield bytes.slice(start, end);
          start = end;
        }
      }
    });
}
