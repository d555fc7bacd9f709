import type { X509Certificate } from "node:crypto";
import type { Http2SecureServer, Http2Session, ServerHttp2Session } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { certificateOf, type RequestLike } from "../identity.js";
import type { Logger } from "../logger.js";
import { longestTimerMs } from "../longest-timer.js";
import { peerCertificate } from "../peer-certificate.js";
import { noticeReset } from "./notice-reset.js";

/** Milliseconds that a connection gets at least for its last bytes. */
const farewellMs = 1000;

/** What connections ask of their server. */
export interface ConnectionEvents {
  /** A client has finished its handshake; its connection began at `startedAtMs` (performance.now()). */
  connected(certificate: X509Certificate, startedAtMs: number): void;
  /** Whether a certificate is not good any more: its connection ends with the answer that says so. */
  isRefused(certificate: X509Certificate): boolean;
}

/** Knows every connection of a server, so that closing cuts off no answer and leaves nothing behind. */
export class Connections {
  /** What TCP accepted, from before its handshake on. */
  readonly #raw = new Set<Socket>();
  /** When each of them began, by its peer: TLS sockets don't know the TCP sockets they are made of. */
  readonly #startedAtMs = new Map<string, number>();
  /** TLS connections, with the number of their answers under way in HTTP/1.1. */
  readonly #sockets = new Map<TLSSocket, number>();
  /** HTTP/2 sessions, with the number of their streams. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  /** Sessions that had an answer under way when the server said goodbye. */
  readonly #reading = new Set<ServerHttp2Session>();
  #closing = false;
  #ending = false;

  constructor(server: Http2SecureServer, logger: Logger, events: ConnectionEvents) {
    server.on("connection", (socket: Socket) => {
      this.#raw.add(socket);
      const peer = peerOf(socket);
      this.#startedAtMs.set(peer, performance.now());
      socket.once("close", () => {
        this.#raw.delete(socket);
        this.#startedAtMs.delete(peer);
      });
    });
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#sockets.set(socket, 0);
      noticeReset(socket);
      const certificate = peerCertificate(socket);
      if (certificate) events.connected(certificate, this.#startedAtMs.get(peerOf(socket)) ?? 0);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => {
      if (request.httpVersionMajor === 1) {
        const socket = request.socket as TLSSocket; // of a TLS server
        this.#countAnswer(socket, 1);
        response.once("close", () => this.#countAnswer(socket, -1));
      }
      const certificate = certificateOf(request as RequestLike); // both kinds of request are
      if (certificate === undefined || !events.isRefused(certificate)) return;
      if ("shouldKeepAlive" in response) response.shouldKeepAlive = false;
      else this.#dismiss(response.stream.session);
    });
    server.on("session", (session) => this.#watch(session));
    server.on("sessionError", (error) => logger.debug({ err: error }, "connection failed"));
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

  /**
   * Closes what is left after a moment, and after `graceMs` also those that still read.
   *
   * @param closed resolves when the server has closed, which it does behind its last connection
   */
  end(graceMs: number, closed: Promise<unknown>): void {
    this.#ending = true;
    // Until then they hold the process, since a connection may not: where a reset met a write under way, Node 20 waits for nothing.
    const timers = [
      setTimeout(() => this.#destroyIdle(), farewellMs),
      setTimeout(() => this.#destroyAll(), Math.min(Math.max(farewellMs, graceMs), longestTimerMs)),
    ];
    const clear = (): void => timers.forEach(clearTimeout);
    closed.then(clear, clear);
    for (const [socket, answers] of this.#sockets) if (!isHttp2(socket) && answers === 0) socket.end();
  }

  /** Closes the session of a client that is told to go: after a moment, in which it reads why, for all it asked at once. */
  #dismiss(session: Http2Session | undefined): void {
    setTimeout(() => session?.close(), farewellMs).unref();
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

  #countAnswer(socket: TLSSocket, change: number): void {
    const answers = this.#sockets.get(socket);
    if (answers === undefined) return;
    this.#sockets.set(socket, answers + change);
    if (this.#ending && answers + change === 0) socket.end();
  }

  #destroyIdle(): void {
    for (const session of this.#sessions.keys()) if (!this.#reading.has(session)) session.destroy();
    for (const [socket, answers] of this.#sockets) if (!isHttp2(socket) && answers === 0) socket.destroy();
    if (this.#sockets.size === 0) for (const socket of this.#raw) socket.destroy(); // all in their handshakes
  }

  #destroyAll(): void {
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of [...this.#sockets.keys(), ...this.#raw]) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function isHttp2(socket: TLSSocket): boolean {
  return socket.alpnProtocol === "h2";
}
