import type { Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DataSocket } from "./data-socket.js";

/** What lies under a session. */
export interface SessionSockets {
  /** The TLS connection. */
  readonly socket: TLSSocket;
  /** What the session reads and writes: a DataSocket, or the connection itself. */
  readonly below: Duplex;
}

const kept = new WeakMap<Http2Session, SessionSockets>();

/** Has it be known what lies under a session. */
export function keepSockets(session: Http2Session, sockets: SessionSockets): void {
  kept.set(session, sockets);
}

/** The stream that DATA goes by past node:http2; undefined where that sends all of a session's DATA itself. */
export function dataSocketOf(session: Http2Session | undefined): DataSocket | undefined {
  const below = session && kept.get(session)?.below;
  return below instanceof DataSocket ? below : undefined;
}

/** The TLS connection of a session. Throws where the session has ended, and is that of a server which is not ours. */
export function tlsSocketOf(session: Http2Session): TLSSocket {
  return kept.get(session)?.socket ?? (session.socket as TLSSocket); // of a TLS server
}
