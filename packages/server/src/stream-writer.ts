import type { Writable } from "node:stream";

/**
 * Writes to one HTTP/2 stream, one write after the other.
 *
 * Not more at a time, though that would be faster: where a second large write waits behind the first when the peer resets
 * the connection, Node 20 never says that it is gone (TLS stops reading while it writes, and the failed write is lost).
 */
export class StreamWriter {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #settle: (() => void) | undefined;

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#settle?.(), { once: true });
  }

  /**
   * Writes pieces that leave together. Resolves when they are written, and their memory is free again.
   *
   * Rejects with the signal's reason once the reader has left.
   */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    this.#signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#stream.cork();
      pieces.forEach((piece, i) => {
        this.#stream.write(piece, i === pieces.length - 1 ? () => resolve() : undefined);
      });
      this.#stream.uncork();
    });
    this.#signal.throwIfAborted();
  }
}
