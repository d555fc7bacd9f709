import type { Writable } from "node:stream";

/** Messages up to this size are copied together: a write of its own costs a small one more than its copy. */
const gatheredMessageBytes = 16 * 1024;
const gatheringBytes = 64 * 1024;

/**
 * Writes to one HTTP/2 stream, one write after the other.
 *
 * Not more at a time, though that would be faster: where a second large write waits behind the first when the peer resets
 * the connection, Node 20 never says that it is gone (TLS stops reading while it writes, and the failed write is lost).
 */
export class SendQueue {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #writing = false;
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
   * Sends a message in two pieces, whose memory is free again when this is done. Small ones leave together, at the end of the turn
   * at the latest.
   *
   * @returns undefined, or a promise while it has to wait
   * @throws the signal's reason once the reader has left
   */
  send(prefix: Uint8Array, payload: Uint8Array): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    if (this.#writing) return this.#written().then(() => this.#put(prefix, payload));
    return this.#put(prefix, payload);
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.#gathered !== undefined) this.#write(this.#takeGathered());
  }

  #put(prefix: Uint8Array, payload: Uint8Array): Promise<void> | undefined {
    const bytes = prefix.length + payload.length;
    if (bytes > gatheredMessageBytes) {
      this.#write([...this.#takeGathered(), prefix, payload]);
    } else {
      if (this.#gatheredBytes + bytes > gatheringBytes) this.flush();
      this.#gather(prefix);
      this.#gather(payload);
    }
    return this.#writing ? this.#written() : undefined;
  }

  #gather(piece: Uint8Array): void {
    if (this.#gathered === undefined) {
      this.#gathered = Buffer.allocUnsafeSlow(gatheringBytes);
      this.#flushSoon();
    }
    this.#gathered.set(piece, this.#gatheredBytes);
    this.#gatheredBytes += piece.length;
  }

  #takeGathered(): Uint8Array[] {
    if (this.#gathered === undefined) return [];
    const gathered = this.#gathered.subarray(0, this.#gatheredBytes);
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    return [gathered];
  }

  #flushSoon(): void {
    setImmediate(() => {
      if (!this.#writing) this.flush();
    });
  }

  /** Writes pieces that leave together. */
  #write(pieces: readonly Uint8Array[]): void {
    this.#writing = true;
    this.#stream.cork();
    for (const piece of pieces.slice(0, -1)) this.#stream.write(piece);
    this.#stream.write(pieces.at(-1), () => {
      this.#writing = false;
      if (this.#gathered !== undefined) this.#flushSoon();
      this.#resume?.();
    });
    this.#stream.uncork();
  }

  async #written(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
    this.#signal.throwIfAborted();
  }
}
