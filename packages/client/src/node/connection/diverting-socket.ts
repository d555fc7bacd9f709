import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { sharedWindow, type WindowLimits, type WindowRange } from "./flow-windows.js";
import { FrameError, FrameSplitter, type TakePayload } from "./frame-splitter.js";
import { Lull } from "./lull.js";
import { ReceiveWindow } from "./receive-window.js";

/** Node gives out TLS records, which have at most 16 KiB. */
const readBytes = 65_536;

const windowUpdateType = 0x8;

/** How a socket reads: into one buffer that is used again. As node:net's `onread`. */
export interface OnRead {
  readonly buffer: Uint8Array;
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/** The DATA of one stream on its way past node:http2. */
export interface Diversion {
  /** Says that so many bytes of payload have been read, for which the server may send others. */
  refund(bytes: number): void;
  /** Has this called when nothing more comes on the connection for now, soon in any case. */
  atLull(told: () => void): void;
  /** Leaves what still comes to node:http2. */
  end(): void;
}

/**
 * A TLS socket for node:http2 that keeps the DATA of chosen streams to itself.
 *
 * Why: Node's HTTP/2 allocates memory for every read from the socket, and receiving through it takes more than twice the processor time
 * of TLS alone. Here DATA is copied once, out of a buffer that is used again. Everything else of HTTP/2 stays node:http2's, which reads and
 * writes through this stream: connections, header compression, settings, errors, PING, GOAWAY. It never sees the DATA, and so does not
 * count it either; the windows it has opened are kept open here, with WINDOW_UPDATE frames between its own.
 */
export class DivertingSocket extends Duplex {
  readonly socket: TLSSocket;
  readonly #limits: WindowLimits;
  readonly #connectionWindow: ReceiveWindow;
  readonly #streamWindows = new Set<ReceiveWindow>();
  #streamWindow: WindowRange;
  readonly #splitter = new FrameSplitter((bytes) => this.#passOn(bytes));
  /** Whether the server's certificate was found good. */
  #secured = false;
  /** A write that waits for that. */
  #heldWrite: (() => void) | undefined;
  /** Whether node:http2 takes more of the rest. */
  #wanted = true;
  readonly #lull = new Lull();

  /**
   * @param openSocket opens the connection, reading as it is told
   * @param limits the widest windows that node:http2 is told to open
   */
  constructor(openSocket: (onread: OnRead) => TLSSocket, limits: WindowLimits) {
    super({ allowHalfOpen: false }); // as sockets are
    this.#limits = limits;
    this.#streamWindow = sharedWindow(1, limits);
    const bytes = limits.connectionWindowBytes;
    this.#connectionWindow = new ReceiveWindow({ first: bytes, widest: bytes }, bytes, (given) =>
      this.#sendWindowUpdate(0, given),
    );
    this.socket = openSocket({
      buffer: new Uint8Array(readBytes),
      callback: (bytes, buffer) => this.#take(buffer, bytes),
    });
    this.socket.once("secureConnect", () => {
      this.#secured = true;
      this.#heldWrite?.();
    });
    this.socket.on("error", (error) => this.destroy(error));
    this.socket.once("end", () => this.push(null));
    // At once, or Node's wrapper of this stream would end its side: a frame that node:http2 writes while it does (GOAWAY, where
    // the client is closed then) fails an assertion there, and that ends the process.
    this.once("end", () => this.destroy());
    this.socket.once("close", () => {
      // node:http2 may still have to read what came before.
      if (!this.socket.readableEnded) this.destroy();
    });
  }

  /** The window of each stream from now on; node:http2 has told the server the first one. */
  set streamWindow(range: WindowRange) {
    this.#streamWindow = range;
    for (const window of this.#streamWindows) window.resize(range);
  }

  /** Takes the DATA of a stream out, from its first frame on. */
  divert(streamId: number, take: TakePayload): Diversion {
    let open = true;
    const window = new ReceiveWindow(this.#streamWindow, this.#limits.streamWindowBytes, (bytes) =>
      this.#sendWindowUpdate(streamId, bytes),
    );
    this.#streamWindows.add(window);
    this.#splitter.divert(streamId, {
      takeFrame: (bytes) => {
        window.arrive(bytes);
        // The connection's window is given back at once: those of the streams bound what waits.
        this.#connectionWindow.arrive(bytes);
        this.#connectionWindow.refund(bytes);
      },
      takePayload: (buffer, start, end) => {
        if (open) take(buffer, start, end);
      },
      takePadding: (bytes) => window.refund(bytes),
    });
    return {
      refund: (bytes) => {
        if (open) window.refund(bytes);
      },
      atLull: (told) => this.#lull.wait(told),
      end: () => {
        open = false;
        this.#streamWindows.delete(window);
        this.#splitter.release(streamId);
      },
    };
  }

  override _read(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.socket.resume();
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, callback: () => void): void {
    if (this.#secured) this.#send(bytes, callback);
    else this.#heldWrite = () => this.#send(bytes, callback);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], callback: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "binary", callback);
  }

  override _final(callback: () => void): void {
    this.socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.socket.destroy();
    callback(error);
  }

  #send(bytes: Uint8Array, callback: () => void): void {
    // A connection that breaks says so itself, behind what came before: a write that fails by it must not say it first.
    if (this.socket.destroyed) callback();
    else this.socket.write(bytes, () => callback());
  }

  /** Takes what was read, and says whether to go on reading. */
  #take(buffer: Uint8Array, bytes: number): boolean {
    this.#lull.notice();
    try {
      this.#splitter.push(buffer, bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.destroy(error);
    }
    return this.#wanted;
  }

  #passOn(bytes: Uint8Array): void {
    if (this.destroyed) return;
    if (!this.push(bytes)) this.#wanted = false;
  }

  /** node:http2 writes whole frames, so that another one fits between any two of its writes. */
  #sendWindowUpdate(streamId: number, bytes: number): void {
    if (this.socket.destroyed || this.writableEnded) return;
    const frame = new DataView(new ArrayBuffer(13));
    frame.setUint8(2, 4);
    frame.setUint8(3, windowUpdateType);
    frame.setUint32(5, streamId);
    frame.setUint32(9, bytes);
    this.socket.write(new Uint8Array(frame.buffer));
  }
}
