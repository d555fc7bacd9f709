import { FrameError } from "./frame-splitter.js";

/** The share of a window that is given back at once: seldom enough to cost nothing, and early enough not to stop the server. */
const refundedShare = 1 / 4;

/** A flow-control window as its receiver keeps it (RFC 9113, section 5.2): what the other end may send, and what it gets back. */
export class ReceiveWindow {
  readonly #longestBytes: number;
  readonly #give: (bytes: number) => void;
  #bytes: number;
  /** What came and was not given back. */
  #outstandingBytes = 0;
  /** What of that may be given back. */
  #refundableBytes = 0;

  /**
   * @param bytes how wide it is
   * @param longestBytes how wide it may ever have been
   * @param give lets the other end send so many bytes more
   */
  constructor(bytes: number, longestBytes: number, give: (bytes: number) => void) {
    this.#bytes = bytes;
    this.#longestBytes = longestBytes;
    this.#give = give;
  }

  /** Makes it so wide. */
  resize(bytes: number): void {
    this.#bytes = bytes;
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
    if (this.#refundableBytes === 0 || this.#refundableBytes < this.#bytes * refundedShare) return;
    this.#give(this.#refundableBytes);
    this.#outstandingBytes -= this.#refundableBytes;
    this.#refundableBytes = 0;
  }
}
