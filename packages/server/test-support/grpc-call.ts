import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

/** A gRPC call in raw HTTP/2. */
export interface GrpcCall {
  readonly path: string;
  readonly body: Uint8Array;
  /** In place of the usual ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One message as it came, its bytes by their digest: comparing megabytes byte by byte takes a test's time. */
export interface ReceivedMessage {
  readonly flag: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** All that a server said to a call, but when. */
export interface GrpcAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly messages: readonly ReceivedMessage[];
  readonly trailers: IncomingHttpHeaders;
  /** Code of the reset, if that was the end. */
  readonly reset: number;
}

/** Begins a call; its body is still to be sent. */
export function beginCall(
  session: ClientHttp2Session,
  { path, headers }: Omit<GrpcCall, "body">,
): ClientHttp2Stream {
  const usual = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc+proto",
    te: "trailers",
  };
  const given = Object.entries({ ...usual, ...headers }).filter(([, value]) => value !== undefined);
  return session.request(Object.fromEntries(given));
}

/** Reads an answer to its end. Throws where the DATA ends in the middle of a message. */
export async function readAnswer(stream: ClientHttp2Stream): Promise<GrpcAnswer> {
  const pieces: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", ({ date: _, ...received }) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = { ...received };
  });
  stream.on("error", () => {}); // the code says it
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await Promise.race([once(stream, "end"), new Promise((resolve) => stream.once("close", resolve))]);
  const reset = stream.rstCode;
  stream.close(); // what is left of the request, if it was refused before it was read
  return { headers, messages: messagesIn(Buffer.concat(pieces)), trailers, reset };
}

/** A call and its answer. */
export function answerTo(session: ClientHttp2Session, call: GrpcCall): Promise<GrpcAnswer> {
  const stream = beginCall(session, call);
  stream.end(call.body);
  return readAnswer(stream);
}

/** Puts a message in its envelope. */
export function envelope(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function messagesIn(data: Buffer): ReceivedMessage[] {
  const messages: ReceivedMessage[] = [];
  for (let at = 0; at < data.length; ) {
    const bytes = data.readUInt32BE(at + 1);
    const end = at + 5 + bytes;
    if (end > data.length)
      throw new Error(`message ${messages.length} of ${bytes} bytes ends ${end - data.length} bytes early`);
    const sha256 = createHash("sha256")
      .update(data.subarray(at + 5, end))
      .digest("hex");
    messages.push({ flag: data.readUInt8(at), bytes, sha256 });
    at = end;
  }
  return messages;
}
