import type { Writable } from "node:stream";
import type { StreamReader } from "./http2/data-stream.js";

/** What node:http2 is given at a time, and keeps until its reader has taken it: a message of 256 KiB, and what stands before it. */
const mostWrittenBytes = 272 * 1024;

/**
 * Writes to one HTTP/2 stream, one write after the other.
 *
 * Not more at a time, though that would be faster: where a second large write waits behind the first when the peer resets
 * the connection, Node 20 never says that it is gone (TLS stops reading while it writes, and the failed write is lost).
 */
export class StreamWriter {
  readonly #stream: Writable;
  readonly #reader: Pick<StreamReader, "signal" | "took">;
  #settle: (() => void) | undefined;

  constructor(stream: Writable, reader: Pick<StreamReader, "signal" | "took">) {
    this.#stream = stream;
    this.#reader = reader;
    reader.signal.addEventListener("abort", () => this.#settle?.(), { once: true });
  }

  /**
   * Writes pieces that belong together. Resolves when they are written, and their memory is free again.
   *
   * Rejects with the signal's reason once the reader has left.
   */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    this.#reader.signal.throwIfAborted();
    for (const part of partsOf(pieces)) {
      await this.#writeAtOnce(part);
      this.#reader.signal.throwIfAborted();
      this.#reader.took(part.reduce((sum, { length }) => sum + length, 0));
    }
  }

  #writeAtOnce(pieces: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#stream.cork();
      pieces.forEach((piece, i) => {
        this.#stream.write(piece, i === pieces.length - 1 ? () => resolve() : undefined);
      });
      this.#stream.uncork();
    });
  }
}

/** The pieces, cut into parts of at most `mostWrittenBytes`. */
function* partsOf(pieces: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let part: Uint8Array[] = [];
  let room = mostWrittenBytes;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const cut = piece.subarray(at, at + room);
      part.push(cut);
      at += cut.length;
      room -= cut.length;
      if (room > 0) continue;
      yield part;
      part = [];
      room = mostWrittenBytes;
    }
  }
  if (part.length > 0) yield part;
}
