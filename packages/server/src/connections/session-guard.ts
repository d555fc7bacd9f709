import { constants, type ServerHttp2Session } from "node:http2";
import { tlsSocketOf } from "../http2/session-sockets.js";
import type { Logger } from "../logger.js";
import { cutConnectionSoon, cutSession } from "./cut-session.js";
import { TokenBucket } from "./token-bucket.js";

/**
 * Ends an HTTP/2 session that does what no client has reason to.
 *
 * Node and nghttp2 bound what one frame may be: header lists, settings in a frame, frames of one header, streams at once. They
 * don't bound how often a peer sends SETTINGS and PING, which cost an answer each; and where nghttp2 ends a session for its many
 * resets (CVE-2023-44487), Node 20 stops reading and leaves the connection open.
 *
 * @param idleTimeoutMs a peer that gives no sign of life for so long, or for half a minute, is gone
 */
export function guardSession(session: ServerHttp2Session, idleTimeoutMs: number, logger: Logger): void {
  const end = (why: string): void => {
    if (session.destroyed) return;
    logger.warn({ peer: tlsSocketOf(session).remoteAddress, why }, "connection ended");
    cutSession(session, new Error(why), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  boundFrames(session, end);
  boundResets(session, end);
  followOut(session);
  expectLife(session, Math.min(idleTimeoutMs, livenessMs), end);
}

/** gRPC clients measure a link by a PING for each burst of data, so this is generous. */
function boundFrames(session: ServerHttp2Session, end: (why: string) => void): void {
  const frames = new TokenBucket(1000, 100);
  const count = (): void => {
    // Not from within nghttp2: Node 22 fails an assertion where more comes behind such a frame, and ends.
    if (!frames.take()) setImmediate(end, "flood of SETTINGS or PING");
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

/**
 * A peer that says goodbye with an error, as a client does that leaves in the middle, and then resets its connection: Node destroys
 * the session, which waits for the write under way, and is never told that this one failed. The connection would stay, and count.
 */
function followOut(session: ServerHttp2Session): void {
  session.once("goaway", (code) => {
    if (code !== constants.NGHTTP2_NO_ERROR) cutConnectionSoon(session);
  });
}

const livenessMs = 30_000;

/**
 * A reset that comes while a write is under way is never told by Node 20: without this its retrieval would hold place and files
 * until a time limit. Bytes that leave are a sign of life, too: on a slow line the PING waits behind them. Bytes that come are none:
 * where nghttp2 has ended a session by itself, Node 24 goes on reading what floods it.
 */
function expectLife(session: ServerHttp2Session, intervalMs: number, end: (why: string) => void): void {
  const socket = tlsSocketOf(session);
  let answered = true;
  let written = 0;
  const timer = setInterval(() => {
    const { bytesWritten } = socket;
    const isStuck = !answered && bytesWritten === written;
    written = bytesWritten;
    if (session.destroyed) {
      // It has said goodbye, and its peer never does.
      if (isStuck) socket.destroy();
      answered = false;
      return;
    }
    if (isStuck) return end("no answer to a PING");
    if (!answered) return;
    answered = false;
    session.ping(() => {
      answered = true;
    });
  }, intervalMs).unref();
  socket.once("close", () => clearInterval(timer));
}
