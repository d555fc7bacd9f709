import { CaptureError } from "./capture-error.js";
import {
  type CaptureHeader,
  captureHeaderBytes,
  maximumSnaplen,
  startsClassicPcap,
} from "./capture-header.js";
import { ClassicFraming } from "./classic-framing.js";
import type { Framing } from "./framing.js";
import { PcapngFraming, startsPcapng } from "./pcapng-framing.js";
import type { RecordBatch } from "./record-batch.js";
import { unknownFormat } from "./unreadable.js";

/** A record or block that the stream's end cut. */
export interface CutTail {
  /** Where it starts, in bytes from the start of the stream. */
  readonly byteOffset: number;
  /** Bytes of it that are there. */
  readonly have: number;
  /** Bytes it needs, as far as they tell: 16 when not even its own header is whole. */
  readonly need: number;
}

export interface DecodeOptions {
  /** The largest capture length believed, in bytes; checked before anything is allocated. Default 262144, as libpcap's. */
  maxCapturedLength?: number;
  /**
   * Takes the report of a cut last record instead of a CaptureError "truncated": for a file that is still being written. Zeros up to the
   * end, which a machine that lost its power leaves, are such a record, too.
   */
  onCutTail?: (tail: CutTail) => void;
}

/** Enough to tell the formats apart. */
const magicBytes = 4;

/**
 * Cuts a pcap or pcapng stream into records as its bytes come; which of the two, its first bytes tell.
 *
 * A record that straddles chunks is assembled in a buffer of its own, all others stay where they lie: the batches of a `push` are views
 * of that chunk and of the decoder's memory, good until the next `push`. pcapng is rewritten to classic records, little-endian with
 * nanoseconds. Memory is bounded by the largest chunk and the largest record, however long the stream is.
 */
export class CaptureDecoder {
  private readonly maxCapturedLength: number;
  private readonly onCutTail: ((tail: CutTail) => void) | undefined;
  private framing: Framing | undefined;
  private pendingFailure: CaptureError | undefined;
  private ended = false;

  /** Stream offset of the next byte pushed. */
  private received = 0;
  /** Bytes still to be thrown away. */
  private skip = 0;
  /** The beginning of a unit that straddles chunks. */
  private carry = new Uint8Array(0);
  private carried = 0;
  /** Where an already delivered record lies while the next one is collected in `carry`. */
  private spareCarry = new Uint8Array(0);
  private need = magicBytes;

  constructor(options: DecodeOptions = {}) {
    const { maxCapturedLength = maximumSnaplen, onCutTail } = options;
    // Twice over, with room for block headers, so that sums stay within 32 bits.
    if (!Number.isInteger(maxCapturedLength) || maxCapturedLength < 0 || maxCapturedLength > 2 ** 30)
      throw new RangeError(`maxCapturedLength ${maxCapturedLength} is not in 0..${2 ** 30}`);
    this.maxCapturedLength = maxCapturedLength;
    this.onCutTail = onCutTail;
  }

  /** Known as soon as the file header, or in pcapng the first packet, is there; of pcapng without packets, at its end. */
  get header(): CaptureHeader | undefined {
    return this.framing?.header;
  }

  /** The error that the next `push` or `end` throws: set when the records before the damage are in the batches just returned. */
  get failure(): CaptureError | undefined {
    return this.pendingFailure;
  }

  /** Takes the next bytes of the stream and gives the records they complete. Throws a CaptureError when it cannot read on. */
  push(chunk: Uint8Array): readonly RecordBatch[] {
    if (this.ended) throw new Error("push() after end()");
    if (this.pendingFailure !== undefined) throw this.pendingFailure;
    const bytes = plainView(chunk);
    const batches: RecordBatch[] = [];
    this.framing?.begin();
    try {
      this.consume(bytes, batches);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.pendingFailure = error;
    }
    this.received += bytes.length;
    const batch = this.framing?.take(bytes);
    if (batch !== undefined) batches.push(batch);
    if (this.pendingFailure !== undefined && batches.length === 0) throw this.pendingFailure;
    return batches;
  }

  /** Says that the stream has ended. Throws a CaptureError "empty", "truncated" (unless `onCutTail` takes it) or what `failure` holds. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.pendingFailure !== undefined) throw this.pendingFailure;
    if (this.received === 0)
      throw new CaptureError("empty", 0, "empty capture: the stream ended before its first byte");
    this.framing?.end();
    const open = this.framing?.openUnit;
    if (open !== undefined) {
      this.reportCutTail(open.streamOffset, this.received - open.streamOffset, open.length);
    } else if (this.carried > 0) {
      const need = this.framing === undefined ? captureHeaderBytes : this.need;
      this.reportCutTail(this.received - this.carried, this.carried, need);
    }
    if (this.header === undefined)
      throw new CaptureError(
        "empty",
        this.received,
        `pcapng without an interface: the stream ended after ${this.received} bytes`,
      );
  }

  private reportCutTail(byteOffset: number, have: number, need: number): void {
    // Without a header there is no capture that could end early.
    if (this.onCutTail !== undefined && this.header !== undefined) {
      this.onCutTail({ byteOffset, have, need });
      return;
    }
    const unit = this.framing?.unit ?? "file header";
    throw new CaptureError(
      "truncated",
      byteOffset,
      `truncated ${unit} at byte ${byteOffset}: needs ${need} bytes, stream ended after ${have}`,
    );
  }

  private consume(bytes: Uint8Array, batches: RecordBatch[]): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, bytes.length - at);
        this.skip -= step;
        at += step;
      } else if (this.carried > 0) {
        at += this.fillCarry(bytes, at);
        if (this.carried === this.need) this.scanCarry(this.received + at - this.carried, batches);
      } else {
        const stop = this.scan(bytes, at, bytes.length, this.received);
        if (this.skip === 0) {
          this.startCarry(bytes, stop);
          return;
        }
        at = stop;
      }
    }
  }

  /** Adds to the carry what its unit is known to need, and returns how much that was. */
  private fillCarry(bytes: Uint8Array, at: number): number {
    const step = Math.min(this.need - this.carried, bytes.length - at);
    const size = this.carried + step;
    if (size > this.carry.length) {
      // Grown by what has come, not by what a length field says will come.
      const larger = new Uint8Array(Math.min(this.need, Math.max(size, this.carry.length * 2)));
      larger.set(this.carry.subarray(0, this.carried));
      this.carry = larger;
    }
    this.carry.set(bytes.subarray(at, at + step), this.carried);
    this.carried = size;
    return step;
  }

  private scanCarry(streamOffset: number, batches: RecordBatch[]): void {
    const size = this.carried;
    const stop = this.scan(this.carry, 0, size, streamOffset);
    if (stop < size) return; // its beginning was read, and needs more
    this.carried = 0;
    const batch = this.framing?.takeCarried(this.carry.subarray(0, size));
    if (batch === undefined) return;
    batches.push(batch);
    [this.carry, this.spareCarry] = [this.spareCarry, this.carry];
  }

  private startCarry(bytes: Uint8Array, from: number): void {
    if (from === bytes.length) return;
    this.carried = 0;
    // The tail is shorter than what its unit needs, or the scan would have taken it.
    this.fillCarry(bytes, from);
  }

  private scan(bytes: Uint8Array, from: number, to: number, streamOffset: number): number {
    if (this.framing === undefined) {
      if (to - from < magicBytes) return from;
      this.framing = this.recognize(bytes, from);
    }
    const { framing } = this;
    const stop = framing.scan(bytes, from, to, streamOffset);
    this.need = framing.need;
    this.skip = framing.skip;
    framing.skip = 0;
    if (framing.failure !== undefined) throw framing.failure;
    return stop;
  }

  private recognize(bytes: Uint8Array, at: number): Framing {
    if (startsClassicPcap(bytes, at))
      return new ClassicFraming(this.maxCapturedLength, this.onCutTail !== undefined);
    if (startsPcapng(bytes, at)) return new PcapngFraming(this.maxCapturedLength);
    throw unknownFormat(bytes.subarray(at));
  }
}

/** The same memory as a plain Uint8Array: a Node Buffer's `slice` and `subarray` mean other things and cost more. */
function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
