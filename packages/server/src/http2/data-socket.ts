import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DataStream, type StreamCarrier, type StreamReader } from "./data-stream.js";
import { prefaceBytes } from "./first-bytes.js";
import {
  ackFlag,
  endHeadersFlag,
  endStreamFlag,
  type FrameHead,
  FrameScanner,
  frameHeaderBytes,
  frameType,
  writeFrameHead,
} from "./frame-scanner.js";
import { FlowControlError, initialWindowBytes, SendWindows } from "./send-windows.js";

const windowUpdateBytes = 4;
/** The longest SETTINGS that is read, as by node:http2. */
const longestSettingsBytes = 16_384;

/** Bytes of one stream that are written together, in one frame where the peer lets it. Other streams, and node:http2's frames, wait. */
const mostWrittenBytes = 1_048_576;
/** The same for a slow connection, that nothing waits long, and that a reader is seen to take something. */
const slowlyWrittenBytes = 65_536;
/** A connection that takes less is slow: a longer write would take a second. */
const leastBytesPerMs = 1000;

/** What a peer lets be under way beside node:http2's part, at a time: with less there is nothing to gain. */
const leastSpareBytes = 1_000_000;

interface PastStream {
  readonly stream: DataStream;
  /** Whether HEADERS are sent. */
  isOpen: boolean;
  /** What node:http2 takes for its window. Without a byte it would not end the stream, either. */
  nodesBytes: number;
}

/**
 * A TLS socket for node:http2 into which the DATA of chosen streams goes past it.
 *
 * Why: a sensor's processor belongs to capture, and for every 16 KiB that node:http2 sends it takes a turn through nghttp2, with copies
 * and memory of its own. Here packets go to TLS as the pipeline made them, with nine bytes in front. Everything else of HTTP/2 stays
 * node:http2's, which reads and writes through this stream: connections, header compression, settings, errors, PING, GOAWAY.
 *
 * Flow control (RFC 9113, section 5.2) is kept here, for both. What the peer says of a stream that goes past node:http2, and of the
 * connection, is taken out of what node:http2 reads. Of the connection's window it always has the 64 KiB that a connection begins with,
 * as long as the peer lets it, and gets back what its DATA took; the rest is for what goes past it. So neither sends what the other
 * one has, and nothing that node:http2 sends has to wait.
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
  /** Whether the last DATA left slowly. */
  #isSlow = false;
  readonly #incoming: FrameScanner;
  #prefaceLeft = prefaceBytes;
  /** What node:http2 is to read of the bytes that are looked at. */
  #passedOn: Uint8Array[] = [];
  /** Whether the peer has said its last. */
  #ended = false;
  /** A frame that is read whole before it is passed on, and how much of it there is. */
  #whole: Uint8Array | undefined;
  #wholeFilled = 0;
  /** Whether the peer is in the middle of a header block, which nothing may come between. */
  #inHeaders = false;
  readonly #outgoing: FrameScanner;
  /** What node:http2 takes for the connection's window. */
  #nodesBytes = initialWindowBytes;
  #refilling: NodeJS.Immediate | undefined;

  /** @param first what the client has said already; the socket is paused */
  constructor(socket: TLSSocket, first: Buffer) {
    super({ allowHalfOpen: false });
    this.socket = socket;
    this.#incoming = new FrameScanner({
      begin: (head, header) => this.#beginIncoming(head, header),
      payload: (bytes, start, end) => this.#takeIncoming(bytes.subarray(start, end)),
      end: (head) => this.#endIncoming(head),
    });
    this.#outgoing = new FrameScanner({
      begin: (head) => this.#beginOutgoing(head),
      payload: () => {},
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
    this.#read(first);
    socket.resume();
  }

  /**
   * Takes over the DATA of a stream, in the turn of the event loop in which node:http2 was given its HEADERS. Undefined: it is left to
   * node:http2.
   */
  open(streamId: number, reader: StreamReader): DataStream | undefined {
    if (!takesLongFrames(this.#windows)) return undefined;
    if (this.#windows.widestBytes - this.#nodesBytes < leastSpareBytes) return undefined;
    const stream = new DataStream(streamId, this, reader);
    // All that the peer has granted so far went to node:http2.
    const nodesBytes = this.#windows.streamBytes(streamId);
    this.#streams.set(streamId, { stream, isOpen: false, nodesBytes });
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
    if (this.#refilling) clearImmediate(this.#refilling);
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
      if (this.#refilling === undefined) this.#refill();
      this.#passOn();
      this.#send();
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

  #beginIncoming({ type, flags, streamId, length }: FrameHead, header: Uint8Array): void {
    if (type === frameType.headers) this.#windows.opened(streamId);
    if (type === frameType.headers || type === frameType.continuation)
      this.#inHeaders = (flags & endHeadersFlag) === 0;
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

  #endIncoming({ type, flags, streamId }: FrameHead): void {
    const frame = this.#whole;
    this.#whole = undefined;
    const payload = frame?.subarray(frameHeaderBytes);
    if (frame && payload && type === frameType.settings) {
      this.#passedOn.push(frame);
      this.#applySettings(payload);
    } else if (frame && payload) {
      const bytes = new DataView(payload.buffer, payload.byteOffset).getUint32(0) & 0x7fff_ffff;
      this.#windows.widen(streamId, bytes);
      const isTakenOut = streamId === 0 || this.#streams.has(streamId);
      // One of nothing is an error, of which node:http2 knows what is to become.
      if (!isTakenOut || bytes === 0) this.#passedOn.push(frame);
    } else if (streamId === 0 && (type !== frameType.ping || (flags & ackFlag) !== 0)) {
      // It may have node:http2 end the session: Node 22 fails an assertion where it has read a request behind it by then, and ends.
      this.#passOn();
    }
  }

  #applySettings(settings: Uint8Array): void {
    const before = this.#windows.initialBytes;
    this.#windows.apply(settings);
    for (const [id, past] of this.#streams) {
      past.nodesBytes += this.#windows.initialBytes - before;
      if (past.nodesBytes > 0) continue;
      this.#passedOn.push(windowUpdate(id, 1 - past.nodesBytes));
      past.nodesBytes = 1;
    }
  }

  /** Sends what node:http2 writes. It writes whole frames, so that others fit between any two writes. */
  #pass(chunks: readonly Uint8Array[], callback: () => void): void {
    for (const chunk of chunks) this.#outgoing.push(chunk);
    this.#writeAll(chunks, () => {
      callback();
      this.#send();
    });
  }

  /** A frame of node:http2 is sent. */
  #beginOutgoing({ type, flags, streamId, length }: FrameHead): void {
    if (type === frameType.data && length > 0) {
      this.#windows.spend(streamId, length);
      this.#nodesBytes -= length;
      // Not while it writes.
      this.#refilling ??= setImmediate(() => {
        this.#refilling = undefined;
        this.#refill();
        this.#passOn();
      });
    }
    const past = this.#streams.get(streamId);
    if (type === frameType.headers && past) past.isOpen = true;
    const mayEnd = type === frameType.data || type === frameType.headers;
    if (type === frameType.rstStream || (mayEnd && (flags & endStreamFlag) !== 0)) this.#closed(streamId);
  }

  /** Gives node:http2 back what its DATA took of the connection's window, as far as the peer has: between two frames of that. */
  #refill(): void {
    const { connectionBytes } = this.#windows;
    const partBytes = takesLongFrames(this.#windows)
      ? Math.min(initialWindowBytes, connectionBytes)
      : connectionBytes;
    const bytes = partBytes - this.#nodesBytes;
    if (bytes <= 0 || this.#inHeaders || !this.#incoming.isBetweenFrames) return;
    this.#nodesBytes += bytes;
    this.#passedOn.push(windowUpdate(0, bytes));
  }

  #closed(streamId: number): void {
    this.#windows.closed(streamId);
    this.#streams.get(streamId)?.stream.end();
  }

  /** Sends DATA of the next stream that may send some. */
  #send(): void {
    if (this.#writes > 0 || this.socket.destroyed) return;
    const spare = this.#windows.connectionBytes - this.#nodesBytes;
    for (const stream of this.#ready) {
      if (this.#streams.get(stream.id)?.isOpen !== true) continue;
      const most = this.#isSlow ? slowlyWrittenBytes : mostWrittenBytes;
      const bytes = Math.min(stream.left, this.#windows.streamBytes(stream.id), spare, most);
      if (bytes <= 0) continue;
      this.#windows.spend(stream.id, bytes);
      const frames = stream.takeFrames(bytes, this.#windows.maxFrameBytes);
      this.#ready.delete(stream);
      if (stream.left > 0) this.#ready.add(stream);
      const startedAt = performance.now();
      this.#writeAll(frames, () => {
        this.#isSlow = bytes < (performance.now() - startedAt) * leastBytesPerMs;
        stream.sent(bytes);
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

/** Whether a peer is one for whom this is made. */
export function takesLongFrames({ maxFrameBytes }: SendWindows): boolean {
  return maxFrameBytes >= mostWrittenBytes;
}
