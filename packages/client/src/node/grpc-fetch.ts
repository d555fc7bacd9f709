import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createDeadlineSignal, createLinkedAbortController } from "@connectrpc/connect/protocol";
import {
  requestHeader,
  validateResponseWithCompression,
  validateTrailer,
} from "@connectrpc/connect/protocol-grpc";
import { Stenographer, type StenoRequest, StenoRequestSchema } from "@stenogrpc/protocol";
import type { FetchCall } from "../answer-part.js";
import { answerProblem } from "../answer-problem.js";
import { AnswerDecoder, envelopeBytes, FramingError } from "./answer-decoder.js";
import type { ConnectionManager } from "./connection/connection-manager.js";
import { shortenDeadline } from "./grpc-deadline.js";
import { ResponseStream } from "./response-stream.js";

const path = `/${Stenographer.typeName}/${Stenographer.method.fetchPcap.name}`;

/**
 * FetchPcap in gRPC over HTTP/2, read from the stream as it comes.
 *
 * Why it does not go through connect-node like the other RPCs: that joins the pieces of a message, copies the packets out of it
 * and passes both through a chain of awaits, which costs more than TLS and HTTP/2 together. Here the packets stay in the
 * memory that HTTP/2 delivered them in. Connections, headers, deadlines and the meaning of trailers are connect's.
 *
 * @param longestMessageBytes the longest message that is read
 */
export function createGrpcFetch(manager: ConnectionManager, longestMessageBytes: number): FetchCall {
  return async function* grpcFetch(request, { signal, timeoutMs }) {
    const message = create(StenoRequestSchema, request);
    const deadline = createDeadlineSignal(timeoutMs);
    const call = createLinkedAbortController(signal, deadline.signal);
    const headers = requestHeader(true, timeoutMs, undefined);
    shortenDeadline(headers);
    const head = Object.fromEntries(headers);
    const stream = new ResponseStream(manager, path, head, envelope(message), call.signal);
    try {
      const { status, header } = await stream.head();
      const { foundStatus, headerError } = validateResponseWithCompression([], status, header);
      if (headerError) throw headerError;
      const decoder = new AnswerDecoder(longestMessageBytes);
      for (;;) {
        const bytes = await stream.read();
        if (bytes === undefined) break;
        const { pcap, ends } = decoder.push(bytes);
        // Not by spreading: V8 makes what a spread makes in old space, where it waits for a full collection.
        yield { pcap, ends, giveBack: () => stream.giveBack(bytes) };
      }
      // First: an answer that broke off has no status, and may end anywhere.
      if (!foundStatus) validateTrailer(stream.trailer, header);
      decoder.end();
    } catch (error) {
      if (call.signal.aborted) throw ConnectError.from(call.signal.reason, Code.Canceled);
      if (!(error instanceof FramingError)) throw error;
      const uid = message.request?.uid;
      throw answerProblem("MALFORMED_ANSWER", `the answer is no valid gRPC: ${error.message}`, uid, error);
    } finally {
      deadline.cleanup();
      call.abort();
    }
  };
}

/** The one message of the request, behind its flag and length. */
function envelope(message: StenoRequest): Uint8Array {
  const encoded = toBinary(StenoRequestSchema, message);
  const framed = new Uint8Array(envelopeBytes + encoded.length);
  new DataView(framed.buffer).setUint32(1, encoded.length);
  framed.set(encoded, envelopeBytes);
  return framed;
}
