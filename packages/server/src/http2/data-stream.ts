import { frameHeaderBytes, frameType, writeFrameHead } from "./frame-scanner.js";

/** Pieces below this size are copied together: a write of its own costs a small one more than its copy. */
const smallPieceBytes = 32 * 1024;

/** What a stream asks of its connection. */
export interface StreamCarrier {
  /** Something is to be sent on the stream. */
  ready(stream: DataStream): void;
  /** Nothing more is. */
  forget(stream: DataStream): void;
}

/** Who reads a stream. */
export interface StreamReader {
  /** Aborted when the reader has left. */
  readonly signal: AbortSignal;
  /** Called when it has taken so many bytes of what was written. */
  took(bytes: number): void;
  /** Called when the stream ends, at latest; it aborts the signal. */
  leave(): void;
}

/** The DATA of one HTTP/2 stream that is sent past node:http2: one run of pieces after the other. */
export class DataStream {
  readonly id: number;
  readonly #carrier: StreamCarrier;
  readonly #reader: StreamReader;
  /** What is to be sent, from `#at` in the first piece on. */
  #pieces: Uint8Array[] = [];
  #at = 0;
  #left = 0;
  /** Memory for frame headers and small pieces, used again. */
  #slab = new Uint8Array(0);
  #settle: () => void = () => {};
  #ended = false;

  constructor(id: number, carrier: StreamCarrier, reader: StreamReader) {
    this.id = id;
    this.#carrier = carrier;
    this.#reader = reader;
    reader.signal.addEventListener("abort", () => this.end(), { once: true });
  }

  /** Bytes that are still to be sent. */
  get left(): number {
    return this.#left;
  }

  /**
   * Sends pieces that belong together. Resolves when they are sent, and their memory is free again.
   *
   * Rejects with the signal's reason once the reader has left.
   */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    this.#reader.signal.throwIfAborted();
    this.#pieces = [...pieces];
    this.#at = 0;
    this.#left = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#left === 0) return;
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#carrier.ready(this);
    });
    this.#reader.signal.throwIfAborted();
  }

  /** What was taken, so many bytes, is sent. */
  sent(bytes: number): void {
    if (this.#ended) return;
    this.#reader.took(bytes);
    if (this.#left === 0) this.#settle();
  }

  /** Nothing more is sent, not even of what waits. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pieces = [];
    this.#left = 0;
    this.#carrier.forget(this);
    this.#reader.leave();
    this.#settle();
  }

  /**
   * Takes the next so many bytes, at most `left`, in frames of at most `frameBytes`. What is given back is to be written before the next
   * are taken, in this order: large pieces are not copied, and the memory of the others is used again.
   */
  takeFrames(bytes: number, frameBytes: number): readonly Uint8Array[] {
    const writes: Uint8Array[] = [];
    const slab = this.#reserve(bytes + frameHeaderBytes * Math.ceil(bytes / frameBytes));
    let from = 0;
    let filled = 0;
    const flush = (): void => {
      if (from < filled) writes.push(slab.subarray(from, filled));
      from = filled;
    };
    for (let left = bytes; left > 0; ) {
      const length = Math.min(left, frameBytes);
      writeFrameHead(slab, filled, { type: frameType.data, streamId: this.id, length });
      filled += frameHeaderBytes;
      for (let rest = length; rest > 0; ) {
        const piece = this.#takePiece(rest);
        rest -= piece.length;
        if (piece.length < smallPieceBytes) {
          slab.set(piece, filled);
          filled += piece.length;
        } else {
          flush();
          writes.push(piece);
        }
      }
      left -= length;
    }
    flush();
    return writes;
  }

  /** As much of the first piece as there is, at most so many bytes. */
  #takePiece(bytes: number): Uint8Array {
    const first = this.#pieces[0] as Uint8Array; // the caller takes at most what is left
    const end = Math.min(first.length, this.#at + bytes);
    const piece = first.subarray(this.#at, end);
    this.#at = end;
    if (end === first.length) {
      this.#pieces.shift();
      this.#at = 0;
    }
    this.#left -= piece.length;
    return piece;
  }

  #reserve(bytes: number): Uint8Array {
    if (this.#slab.length < bytes) this.#slab = new Uint8Array(bytes);
    return this.#slab;
  }
}
