import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { DataStream, StreamReader } from "./data-stream.js";
import { DataTurns } from "./data-turns.js";
import { endStreamFlag, type FrameHead, FrameScanner, frameType } from "./frame-scanner.js";
import { IncomingFrames } from "./incoming-frames.js";
import { FlowControlError } from "./send-windows.js";
import { WindowShare } from "./window-share.js";

/**
 * A TLS socket for node:http2 into which the DATA of chosen streams goes past it.
 *
 * Why: a sensor's processor belongs to capture, and for every 16 KiB that node:http2 sends it takes a turn through nghttp2, with copies
 * and memory of its own. Here packets go to TLS as the pipeline made them, with nine bytes in front. Everything else of HTTP/2 stays
 * node:http2's, which reads and writes through this stream: connections, header compression, settings, errors, PING, GOAWAY.
 *
 * Flow control is kept here, for both (`WindowShare`), so what node:http2 reads of it is rewritten (`IncomingFrames`). Between what it
 * writes go the frames of the streams that go past it (`DataTurns`).
 */
export class DataSocket extends Duplex {
  /** For node:http2, which asks which protocol it is to speak. */
  readonly alpnProtocol = "h2";
  readonly socket: TLSSocket;
  readonly #share = new WindowShare();
  readonly #incoming: IncomingFrames;
  readonly #outgoing: FrameScanner;
  readonly #turns: DataTurns;
  /**
   * Writes that the socket has not finished. DATA waits for all of them, so that TLS takes it in at once, and its memory is free even if
   * its stream ends before it has left. Besides, where a second write waits when the peer resets the connection, Node 20 never says that
   * it is gone (TLS stops reading while it writes, and the failed write is lost).
   */
  #writes = 0;
  /** Whether the peer has said its last. */
  #ended = false;
  #refilling: NodeJS.Immediate | undefined;

  /** @param first what the client has said already; the socket is paused */
  constructor(socket: TLSSocket, first: Buffer) {
    super({ allowHalfOpen: false });
    this.socket = socket;
    this.#incoming = new IncomingFrames(this.#share, {
      reset: (streamId) => this.#closed(streamId),
      flush: () => this.#passOn(),
    });
    this.#outgoing = new FrameScanner({
      begin: (head) => this.#beginOutgoing(head),
      payload: () => {},
      end: () => {},
    });
    this.#turns = new DataTurns(this.#share, {
      ready: () => this.#send(),
      write: (frames, written) => this.#writeAll(frames, written),
    });
    // As node:http2 does with a socket of its own.
    socket.setNoDelay();
    socket.disableRenegotiation();
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", (error) => this.destroy(error));
    socket.once("end", () => {
      this.#ended = true;
      this.push(null);
    });
    // At once, or Node's wrapper of this stream would end its side: a frame that node:http2 writes while it does (GOAWAY) fails an
    // assertion there, and that ends the process.
    this.once("end", () => this.destroy());
    socket.once("close", () => this.destroy());
    this.#read(first);
    socket.resume();
  }

  /**
   * Takes over the DATA of a stream, in the turn of the event loop in which node:http2 was given its HEADERS. Undefined: it is left to
   * node:http2.
   */
  open(streamId: number, reader: StreamReader): DataStream | undefined {
    return this.#share.isWide ? this.#turns.add(streamId, reader) : undefined;
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, callback: () => void): void {
    this.#writeNodes([bytes], callback);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], callback: () => void): void {
    this.#writeNodes(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: () => void): void {
    this.socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#refilling) clearImmediate(this.#refilling);
    this.#turns.endAll();
    this.socket.destroy();
    callback(error);
  }

  #read(bytes: Uint8Array): void {
    try {
      this.#incoming.push(bytes);
      if (this.#refilling === undefined) this.#incoming.refill();
      this.#passOn();
      this.#send();
    } catch (error) {
      if (!(error instanceof FlowControlError)) throw error;
      this.destroy(error);
    }
  }

  /** All of it at once: node:http2 takes a turn of the event loop for each piece that it answers. */
  #passOn(): void {
    const pieces = this.#incoming.takePieces();
    if (pieces.length === 0 || this.destroyed || this.#ended) return;
    if (!this.push(Buffer.concat(pieces))) this.socket.pause();
  }

  /** Sends what node:http2 writes. It writes whole frames, so that others fit between any two writes. */
  #writeNodes(chunks: readonly Uint8Array[], callback: () => void): void {
    for (const chunk of chunks) this.#outgoing.push(chunk);
    this.#writeAll(chunks, callback);
  }

  /** A frame of node:http2 is sent. */
  #beginOutgoing({ type, flags, streamId, length }: FrameHead): void {
    if (type === frameType.data && length > 0) {
      this.#share.spendNodes(streamId, length);
      this.#refillSoon();
    }
    if (type === frameType.headers) this.#turns.open(streamId);
    const mayEnd = type === frameType.data || type === frameType.headers;
    if (type === frameType.rstStream || (mayEnd && (flags & endStreamFlag) !== 0)) this.#closed(streamId);
  }

  /** Not while node:http2 writes. */
  #refillSoon(): void {
    this.#refilling ??= setImmediate(() => {
      this.#refilling = undefined;
      this.#incoming.refill();
      this.#passOn();
    });
  }

  #closed(streamId: number): void {
    this.#share.closed(streamId);
    this.#turns.end(streamId);
  }

  /** Sends DATA of the next stream that may send some. */
  #send(): void {
    if (this.#writes === 0 && !this.socket.destroyed) this.#turns.writeNext();
  }

  #writeAll(pieces: readonly Uint8Array[], callback: () => void): void {
    this.#writes++;
    const written = (): void => {
      this.#writes--;
      callback();
      this.#send();
    };
    // A connection that breaks says so itself, behind what came before: a write that fails by it must not say it first.
    if (this.socket.destroyed || pieces.length === 0) {
      written();
      return;
    }
    this.socket.cork();
    pieces.forEach((piece, i) => {
      this.socket.write(piece, i === pieces.length - 1 ? written : undefined);
    });
    this.socket.uncork();
  }
}
