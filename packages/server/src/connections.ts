import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import { constants } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Logger } from "./logger.js";

/** Milliseconds that a connection gets at least for its last bytes. */
const farewellMs = 1000;

/** Knows every connection of a server, so that closing cuts off no answer and leaves nothing behind. */
export class Connections {
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<TLSSocket>();
  /** HTTP/2 sessions, with the number of their streams. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  /** Sessions that had an answer under way when the server said goodbye. */
  readonly #reading = new Set<ServerHttp2Session>();
  #closing = false;

  constructor(server: Http2SecureServer, logger: Logger) {
    this.#server = server;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("session", (session) => this.#watch(session));
    server.on("sessionError", (error) => logger.debug({ err: error }, "connection failed"));
    server.on("tlsClientError", (error, socket) => {
      const { code } = error as NodeJS.ErrnoException; // Node's TLS errors carry one
      logger.warn({ peer: socket.remoteAddress, code }, "TLS refused");
    });
  }

  /**
   * Tells every client that no new call is welcome. Calls under way go on, and their client closes when it has read its
   * answers: a session that this side closes takes with it what a client has received but not yet read.
   */
  sayGoodbye(): void {
    this.#closing = true;
    for (const [session, streams] of this.#sessions) {
      if (session.destroyed) continue; // its "close" is still to come
      if (streams === 0) {
        session.close();
      } else {
        this.#reading.add(session);
        session.goaway(constants.NGHTTP2_NO_ERROR);
      }
    }
  }

  /** Closes what is left after a moment, and after `graceMs` also those that still read. */
  end(graceMs: number): void {
    const timers = [
      setTimeout(() => this.#destroyIdle(), farewellMs),
      setTimeout(() => this.#destroyAll(), Math.max(farewellMs, graceMs)),
    ];
    this.#server.once("close", () => timers.forEach(clearTimeout));
    for (const socket of this.#sockets) if (!isHttp2(socket)) socket.end();
  }

  #watch(session: ServerHttp2Session): void {
    this.#sessions.set(session, 0);
    session.once("close", () => {
      this.#sessions.delete(session);
      this.#reading.delete(session);
    });
    session.on("stream", (stream) => {
      this.#count(session, 1);
      stream.once("close", () => this.#count(session, -1));
    });
    if (this.#closing) session.close();
  }

  #count(session: ServerHttp2Session, change: number): void {
    const streams = this.#sessions.get(session);
    if (streams !== undefined) this.#sessions.set(session, streams + change);
  }

  #destroyIdle(): void {
    for (const session of this.#sessions.keys()) if (!this.#reading.has(session)) session.destroy();
    for (const socket of this.#sockets) if (!isHttp2(socket)) socket.destroy();
  }

  #destroyAll(): void {
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function isHttp2(socket: TLSSocket): boolean {
  return socket.alpnProtocol === "h2";
}
