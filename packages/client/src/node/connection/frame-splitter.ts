/** Bytes in front of each HTTP/2 frame: length (3), type, flags, stream (4). RFC 9113, section 4.1. */
const headerBytes = 9;
/** The longest payload that a server may send in a frame, as it is told in SETTINGS (RFC 9113, section 6.5.2). */
export const longestPayloadBytes = 1_048_576;

const dataType = 0x0;
const headersType = 0x1;
const rstStreamType = 0x3;
const endStreamFlag = 0x1;
const paddedFlag = 0x8;

/** Takes some of the payload, from `start` to before `end` in memory that is used again after the call. */
export type TakePayload = (buffer: Uint8Array, start: number, end: number) => void;

/** Takes the DATA of one stream. */
export interface DataReceiver {
  /** A frame begins that takes so many bytes of the flow-control windows: payload and padding. */
  takeFrame(bytes: number): void;
  readonly takePayload: TakePayload;
  /** So much of it is padding. */
  takePadding(bytes: number): void;
}

/** Bytes that no HTTP/2 connection may go on from. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/**
 * Takes the DATA frames of chosen streams out of what a server sends, and leaves all the rest as it is.
 *
 * The rest is still a valid connection: a stream whose DATA ends it leaves an empty DATA frame behind. What is not plainly right
 * (too long a frame, one after the stream's end) stays in the rest, for HTTP/2 proper to judge.
 */
export class FrameSplitter {
  readonly #passOn: (bytes: Uint8Array) => void;
  readonly #receivers = new Map<number, DataReceiver>();
  readonly #header = new Uint8Array(headerBytes);
  #headerFilled = 0;
  /** Bytes of the frame that are still to come, without its padding. */
  #left = 0;
  #padding = 0;
  /** Whether the next byte says how much padding there is. */
  #atPadLength = false;
  /** Who takes the frame, undefined for the rest. */
  #receiver: DataReceiver | undefined;

  /** @param passOn takes the rest, in any pieces */
  constructor(passOn: (bytes: Uint8Array) => void) {
    this.#passOn = passOn;
  }

  /** Takes DATA out of a stream, from its next frame on until its end. */
  divert(streamId: number, receiver: DataReceiver): void {
    this.#receivers.set(streamId, receiver);
  }

  /** Leaves a stream's DATA in the rest again, from its next frame on. */
  release(streamId: number): void {
    this.#receivers.delete(streamId);
  }

  /**
   * Takes the next bytes: the first `length` of a buffer that is the caller's again after the call.
   *
   * @throws FrameError
   */
  push(buffer: Uint8Array, length = buffer.length): void {
    let at = 0;
    while (at < length) {
      if (this.#headerFilled < headerBytes) {
        this.#header[this.#headerFilled++] = buffer[at++] as number; // at < length
        if (this.#headerFilled === headerBytes) this.#startFrame();
      } else if (this.#atPadLength) {
        this.#startPadding(buffer[at++] as number); // likewise
      } else if (this.#left > 0) {
        const end = Math.min(length, at + this.#left);
        this.#left -= end - at;
        if (this.#receiver) this.#receiver.takePayload(buffer, at, end);
        else this.#passOn(buffer.slice(at, end));
        at = end;
      } else {
        const skipped = Math.min(this.#padding, length - at);
        at += skipped;
        this.#padding -= skipped;
      }
      if (this.#headerFilled === headerBytes && !this.#atPadLength && this.#left + this.#padding === 0)
        this.#endFrame();
    }
  }

  #startFrame(): void {
    const [l2 = 0, l1 = 0, l0 = 0, type, flags = 0] = this.#header;
    this.#left = (l2 << 16) | (l1 << 8) | l0;
    const receiver = this.#receivers.get(this.#streamId);
    if (type === dataType && receiver && this.#left <= longestPayloadBytes) {
      this.#receiver = receiver;
      this.#atPadLength = (flags & paddedFlag) !== 0;
      receiver.takeFrame(this.#left);
      return;
    }
    if (type === rstStreamType || (type === headersType && (flags & endStreamFlag) !== 0))
      this.release(this.#streamId);
    this.#passOn(this.#header.slice());
  }

  #startPadding(padding: number): void {
    this.#atPadLength = false;
    this.#padding = padding;
    this.#left -= 1 + padding;
    if (this.#left < 0) throw new FrameError("a DATA frame is shorter than its padding");
    this.#receiver?.takePadding(1 + padding);
  }

  #endFrame(): void {
    this.#headerFilled = 0;
    if (this.#receiver === undefined) return;
    this.#receiver = undefined;
    if (((this.#header[4] as number) & endStreamFlag) === 0) return;
    this.release(this.#streamId);
    this.#passOn(Uint8Array.of(0, 0, 0, dataType, endStreamFlag, ...this.#header.subarray(5)));
  }

  get #streamId(): number {
    const [, , , , , i3 = 0, i2 = 0, i1 = 0, i0 = 0] = this.#header;
    return ((i3 & 0x7f) << 24) | (i2 << 16) | (i1 << 8) | i0;
  }
}
