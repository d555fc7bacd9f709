import { constants, type ServerHttp2Session } from "node:http2";
import type { Logger } from "../logger.js";
import { cutSession } from "./cut-session.js";
import { TokenBucket } from "./token-bucket.js";

/**
 * Ends an HTTP/2 session that does what no client has reason to.
 *
 * Node and nghttp2 bound what one frame may be: header lists, settings in a frame, frames of one header, streams at once. They
 * don't bound how often a peer sends SETTINGS and PING, which cost an answer each; and where nghttp2 ends a session for its many
 * resets (CVE-2023-44487), Node 20 stops reading and leaves the connection open.
 *
 * @param idleTimeoutMs a peer that does not answer a PING for so long is gone
 */
export function guardSession(session: ServerHttp2Session, idleTimeoutMs: number, logger: Logger): void {
  const end = (why: string): void => {
    if (session.destroyed) return;
    logger.warn({ peer: session.socket?.remoteAddress, why }, "connection ended");
    cutSession(session, new Error(why), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  boundFrames(session, end);
  boundResets(session, end);
  expectLife(session, idleTimeoutMs, end);
}

/** gRPC clients measure a link by a PING for each burst of data, so this is generous. */
function boundFrames(session: ServerHttp2Session, end: (why: string) => void): void {
  const frames = new TokenBucket(1000, 100);
  const count = (): void => {
    if (!frames.take()) end("flood of SETTINGS or PING");
  };
  session.on("remoteSettings", count);
  session.on("ping", count);
}

/** Half of what nghttp2 allows. A batch that is interrupted resets some hundreds of streams at once. */
function boundResets(session: ServerHttp2Session, end: (why: string) => void): void {
  const resets = new TokenBucket(500, 15);
  session.on("stream", (stream) => {
    stream.once("close", () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && !resets.take()) end("flood of resets");
    });
  });
}

function expectLife(session: ServerHttp2Session, idleTimeoutMs: number, end: (why: string) => void): void {
  let answered = true;
  const timer = setInterval(() => {
    if (session.destroyed) return;
    if (!answered) return end("no answer to a PING");
    answered = false;
    session.ping(() => {
      answered = true;
    });
  }, idleTimeoutMs).unref();
  session.once("close", () => clearInterval(timer));
}
