import type {
  Http2ServerRequest,
  Http2ServerResponse,
  Http2Session,
  Http2Stream,
  OutgoingHttpHeaders,
} from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { Code, ConnectError, createHandlerContext } from "@connectrpc/connect";
import { transformSplitEnvelope } from "@connectrpc/connect/protocol";
import { parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { StenoRequest } from "@stenogrpc/protocol";
import { ResponseSchema, Stenographer, StenoRequestSchema } from "@stenogrpc/protocol";
import { abortable } from "./abortable.js";
import type { FetchHandler, ResponseInit } from "./answer-part.js";
import { tookKey } from "./connections/reader-watch.js";
import { envelopeBytes, PcapFrames, writeEnvelope } from "./grpc-frames.js";
import type { StreamReader } from "./http2/data-stream.js";
import { dataSocketOf } from "./http2/session-sockets.js";
import { clientIdentity } from "./identity.js";
import { longestTimerMs } from "./longest-timer.js";
import { assertClientCertificate, type GuardedServer } from "./require-client-certificate.js";
import { StreamWriter } from "./stream-writer.js";
import { toConnectError } from "./to-connect-error.js";

const method = Stenographer.method.fetchPcap;
const path = `/${Stenographer.typeName}/${method.name}`;

/**
 * Whether a request is FetchPcap in plain gRPC over HTTP/2, which is answered here instead of by connect-node.
 *
 * Why there is a second way at all: connect-node copies every message twice and passes it through a chain of awaits; a
 * sensor's processor belongs to capture. Here the packets go to the socket as the pipeline made them, with the few bytes
 * of framing written in front. Everything else (other RPCs, gRPC-Web, Connect, HTTP/1.1, compressed requests) stays with
 * connect-node, and both run the same handler.
 */
export function isGrpcFetch(request: {
  readonly httpVersionMajor: number;
  readonly method?: string | undefined;
}): request is Http2ServerRequest {
  const { headers, url, httpVersionMajor } = request as Http2ServerRequest; // only fields that both kinds of request have
  return (
    httpVersionMajor === 2 &&
    request.method === "POST" &&
    url === path &&
    /^application\/grpc(\+proto)?$/.test(headers["content-type"] ?? "") &&
    (headers["grpc-encoding"] ?? "identity") === "identity"
  );
}

/** What calls are answered with. */
export interface GrpcFetchSetup {
  readonly handler: FetchHandler;
  /** The largest request message read. */
  readonly maxRequestBytes: number;
  /** Tells who may come at all. */
  readonly server: GuardedServer;
}

/** Answers one FetchPcap in gRPC framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. */
export async function answerGrpcFetch(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  { handler, maxRequestBytes, server }: GrpcFetchSetup,
): Promise<void> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new ConnectError("the client left", Code.Canceled));
  response.once("close", leave);
  response.on("error", () => {}); // "close" follows
  let writer: Writer | undefined;
  let frames: PcapFrames | undefined;
  const trailer = new Headers();
  let context: CallContext | undefined;
  try {
    const timeout = parseTimeout(headerOf(request, "grpc-timeout"), Number.MAX_SAFE_INTEGER);
    context = contextOf(request, gone.signal, timeout.timeoutMs);
    await assertClientCertificate(context.values, server, "FetchPcap");
    if (timeout.error) throw timeout.error;
    const message = await readRequest(request, maxRequestBytes, context.signal);
    for await (const part of handler(message, context)) {
      startResponse(response);
      writer ??= writerOf(response, { signal: gone.signal, leave, took: context.values.get(tookKey) });
      if ("last" in part) await writer.write([encoded(part.last)]);
      else {
        frames ??= new PcapFrames(part.uid);
        await writer.write(frames.of(part.packets));
      }
    }
    setTrailerStatus(trailer, undefined);
  } catch (error) {
    setTrailerStatus(trailer, toConnectError(error));
  } finally {
    context?.abort();
  }
  if (response.stream.destroyed) return;
  startResponse(response);
  response.addTrailers(Object.fromEntries(trailer));
  response.end();
}

type Writer = Pick<StreamWriter, "write">;

/** Past node:http2 where the server and the client let us. */
function writerOf({ stream }: Http2ServerResponse, reader: StreamReader): Writer {
  const { id, session, destroyed } = stream;
  if (destroyed || id === undefined) return new StreamWriter(stream, reader);
  const took = (bytes: number): void => {
    // What node:http2 does for the DATA that it sends itself.
    restartTimeout(stream);
    restartTimeout(session);
    reader.took(bytes);
  };
  return dataSocketOf(session)?.open(id, { ...reader, took }) ?? new StreamWriter(stream, reader);
}

/** Has a timeout that a service has set begin anew. Its callback stays. */
function restartTimeout(of: Http2Stream | Http2Session | undefined): void {
  const { timeout } = (of ?? {}) as { timeout?: number }; // Node's types don't have it
  if (timeout !== undefined && timeout > 0) of?.setTimeout(timeout);
}

type CallContext = HandlerContext & { abort(reason?: unknown): void };

function contextOf(
  request: Http2ServerRequest,
  requestSignal: AbortSignal,
  timeoutMs: number | undefined,
): CallContext {
  return createHandlerContext({
    service: Stenographer,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `https://${request.authority}${request.url}`,
    requestSignal,
    contextValues: clientIdentity(request),
    ...(timeoutMs === undefined ? {} : { timeoutMs: Math.min(timeoutMs, longestTimerMs) }),
  });
}

function headerOf(request: Http2ServerRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}

/**
 * Reads the one message of the request. What is no such message is refused with the codes that connect-node has for it:
 * https://github.com/grpc/grpc/blob/master/doc/statuscodes.md.
 */
async function readRequest(
  request: Http2ServerRequest,
  maxBytes: number,
  signal: AbortSignal,
): Promise<StenoRequest> {
  // Without destroying the request on a refusal: its stream carries the answer, too.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>; // no encoding is set, so bytes
  let message: StenoRequest | undefined;
  for await (const { flags, data } of transformSplitEnvelope(maxBytes)(abortable(body, signal))) {
    // gRPC knows 0 and 1, and whose header says how a message is compressed does not come here.
    if (flags !== 0)
      throw new ConnectError(
        "received compressed envelope, but do not know how to decompress",
        Code.Internal,
      );
    const read = parse(data);
    if (message) throw badCardinality("received extra");
    message = read;
  }
  if (message === undefined) throw badCardinality("missing");
  return message;
}

function parse(message: Uint8Array): StenoRequest {
  try {
    return fromBinary(StenoRequestSchema, message);
  } catch (error) {
    const { message: problem } = error as Error; // protobuf throws no others
    throw new ConnectError(`parse binary: ${problem}`, Code.Internal, undefined, undefined, error);
  }
}

function badCardinality(what: string): ConnectError {
  return new ConnectError(
    `protocol error: ${what} input message for server-streaming method`,
    Code.Unimplemented,
  );
}

function startResponse(response: Http2ServerResponse): void {
  if (response.headersSent) return;
  const headers: OutgoingHttpHeaders = { "content-type": "application/grpc+proto" };
  response.writeHead(200, headers);
}

/** A message in its envelope. */
function encoded(message: ResponseInit): Uint8Array {
  const bytes = toBinary(ResponseSchema, create(ResponseSchema, message));
  const framed = new Uint8Array(envelopeBytes + bytes.length);
  writeEnvelope(framed, 0, bytes.length);
  framed.set(bytes, envelopeBytes);
  return framed;
}
