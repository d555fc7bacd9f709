import type { Http2SecureServer, Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { DataSocket } from "./data-socket.js";
import { firstSettings, takeFirstBytes } from "./first-bytes.js";
import { keepSockets } from "./session-sockets.js";
import { takesLongFrames } from "./window-share.js";

/** Node 22 fails an assertion, and ends, where a request lies behind what ends its session. What a DataSocket reads does not reach it. */
const isNeededAnyway = process.versions.node.startsWith("22.");

/**
 * Has the packets that `routes.answer` sends go past node:http2, on the connections whose clients take long frames, as ours do, which
 * costs the sensor less. Call it right after `createSecureServer`, before the server listens.
 *
 * On Node 22 all HTTP/2 connections go this way, since there a client could end the process by what it sends behind a goodbye. To your
 * handlers such a connection looks as before, but that its socket is no instance of TLSSocket and can't be written to below HTTP/2.
 */
export function sendPacketsDirectly(server: Http2SecureServer): void {
  const accept = server.listeners("secureConnection")[0] as ((socket: Duplex) => void) | undefined; // node:http2's own
  if (accept === undefined || servers.has(server)) return;
  servers.add(server);
  server.removeListener("secureConnection", accept);
  server.prependListener("secureConnection", (socket) => {
    if (socket.alpnProtocol !== "h2") return accept.call(server, socket);
    const wasListening = server.listening;
    takeFirstBytes(socket, (bytes) => {
      // What fills the socket's buffer could not be put back: it would not go on to read.
      const isFull = bytes.length >= socket.readableHighWaterMark;
      const isOurs = isNeededAnyway || isFull || takesLongFrames(firstSettings(bytes));
      const below = isOurs ? new DataSocket(socket, bytes) : socket;
      if (below === socket && bytes.length > 0) socket.unshift(bytes);
      server.prependOnceListener("session", (session) => {
        keepSockets(session, { socket, below });
        if (below !== socket) showConnection(session, socket);
        // Whoever closed the server in the meantime could not say so to a session that there was not yet.
        if (wasListening && !server.listening) session.close();
      });
      accept.call(server, below);
    });
  });
}

/** What is asked of the socket of a session or a request, and is the TLS connection's to say. */
const shown = [
  "address",
  "alpnProtocol",
  "authorizationError",
  "authorized",
  "bytesRead",
  "bytesWritten",
  "disableRenegotiation",
  "enableTrace",
  "encrypted", // connect-node asks it whether a request came by https
  "exportKeyingMaterial",
  "getCertificate",
  "getCipher",
  "getEphemeralKeyInfo",
  "getFinished",
  "getPeerCertificate",
  "getPeerFinished",
  "getPeerX509Certificate",
  "getProtocol",
  "getSession",
  "getSharedSigalgs",
  "getTLSTicket",
  "getX509Certificate",
  "isSessionReused",
  "localAddress",
  "localFamily",
  "localPort",
  "remoteAddress",
  "remoteFamily",
  "remotePort",
  "renegotiate",
  "servername",
  "setMaxSendFragment",
] as const;

/** Has a session, and node:http2's wrapper of its DataSocket, which handlers know as the socket, speak of the connection below. */
function showConnection(session: Http2Session, socket: TLSSocket): void {
  const wrapper = session.socket.valueOf(); // itself; what the session shows is a proxy that takes no getters
  for (const name of shown) {
    const get = () => {
      const value: unknown = Reflect.get(socket, name);
      return typeof value === "function" ? value.bind(socket) : value;
    };
    const set = (value: unknown) => void Reflect.set(socket, name, value);
    Object.defineProperty(wrapper, name, { get, set, configurable: true });
  }
  for (const name of ["ref", "unref"] as const) Reflect.set(wrapper, name, () => void socket[name]());
  // Read of the wrapper before this could be told; its `originSet` follows.
  Object.defineProperties(session, { encrypted: { value: true }, alpnProtocol: { value: "h2" } });
}

/** The servers that send so. */
const servers = new WeakSet<Http2SecureServer>();
