import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { ArrivedBytes } from "./arrived-bytes.js";
import type { ConnectionManager } from "./connection/connection-manager.js";
import type { Diversion } from "./connection/diverting-socket.js";
import type { TakePayload } from "./connection/frame-splitter.js";

/** Bytes that may wait here where node:http2 delivers the body. Else they wait in the flow-control window. */
const highWaterBytes = 262_144;

/** Bytes after which a reader is woken at once, and not when all that has come by then was taken in. */
const wakeBytes = 262_144;

/** Fewer bytes than these wait for others, as long as some keep coming on the connection. */
const worthwhileBytes = 65_536;

/** How often at most a connection is told that it is alive: that sets timers, which a piece is not worth. */
const aliveIntervalMs = 1000;

/** What comes before the body. */
export interface ResponseHead {
  readonly status: number;
  readonly header: Headers;
}

/**
 * The response of one HTTP/2 stream, pulled in pieces as large as have come. Its body goes past node:http2, which is
 * slow at it. The signal ends it at once, whatever it waits for.
 */
export class ResponseStream {
  readonly #connections: ConnectionManager;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#fail(this.#signal.reason);
  #stream: ClientHttp2Stream | undefined;
  #head: ResponseHead | undefined;
  #trailer = new Headers();
  /** What came and was not read. */
  readonly #arrived = new ArrivedBytes();
  #diversion: Diversion | undefined;
  #waking: NodeJS.Immediate | undefined;
  #awaitsLull = false;
  #toldAliveAtMs = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  /** Sends a request with this body. */
  constructor(
    connections: ConnectionManager,
    path: string,
    headers: OutgoingHttpHeaders,
    body: Uint8Array,
    signal: AbortSignal,
  ) {
    this.#connections = connections;
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort);
    connections.request("POST", path, headers, {}).then(
      (stream) => this.#start(stream, body),
      (error) => this.#fail(error),
    );
  }

  /** The trailers, once the body has ended. */
  get trailer(): Headers {
    return this.#trailer;
  }

  /** Status and headers. Rejects with what kept them from coming, or the signal's reason. */
  async head(): Promise<ResponseHead> {
    while (this.#head === undefined) {
      this.#throwIfFailed();
      if (this.#ended) throw new ConnectError("protocol error: missing status", Code.Internal);
      await this.#change();
    }
    return this.#head;
  }

  /** The next bytes of the body, undefined at its end. Rejects with what broke it, or the signal's reason. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      this.#throwIfFailed();
      const piece = this.#arrived.take();
      if (piece !== undefined) {
        this.#diversion?.refund(piece.length);
        if (this.#arrived.length === 0) this.#stream?.resume();
        return piece;
      }
      if (this.#ended) return undefined;
      await this.#change();
    }
  }

  /** Takes back what `read` gave, each piece in its turn, when nothing reads it any more: its memory is used again. */
  giveBack(piece: Uint8Array): void {
    this.#arrived.giveBack(piece);
  }

  #start(stream: ClientHttp2Stream, body: Uint8Array): void {
    this.#stream = stream;
    stream.on("error", (error) => this.#fail(ConnectError.from(error, Code.Aborted)));
    if (this.#failure !== undefined) {
      stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    stream.once("response", (headers) => {
      this.#head = { status: headers[":status"] ?? 0, header: toHeaders(headers) };
      this.#wake();
    });
    stream.once("trailers", (trailers) => {
      this.#trailer = toHeaders(trailers);
    });
    const take: TakePayload = (buffer, start, end) => {
      this.#tellAlive(stream);
      this.#arrived.append(buffer, start, end);
      this.#wakeSoon();
    };
    this.#diversion = this.#connections.divert(stream, take);
    // All of a stream that is not diverted; and without a listener there is no "end".
    stream.on("data", (piece: Buffer) => {
      take(piece, 0, piece.length);
      if (this.#arrived.length >= highWaterBytes) stream.pause();
    });
    stream.once("end", () => this.#end());
    // Without an "end" where the connection went with the stream.
    stream.once("close", () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) this.#end();
      else
        this.#fail(new ConnectError(`http/2 stream closed with error code ${stream.rstCode}`, Code.Aborted));
    });
    stream.end(body);
  }

  /** Keeps the connection from being probed, which would find a slow one dead behind all that is under way. */
  #tellAlive(stream: ClientHttp2Stream): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldAliveAtMs < aliveIntervalMs) return;
    this.#toldAliveAtMs = nowMs;
    this.#connections.notifyResponseByteRead(stream);
  }

  #end(): void {
    this.#ended = true;
    this.#diversion?.end();
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }

  #fail(error: unknown): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#failure = { error };
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#arrived.clear();
    this.#diversion?.end();
    this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#wake();
  }

  /** Wakes the reader when all that can be read at once has come: a TLS record at a time would be dear. */
  #wakeSoon(): void {
    const { length } = this.#arrived;
    if (length >= wakeBytes) this.#wake();
    else if (length >= worthwhileBytes || this.#diversion === undefined)
      this.#waking ??= setImmediate(() => {
        this.#waking = undefined;
        this.#wake();
      });
    else if (!this.#awaitsLull) {
      this.#awaitsLull = true;
      this.#diversion.atLull(() => {
        this.#awaitsLull = false;
        this.#wake();
      });
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function toHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) result.append(name, each);
  }
  return result;
}
