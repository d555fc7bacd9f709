import { X509Certificate } from "node:crypto";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { isIP, isIPv6 } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientCredentials, Credentials } from "../client-credentials.js";
import type { ServerAddress } from "../server-address.js";
import { type Diversion, DivertingSocket, type OnRead } from "./diverting-socket.js";
import { FlowWindows, sharedWindow, type WindowLimits } from "./flow-windows.js";
import { longestPayloadBytes, type TakePayload } from "./frame-splitter.js";
import { keepWhatArrived } from "./keep-what-arrived.js";

export interface ConnectionOptions extends WindowLimits {
  readonly address: ServerAddress;
  readonly credentials: Pick<ClientCredentials, "latest" | "problem">;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** The name the server's certificate must carry, if not the host's. */
  readonly serverName: string | undefined;
  readonly connectTimeoutMs: number;
  /** Silence after which a busy connection is probed. */
  readonly pingIntervalMs: number;
}

/** How far a handshake got. */
export interface ConnectAttempt {
  /** Whether keys were agreed on, by which the server's certificate is shown. */
  readonly keysAgreed: boolean;
  /** Whether it came to its end, and the server's certificate was good. */
  readonly secured: boolean;
  /** Why it was made with certificates that had been read before; undefined: it was not. */
  readonly credentialsProblem?: string | undefined;
  /** When this client's certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs?: number;
  /** The names in the server's certificate, where none of them is the one that was expected. */
  readonly otherNames?: string | undefined;
}

/** A server's certificate, in words. */
export interface ServerCertificate {
  /** Its subject, one attribute a line, as Node prints it. */
  readonly subject: string;
  /** Its subject alternative names, as Node prints them. */
  readonly subjectAltName: string | null;
  /** Its SHA-256 fingerprint: upper-case hex, colons between. */
  readonly fingerprint256: string;
}

/** What is known of a connection that carried a call. */
export interface ConnectionState extends ConnectAttempt {
  /** Whether the server said anything in HTTP/2. It sends SETTINGS first, once it has accepted the client's certificate. */
  readonly heard: boolean;
  /** Whether the connection is gone. */
  readonly gone: boolean;
  /** What ended it, where that is known. */
  readonly error: Error | undefined;
}

// connect-node's default is 15 minutes. An idle connection never keeps the process alive; this is for the server's sake.
const idleConnectionTimeoutMs = 60_000;
const pingTimeoutMs = 15_000;
// A certificate is replaced a little before its end, since clocks differ and requests travel.
const beforeExpiryMs = 60_000;
/** Characters of a certificate's names in a message. */
const longestNames = 300;

type Watched = {
  session: ClientHttp2Session;
  /** What the session reads from, if it is to be had. */
  socket: DivertingSocket | undefined;
  attempt: ConnectAttempt;
  windows: FlowWindows | undefined;
  heard: boolean;
  error: Error | undefined;
  closed: Promise<void>;
};

/**
 * connect-node's session manager over TLS sockets made here: with large flow-control windows, a limit on connecting, and
 * a memory of why a connection ended, which a call's own error often does not say.
 */
export class ConnectionManager extends Http2SessionManager {
  readonly #options: ConnectionOptions;
  readonly #sockets = new Set<TLSSocket>();
  #attempt: ConnectAttempt = { keysAgreed: false, secured: false };
  #credentials: Credentials | undefined;
  #current: Watched | undefined;
  #serverCertificate: ServerCertificate | null = null;

  constructor(options: ConnectionOptions) {
    const { pingIntervalMs, connectTimeoutMs } = options;
    super(
      baseUrl(options.address),
      {
        pingIntervalMs,
        // To the manager a connection is there at once, so that its PING may have to wait for the handshake.
        pingTimeoutMs: Math.max(pingTimeoutMs, connectTimeoutMs),
        idleConnectionTimeoutMs,
      },
      {
        createConnection: () => new DivertingSocket((onread) => this.#openSocket(onread), options),
        settings: {
          initialWindowSize: sharedWindow(1, options).first,
          maxFrameSize: longestPayloadBytes,
          enablePush: false,
        },
      },
    );
    this.#options = options;
  }

  override async request(
    ...[method, path, headers, options]: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    this.#retireExpiring();
    // Node would write an IPv6 address without its brackets, which is no authority (RFC 3986, section 3.2.2).
    const authority = new URL(this.authority).host;
    const stream = await super.request(method, path, { ...headers, ":authority": authority }, options);
    keepWhatArrived(stream);
    const session = stream.session as ClientHttp2Session | undefined; // a client's stream has a client's session
    if (session && session !== this.#current?.session) this.#watch(session);
    // One that is over already does not say so again.
    if (session && !stream.destroyed) this.#current?.windows?.opened(stream);
    return stream;
  }

  /** The certificate that the server showed when it was connected to the last time; null before. */
  get serverCertificate(): ServerCertificate | null {
    return this.#serverCertificate;
  }

  /** Has the body of this stream's response taken by `take`, past node:http2; undefined where that is not possible. */
  divert(stream: ClientHttp2Stream, take: TakePayload): Diversion | undefined {
    const { id, session } = stream;
    if (id === undefined || session === undefined || session !== this.#current?.session) return undefined;
    return this.#current.socket?.divert(id, take);
  }

  /** What is known of the connection of the latest call, once it has said all it had to say. */
  async connectionState(): Promise<ConnectionState | undefined> {
    const current = this.#current;
    if (current === undefined) return undefined;
    // Streams fail before their session tells why: it does so until its "close", for which it would wait for the server's.
    if (current.session.destroyed) {
      current.socket?.destroy();
      await current.closed;
    }
    return {
      ...current.attempt,
      heard: current.heard,
      gone: current.session.closed || current.session.destroyed,
      error: current.error,
    };
  }

  /** Closes every connection, and waits until they are gone. */
  async close(): Promise<void> {
    this.abort();
    const closed = [...this.#sockets].map(
      (socket) => new Promise((resolve) => socket.once("close", resolve)),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  /** Has the next call connect anew where the connection's certificate ends and there is a renewed one. Calls under way go on. */
  #retireExpiring(): void {
    const used = this.#credentials;
    if (used === undefined || used.expiresAtMs > Date.now() + beforeExpiryMs) return;
    if (this.#options.credentials.latest() !== used) this.#current?.session.close();
  }

  #openSocket(onread: OnRead): TLSSocket {
    const { address, credentials, minVersion, serverName, connectTimeoutMs } = this.#options;
    const latest = credentials.latest();
    this.#credentials = latest;
    const attempt: { -readonly [Key in keyof ConnectAttempt]: ConnectAttempt[Key] } = {
      keysAgreed: false,
      secured: false,
      credentialsProblem: credentials.problem,
      expiresAtMs: latest.expiresAtMs,
    };
    const socket = connect({
      host: address.host,
      port: address.port,
      // SNI names hosts, not addresses (RFC 6066, section 3).
      servername: serverName ?? (isIP(address.host) ? "" : address.host),
      checkServerIdentity: (host, certificate) => {
        const problem = checkIdentity(host, certificate);
        if (problem !== undefined) attempt.otherNames = namesOf(certificate);
        return problem;
      },
      secureContext: latest.context,
      minVersion,
      ALPNProtocols: ["h2"],
      // As net.connect takes it; the types of tls.connect leave it out.
      ...{ onread },
    });
    const timer = setTimeout(
      () => socket.destroy(connectFailure("ETIMEDOUT", `no connection within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    // node:http2 asks its wrapper for this, which can't. Small frames would wait for what is under way (Nagle's algorithm).
    socket.setNoDelay();
    this.#attempt = attempt;
    socket.once("secureConnect", () => {
      attempt.secured = true;
      clearTimeout(timer);
      this.#serverCertificate = certificateOf(socket);
      // A silent network is found by HTTP/2 PING; this finds a dead host while no call runs.
      socket.setKeepAlive(true, 30_000);
    });
    // The keys themselves are of no interest: this event is the one sign of how far a handshake got.
    socket.once("keylog", () => {
      attempt.keysAgreed = true;
    });
    this.#sockets.add(socket);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    return socket;
  }

  #watch(session: ClientHttp2Session): void {
    const socket = session.destroyed ? undefined : divertingSocketOf(session);
    if (socket) {
      // Of node:http2 they would reach its wrapper only, which holds no process.
      session.ref = () => void socket.socket.ref();
      session.unref = () => void socket.socket.unref();
    }
    const watched: Watched = {
      session,
      socket,
      attempt: this.#attempt,
      windows: session.destroyed
        ? undefined
        : new FlowWindows(session, this.#options, (window) => {
            if (socket) socket.streamWindow = window;
          }),
      heard: false,
      error: undefined,
      closed: new Promise((resolve) => session.once("close", resolve)),
    };
    session.once("remoteSettings", () => {
      watched.heard = true;
    });
    session.once("error", (error) => {
      watched.error = error;
    });
    this.#current = watched;
  }
}

/** The stream under a session; undefined where Node keeps it elsewhere. */
function divertingSocketOf(session: ClientHttp2Session): DivertingSocket | undefined {
  // Node wraps a stream that is no socket, and the wrapper has it under this name.
  const { stream } = session.socket as { readonly stream?: unknown };
  return stream instanceof DivertingSocket ? stream : undefined;
}

/** The URL that stands for the address in HTTP. A zone (fe80::1%eth0) is of this host only and has no place in it. */
export function baseUrl({ host, port }: ServerAddress): string {
  const name = withoutZone(host);
  return `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function withoutZone(host: string): string {
  return host.replace(/%.*$/, "");
}

/** As Node does by itself, but for IPv6 addresses, of which Node 22.23 says that no certificate has them. */
function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  if (!isIPv6(host)) return checkServerIdentity(host, certificate);
  const address = withoutZone(host);
  if (new X509Certificate(certificate.raw).checkIP(address) !== undefined) return undefined;
  const message = `the certificate is for ${certificate.subjectaltname ?? "no name"}, not for ${address}`;
  return Object.assign(new Error(message), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
}

/** The names that a client may expect in a certificate: a common name counts only where there are no others. */
function namesOf({ subject, subjectaltname }: PeerCertificate): string | undefined {
  const names = subjectaltname ?? subject?.CN;
  const text = Array.isArray(names) ? names.join(", ") : names;
  return text?.replace(/(^|, )(DNS|IP Address):/g, "$1").slice(0, longestNames);
}

function certificateOf(socket: TLSSocket): ServerCertificate | null {
  // Not by getPeerX509Certificate: of what that gives Node 20 and 22 free nothing, 4.5 KiB a connection on a server.
  const { raw } = socket.getPeerCertificate() as { readonly raw?: Buffer }; // empty where there is none
  if (raw === undefined) return null;
  const { subject, subjectAltName = null, fingerprint256 } = new X509Certificate(raw);
  return { subject, subjectAltName, fingerprint256 };
}

function connectFailure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
