import { CaptureError } from "./capture-error.js";
import {
  type CaptureHeader,
  captureHeaderBytes,
  parseCaptureHeader,
  recordHeaderBytes,
} from "./capture-header.js";
import type { Framing, OpenUnit } from "./framing.js";
import { type RecordBatch, viewOf } from "./record-batch.js";
import { corruptLength } from "./unreadable.js";

/** Bytes that are fetched at once: many records, and less than the nearest cache of a processor holds. */
const fetchedBytes = 16_384;
const cacheLineBytes = 64;

/** Classic pcap: a file header, then records that stay where they lie. */
export class ClassicFraming implements Framing {
  header: CaptureHeader | undefined;
  failure: CaptureError | undefined;
  need = captureHeaderBytes;
  skip = 0;

  private readonly maxCapturedLength: number;
  /** One array for all chunks; it grows to the most records a chunk had. */
  private offsets = new Uint32Array(512);
  private count = 0;
  private packets = 0;
  private linesSum = 0;
  /** Where in the stream nothing but zeros begins, in place of a record. */
  private zerosAt: number | undefined;

  /** @param zerosEnd whether zeros in place of a record end the capture, as where a machine lost its power */
  constructor(
    maxCapturedLength: number,
    private readonly zerosEnd: boolean,
  ) {
    this.maxCapturedLength = maxCapturedLength;
  }

  get unit(): string {
    if (this.zerosAt !== undefined) return "record (there are only zeros)";
    return this.header === undefined ? "file header" : "record";
  }

  get openUnit(): OpenUnit | undefined {
    return this.zerosAt === undefined ? undefined : { streamOffset: this.zerosAt, length: recordHeaderBytes };
  }

  begin(): void {
    this.count = 0;
  }

  scan(bytes: Uint8Array, from: number, to: number, streamOffset: number): number {
    let at = from;
    if (this.zerosAt !== undefined) return this.passZeros(bytes, at, to, this.zerosAt);
    if (this.header === undefined) {
      if (to - at < captureHeaderBytes) {
        this.need = captureHeaderBytes;
        return at;
      }
      this.header = parseCaptureHeader(bytes, at);
      at += captureHeaderBytes;
    }
    const view = viewOf(bytes);
    const little = this.header.byteOrder === "little";
    const maxCapturedLength = this.maxCapturedLength;
    let { offsets, count } = this;
    let need = recordHeaderBytes;
    let fetched = at;
    while (to - at >= recordHeaderBytes) {
      if (at >= fetched) {
        fetched = Math.min(to, at + fetchedBytes);
        this.linesSum = readLines(bytes, at, fetched, this.linesSum);
      }
      const capturedLength = view.getUint32(at + 8, little);
      if (
        this.zerosEnd &&
        capturedLength === 0 &&
        view.getUint32(at) === 0 &&
        isZeros(bytes, at, at + recordHeaderBytes)
      ) {
        this.zerosAt = streamOffset + at;
        at = this.passZeros(bytes, at, to, this.zerosAt);
        break;
      }
      if (capturedLength > maxCapturedLength) {
        const packet = this.packets + count + 1;
        this.failure = corruptLength(streamOffset + at, packet, capturedLength, maxCapturedLength);
        break;
      }
      const size = recordHeaderBytes + capturedLength;
      if (to - at < size) {
        need = size;
        break;
      }
      if (count === offsets.length) {
        const larger = new Uint32Array(count * 2);
        larger.set(offsets);
        this.offsets = offsets = larger;
      }
      offsets[count++] = at;
      at += size;
    }
    this.count = count;
    this.need = need;
    return at;
  }

  takeCarried(bytes: Uint8Array): RecordBatch | undefined {
    // The chunk's records follow in the same push, so this one cannot share the array.
    const offsets = this.offsets.slice(0, this.count);
    return this.batch(bytes, offsets);
  }

  take(bytes: Uint8Array): RecordBatch | undefined {
    return this.batch(bytes, this.offsets);
  }

  end(): void {
    // Its header waits for no packet.
  }

  /**
   * What was not on disk when a machine lost its power. As an empty packet of 1970 each sixteen zeros would be a record; whatever is
   * behind them can't be found.
   */
  private passZeros(bytes: Uint8Array, from: number, to: number, zerosAt: number): number {
    if (!isZeros(bytes, from, to)) {
      const message = `corrupt record at byte ${zerosAt}: zeros, and then something else`;
      this.failure = new CaptureError("corrupt", zerosAt, message);
    }
    return to;
  }

  private batch(bytes: Uint8Array, offsets: Uint32Array): RecordBatch | undefined {
    const { header, count } = this;
    this.count = 0;
    this.packets += count;
    return header === undefined || count === 0 ? undefined : { header, bytes, offsets, count };
  }
}

/**
 * Reads a byte of each cache line, so that the processor fetches many at once. From record to record it can't, since only a record tells where
 * the next one lies, and it would wait for each. Gives a number that depends on them all, or the compiler would leave the reads out.
 */
function readLines(bytes: Uint8Array, from: number, to: number, before: number): number {
  let sum = before;
  for (let at = from; at < to; at += cacheLineBytes) sum ^= bytes[at] as number; // at < to
  return sum;
}

function isZeros(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
