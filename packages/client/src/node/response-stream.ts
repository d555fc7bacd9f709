import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2SessionManager } from "@connectrpc/connect-node";

/** Bytes that may wait here for a slow reader. What else is under way waits in the stream's flow-control window. */
const highWaterBytes = 262_144;
const lowWaterBytes = highWaterBytes / 2;

/** How often at most a connection is told that it is alive: that sets timers, which a piece is not worth. */
const aliveIntervalMs = 1000;

/** What comes before the body. */
export interface ResponseHead {
  readonly status: number;
  readonly header: Headers;
}

/**
 * The response of one HTTP/2 stream, pulled in the pieces that HTTP/2 delivers.
 *
 * A Node stream that is read as an async iterable joins what has gathered since the last pull, which copies nearly
 * everything; listening to "data" does not. The signal ends it at once, whatever it waits for.
 */
export class ResponseStream {
  readonly #connections: Http2SessionManager;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#fail(this.#signal.reason);
  #stream: ClientHttp2Stream | undefined;
  #head: ResponseHead | undefined;
  #trailer = new Headers();
  /** What came and was not read. */
  readonly #pieces: Uint8Array[] = [];
  #waitingBytes = 0;
  #toldAliveAtMs = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  /** Sends a request with this body. */
  constructor(
    connections: Http2SessionManager,
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
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#waitingBytes -= piece.length;
        if (this.#waitingBytes <= lowWaterBytes && this.#stream?.isPaused()) this.#stream.resume();
        return piece;
      }
      if (this.#ended) return undefined;
      await this.#change();
    }
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
    stream.on("data", (piece: Buffer) => {
      this.#tellAlive(stream);
      this.#pieces.push(piece);
      this.#waitingBytes += piece.length;
      if (this.#waitingBytes >= highWaterBytes) stream.pause();
      this.#wake();
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
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }

  #fail(error: unknown): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#failure = { error };
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#pieces.length = 0;
    this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#wake();
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
