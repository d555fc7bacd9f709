import type { ServerHttp2Stream } from "node:http2";

/**
 * Bytes that may wait in the stream before its sender has to: one message of the usual size, or some small ones.
 *
 * Not more, though more would be faster: where a second large write waits behind the first when the peer resets the
 * connection, Node 20 never says that it is gone (TLS stops reading while it writes, and the failed write is lost).
 */
const highWaterBytes = 16 * 1024;
const lowWaterBytes = highWaterBytes / 2;

/** Writes to one HTTP/2 stream, with a bound on what waits there. */
export class SendQueue {
  readonly #stream: ServerHttp2Stream;
  readonly #signal: AbortSignal;
  #waitingBytes = 0;
  #resume: (() => void) | undefined;

  constructor(stream: ServerHttp2Stream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
  }

  /**
   * Writes a message in two pieces that leave together. The pieces belong to the stream until it has sent them.
   *
   * @returns undefined, or a promise while too much is waiting
   * @throws the signal's reason once the reader has left
   */
  send(prefix: Uint8Array, payload: Uint8Array): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    const bytes = prefix.length + payload.length;
    this.#waitingBytes += bytes;
    this.#stream.cork();
    this.#stream.write(prefix);
    this.#stream.write(payload, () => this.#sent(bytes));
    this.#stream.uncork();
    return this.#waitingBytes > highWaterBytes ? this.#room() : undefined;
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
    this.#signal.throwIfAborted();
  }

  #sent(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.#waitingBytes <= lowWaterBytes) this.#resume?.();
  }
}
