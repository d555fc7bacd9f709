import type { Writable } from "node:stream";

/**
 * Bytes that may wait in the stream before its sender has to.
 *
 * Not more, though more would be faster: where a second large write waits behind the first when the peer resets the
 * connection, Node 20 never says that it is gone (TLS stops reading while it writes, and the failed write is lost).
 */
const highWaterBytes = 16 * 1024;
const lowWaterBytes = highWaterBytes / 2;

/** Messages up to this size are gathered: a write of their own costs more than their copy. */
const smallMessageBytes = 4 * 1024;
const gatheringBytes = 64 * 1024;

/** Writes to one HTTP/2 stream, with a bound on what waits there. */
export class SendQueue {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #waitingBytes = 0;
  #resume: (() => void) | undefined;
  /** Small messages that were not written yet, one behind the other. */
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
  }

  /**
   * Sends a message in two pieces. Small ones are copied, and leave together at the end of the turn at the latest; the
   * pieces of others belong to the stream until it has sent them.
   *
   * @returns undefined, or a promise while too much is waiting
   * @throws the signal's reason once the reader has left
   */
  send(prefix: Uint8Array, payload: Uint8Array): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    const bytes = prefix.length + payload.length;
    if (bytes <= smallMessageBytes) {
      this.#gather(prefix, payload);
    } else {
      this.flush();
      this.#write([prefix, payload]);
    }
    return this.#waitingBytes > highWaterBytes ? this.#room() : undefined;
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.#gathered === undefined) return;
    const gathered = this.#gathered.subarray(0, this.#gatheredBytes);
    this.#gathered = undefined;
    this.#write([gathered]);
  }

  #gather(prefix: Uint8Array, payload: Uint8Array): void {
    if (this.#gatheredBytes + prefix.length + payload.length > gatheringBytes) this.flush();
    if (this.#gathered === undefined) {
      this.#gathered = Buffer.allocUnsafeSlow(gatheringBytes);
      this.#gatheredBytes = 0;
      setImmediate(() => this.flush());
    }
    this.#gathered.set(prefix, this.#gatheredBytes);
    this.#gathered.set(payload, this.#gatheredBytes + prefix.length);
    this.#gatheredBytes += prefix.length + payload.length;
  }

  #write(pieces: readonly Uint8Array[]): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#waitingBytes += bytes;
    this.#stream.cork();
    for (const piece of pieces.slice(0, -1)) this.#stream.write(piece);
    this.#stream.write(pieces.at(-1), () => this.#sent(bytes));
    this.#stream.uncork();
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
