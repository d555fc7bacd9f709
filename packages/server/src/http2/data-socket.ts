import type { Http2SecureServer, Http2Session } from "node:http2";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DataStream, type StreamCarrier, type StreamReader } from "./data-stream.js";
import {
  ackFlag,
  endStreamFlag,
  type FrameHead,
  FrameScanner,
  frameHeaderBytes,
  frameType,
  writeFrameHead,
} from "./frame-scanner.js";
import { FlowControlError, SendWindows } from "./send-windows.js";

/** The magic with which a client begins (RFC 9113, section 3.4). */
const prefaceBytes = 24;
const windowUpdateBytes = 4;
/** The longest SETTINGS that is read, as by node:http2. */
const longestSettingsBytes = 16_384;

/** The longest frames of packets. Other streams, and node:http2's own frames, come between two of them. */
const longestFrameBytes = 1_048_576;

/** Bytes of one stream that are written together, behind which other streams wait. */
const mostWrittenBytes = 1_048_576;

/** A frame of node:http2 that may not be sent yet. */
interface HeldFrame {
  readonly head: FrameHead;
  readonly pieces: Uint8Array[];
}

interface PastStream {
  readonly stream: DataStream;
  /** Whether HEADERS are sent. */
  isOpen: boolean;
  /** Whether node:http2 got a byte for its window: with none it would not end the stream, either. */
  hasWindow: boolean;
}

/**
 * A TLS socket for node:http2 into which the DATA of chosen streams goes past it.
 *
 * Why: a sensor's processor belongs to capture, and for every 16 KiB that node:http2 sends it takes a turn through nghttp2, with copies
 * and memory of its own. Here packets go to TLS as the pipeline made them, with nine bytes in front. Everything else of HTTP/2 stays
 * node:http2's, which reads and writes through this stream: connections, header compression, settings, errors, PING, GOAWAY.
 *
 * Flow control (RFC 9113, section 5.2) is kept here, for both: what the peer says of a stream that goes past node:http2 is taken out of
 * what node:http2 reads; the connection's window is taken out always, and node:http2 gets back of it what its own DATA took. So it
 * always believes in the 64 KiB that a connection begins with, and DATA that it sends beyond what there really is waits here, with all
 * that it sends on streams behind that, since header compression wants its order.
 */
export class DataSocket extends Duplex implements StreamCarrier {
  /** For node:http2, which asks which protocol it is to speak. */
  readonly alpnProtocol = "h2";
  readonly socket: TLSSocket;
  readonly #windows = new SendWindows();
  /** Streams that go past node:http2. */
  readonly #streams = new Map<number, PastStream>();
  /** Those that have something to send, the next one first. */
  readonly #ready = new Set<DataStream>();
  /**
   * Writes that the socket has not finished. DATA waits for all of them, so that TLS takes it in at once, and its memory is free even if
   * its stream ends before it has left. Besides, where a second write waits when the peer resets the connection, Node 20 never says that
   * it is gone (TLS stops reading while it writes, and the failed write is lost).
   */
  #writes = 0;
  readonly #incoming: FrameScanner;
  #prefaceLeft = prefaceBytes;
  /** What node:http2 is to read of the bytes that are looked at. */
  #passedOn: Uint8Array[] = [];
  /** Whether the peer has said its last. */
  #ended = false;
  /** A frame that is read whole before it is passed on, and how much of it there is. */
  #whole: Uint8Array | undefined;
  #wholeFilled = 0;
  readonly #outgoing: FrameScanner;
  /** Frames of node:http2 that can go, in the write that is looked at, and those that have to wait. */
  #passing: Uint8Array[] = [];
  readonly #held: HeldFrame[] = [];
  #holding = false;
  /** What node:http2 is to get back of the connection's window. */
  #owedBytes = 0;
  #repaying: NodeJS.Immediate | undefined;

  constructor(socket: TLSSocket) {
    super({ allowHalfOpen: false });
    this.socket = socket;
    this.#incoming = new FrameScanner({
      begin: (head, header) => this.#beginIncoming(head, header),
      payload: (bytes, start, end) => this.#takeIncoming(bytes.subarray(start, end)),
      end: (head) => this.#endIncoming(head),
    });
    this.#outgoing = new FrameScanner({
      begin: (head, header) => this.#beginOutgoing(head, header),
      payload: (bytes, start, end) => this.#takeOutgoing(bytes.subarray(start, end)),
      end: () => {},
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
  }

  /** Takes over the DATA of a stream, in the turn of the event loop in which node:http2 was given its HEADERS. */
  open(streamId: number, reader: StreamReader): DataStream {
    const stream = new DataStream(streamId, this, reader);
    this.#streams.set(streamId, { stream, isOpen: false, hasWindow: false });
    return stream;
  }

  ready(stream: DataStream): void {
    this.#ready.add(stream);
    this.#send();
  }

  forget(stream: DataStream): void {
    this.#ready.delete(stream);
    this.#streams.delete(stream.id);
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, callback: () => void): void {
    this.#pass([bytes], callback);
  }

  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], callback: () => void): void {
    this.#pass(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: () => void): void {
    this.socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#repaying) clearImmediate(this.#repaying);
    for (const { stream } of [...this.#streams.values()]) stream.end();
    this.socket.destroy();
    callback(error);
  }

  #read(bytes: Uint8Array): void {
    try {
      const skipped = Math.min(this.#prefaceLeft, bytes.length);
      if (skipped > 0) this.#passedOn.push(bytes.subarray(0, skipped));
      this.#prefaceLeft -= skipped;
      this.#incoming.push(bytes, skipped);
      if (this.#repaying === undefined) this.#repay();
      this.#passOn();
    } catch (error) {
      if (!(error instanceof FlowControlError)) throw error;
      this.destroy(error);
    }
  }

  /** All of it at once: node:http2 takes a turn of the event loop for each piece that it answers. */
  #passOn(): void {
    const pieces = this.#passedOn;
    this.#passedOn = [];
    if (pieces.length === 0 || this.destroyed || this.#ended) return;
    if (!this.push(Buffer.concat(pieces))) this.socket.pause();
  }

  #beginIncoming(head: FrameHead, header: Uint8Array): void {
    const { type, flags, streamId, length } = head;
    if (type === frameType.headers) this.#windows.opened(streamId);
    if (type === frameType.rstStream) this.#closed(streamId);
    const concernsWindows =
      (type === frameType.windowUpdate && length === windowUpdateBytes) ||
      (type === frameType.settings &&
        (flags & ackFlag) === 0 &&
        streamId === 0 &&
        length <= longestSettingsBytes);
    if (!concernsWindows) {
      this.#passedOn.push(header.slice());
      return;
    }
    this.#whole = new Uint8Array(frameHeaderBytes + length);
    this.#whole.set(header);
    this.#wholeFilled = frameHeaderBytes;
  }

  #takeIncoming(bytes: Uint8Array): void {
    if (this.#whole === undefined) {
      this.#passedOn.push(bytes);
      return;
    }
    this.#whole.set(bytes, this.#wholeFilled);
    this.#wholeFilled += bytes.length;
  }

  #endIncoming({ type, streamId }: FrameHead): void {
    const frame = this.#whole;
    if (frame === undefined) return;
    this.#whole = undefined;
    const payload = frame.subarray(frameHeaderBytes);
    if (type === frameType.settings) {
      this.#windows.apply(payload);
      this.#passedOn.push(frame);
    } else {
      const bytes = new DataView(payload.buffer, payload.byteOffset).getUint32(0) & 0x7fff_ffff;
      this.#windows.widen(streamId, bytes);
      const ours = this.#streams.get(streamId);
      // One of nothing is an error, of which node:http2 knows what is to become.
      if ((streamId !== 0 && ours === undefined) || bytes === 0) this.#passedOn.push(frame);
      else if (ours && !ours.hasWindow && this.#windows.initialBytes === 0) {
        ours.hasWindow = true;
        this.#passedOn.push(windowUpdate(streamId, 1));
      }
    }
    this.#sendHeld();
    this.#send();
  }

  /** Sends what node:http2 writes, but for what has to wait. It writes whole frames, so that others fit between any two writes. */
  #pass(chunks: readonly Uint8Array[], callback: () => void): void {
    const heldBefore = this.#held.length;
    this.#passing = [];
    for (const chunk of chunks) this.#outgoing.push(chunk);
    const nothingWaits = this.#held.length === heldBefore;
    this.#writeAll(nothingWaits ? chunks : this.#passing, () => {
      callback();
      this.#send();
    });
    this.#passing = [];
  }

  #beginOutgoing(head: FrameHead, header: Uint8Array): void {
    this.#holding = this.#mustWait(head);
    if (this.#holding) {
      this.#held.push({ head, pieces: [header.slice()] });
    } else {
      this.#leaving(head);
      this.#passing.push(header.slice());
    }
  }

  #takeOutgoing(bytes: Uint8Array): void {
    const pieces = this.#holding ? this.#held.at(-1)?.pieces : this.#passing;
    pieces?.push(bytes);
  }

  #mustWait({ type, streamId, length }: FrameHead): boolean {
    if (streamId === 0 || type === frameType.windowUpdate) return false;
    return this.#held.length > 0 || (type === frameType.data && length > this.#windows.connectionBytes);
  }

  /** A frame of node:http2 is sent. */
  #leaving({ type, flags, streamId, length }: FrameHead): void {
    if (type === frameType.data && length > 0) {
      this.#windows.spend(streamId, length);
      this.#owedBytes += length;
      // Not while it writes.
      this.#repaying ??= setImmediate(() => {
        this.#repaying = undefined;
        this.#repay();
        this.#passOn();
      });
    }
    const ours = this.#streams.get(streamId);
    if (type === frameType.headers && ours) ours.isOpen = true;
    const mayEnd = type === frameType.data || type === frameType.headers;
    if (type === frameType.rstStream || (mayEnd && (flags & endStreamFlag) !== 0)) this.#closed(streamId);
  }

  /** Gives node:http2 back what its DATA took of the connection's window, which is kept here: between two frames of the peer. */
  #repay(): void {
    if (this.#owedBytes === 0 || !this.#incoming.isBetweenFrames) return;
    this.#passedOn.push(windowUpdate(0, this.#owedBytes));
    this.#owedBytes = 0;
  }

  #sendHeld(): void {
    for (;;) {
      const next = this.#held[0];
      if (next === undefined) return;
      const { head, pieces } = next;
      if (head.type === frameType.data && head.length > this.#windows.connectionBytes) return;
      this.#held.shift();
      this.#leaving(head);
      this.#writeAll(pieces, () => this.#send());
    }
  }

  #closed(streamId: number): void {
    this.#windows.closed(streamId);
    this.#streams.get(streamId)?.stream.end();
  }

  /** Sends DATA of the next stream that may send some. What node:http2 has to send comes first. */
  #send(): void {
    if (this.#held.length > 0 || this.#writes > 0 || this.socket.destroyed) return;
    for (const stream of this.#ready) {
      if (this.#streams.get(stream.id)?.isOpen !== true) continue;
      const bytes = Math.min(stream.left, this.#windows.available(stream.id), mostWrittenBytes);
      if (bytes <= 0) continue;
      this.#windows.spend(stream.id, bytes);
      const frames = stream.takeFrames(bytes, Math.min(this.#windows.maxFrameBytes, longestFrameBytes));
      this.#ready.delete(stream);
      const isLast = stream.left === 0;
      if (!isLast) this.#ready.add(stream);
      this.#writeAll(frames, () => {
        if (isLast) stream.sent();
        this.#send();
      });
      return;
    }
  }

  #writeAll(pieces: readonly Uint8Array[], callback: () => void): void {
    // A connection that breaks says so itself, behind what came before: a write that fails by it must not say it first.
    if (this.socket.destroyed || pieces.length === 0) {
      callback();
      return;
    }
    this.#writes++;
    const written = (): void => {
      this.#writes--;
      callback();
    };
    this.socket.cork();
    pieces.forEach((piece, i) => {
      this.socket.write(piece, i === pieces.length - 1 ? written : undefined);
    });
    this.socket.uncork();
  }
}

function windowUpdate(streamId: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + windowUpdateBytes);
  writeFrameHead(frame, 0, { type: frameType.windowUpdate, streamId, length: windowUpdateBytes });
  new DataView(frame.buffer).setUint32(frameHeaderBytes, bytes);
  return frame;
}

/** Has node:http2 speak through such a socket on every HTTP/2 connection of a server that was just made. */
export function insertDataSockets(server: Http2SecureServer): void {
  const accept = server.listeners("secureConnection")[0] as ((socket: Duplex) => void) | undefined; // node:http2's own
  if (accept === undefined) return;
  server.removeListener("secureConnection", accept);
  server.prependListener("secureConnection", (socket) => {
    accept.call(server, socket.alpnProtocol === "h2" ? new DataSocket(socket) : socket);
  });
}

/** What lies under a session; undefined where node:http2 sends all of its DATA itself. Throws where the session has ended. */
export function dataSocketOf(session: Http2Session | undefined): DataSocket | undefined {
  // Node wraps a stream that is no socket, and the wrapper has it under this name.
  const { stream } = (session?.socket ?? {}) as { readonly stream?: unknown };
  return stream instanceof DataSocket ? stream : undefined;
}

/** The TLS connection of a session. Throws where the session has ended. */
export function tlsSocketOf(session: Http2Session): TLSSocket {
  return dataSocketOf(session)?.socket ?? (session.socket as TLSSocket); // of a TLS server
}
