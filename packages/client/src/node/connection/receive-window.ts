import type { WindowRange } from "./flow-windows.js";
import { FrameError } from "./frame-splitter.js";

/** The share of a window that is given back at once: seldom enough to cost nothing, and early enough not to stop the server. */
const refundedShare = 1 / 4;

/** The share of a window that may wait for a reader that keeps up, and how many times as wide its window becomes. */
const waitingShare = 1 / 4;
const widening = 4;

/**
 * A flow-control window as its receiver keeps it (RFC 9113, section 5.2): what the other end may send, and what it gets back.
 *
 * It begins narrow, and is widened by giving back more than was read, as long as the reader keeps up: then it is distance that needs it.
 * What a slow reader has not read waits in memory.
 */
export class ReceiveWindow {
  readonly #longestBytes: number;
  readonly #give: (bytes: number) => void;
  #range: WindowRange;
  /** How wide it is. */
  #bytes: number;
  /** What came and was not given back. */
  #outstandingBytes = 0;
  /** What of that may be given back. */
  #refundableBytes = 0;

  /**
   * @param range how wide it is, and may become
   * @param longestBytes how wide it may ever have been
   * @param give lets the other end send so many bytes more
   */
  constructor(range: WindowRange, longestBytes: number, give: (bytes: number) => void) {
    this.#range = range;
    this.#bytes = range.first;
    this.#longestBytes = longestBytes;
    this.#give = give;
  }

  /** Makes it wider or narrower by what the first window changes, as the other end does, and bounds it by the widest. */
  resize(range: WindowRange): void {
    this.#bytes += range.first - this.#range.first;
    this.#range = range;
    // In a narrower one the other end may be left with nothing, and wait for what was not yet worth giving back.
    this.refund(0);
  }

  /**
   * Counts what came.
   *
   * @throws FrameError if it was not allowed to
   */
  arrive(bytes: number): void {
    this.#outstandingBytes += bytes;
    if (this.#outstandingBytes > this.#longestBytes)
      throw new FrameError("the server sends more than its window lets it");
  }

  /** Gives back, at once or with what follows. */
  refund(bytes: number): void {
    this.#refundableBytes += bytes;
    const read = this.#refundableBytes;
    if (read === 0 || read < this.#bytes * refundedShare) return;
    const given = Math.max(0, read + this.#nextBytes - this.#bytes);
    this.#bytes += given - read;
    this.#outstandingBytes -= read;
    this.#refundableBytes = 0;
    if (given > 0) this.#give(given);
  }

  /** How wide it is to be from now on. */
  get #nextBytes(): number {
    const waitingBytes = this.#outstandingBytes - this.#refundableBytes;
    const keepsUp = waitingBytes <= this.#bytes * waitingShare;
    return Math.min(keepsUp ? this.#bytes * widening : this.#bytes, this.#range.widest);
  }
}
