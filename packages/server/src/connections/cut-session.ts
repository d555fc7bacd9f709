import type { Http2Session } from "node:http2";
import { Socket } from "node:net";
import { tlsSocketOf } from "../http2/session-sockets.js";

/** Milliseconds for the GOAWAY to leave, where somebody takes it. */
const farewellMs = 100;

/**
 * Ends an HTTP/2 session and its connection now. `session.destroy()` alone waits for what the connection is writing, forever
 * where its peer takes nothing.
 */
export function cutSession(session: Http2Session, why: Error, code: number): void {
  cutConnectionSoon(session);
  session.destroy(why, code);
}

/** Closes the connection of a session that is about to be destroyed, after a moment for its last bytes. */
export function cutConnectionSoon(session: Http2Session): void {
  const socket = tlsSocketOf(session);
  const timer = setTimeout(() => {
    try {
      // A session keeps its socket's own destroy() for itself, but not the one of all sockets.
      Socket.prototype.destroy.call(socket);
    } catch {
      // It has let go of its socket, and so has closed it itself.
    }
  }, farewellMs);
  session.once("close", () => clearTimeout(timer));
}
