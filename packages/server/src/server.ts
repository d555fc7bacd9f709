import { once } from "node:events";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { parseOptions, strictOptions } from "@stenogrpc/options";
import { z } from "zod";
import { clientIdentity } from "./identity.js";
import { routesOf } from "./routes.js";
import { SensorService, sensorOptionsShape } from "./sensor-service.js";

const pem = z.union([z.string(), z.instanceof(Uint8Array)], "must be PEM, as a string or bytes");

const serverOptionsSchema = strictOptions({
  ...sensorOptionsShape,
  /** Certificates: without them nothing is served. */
  tls: strictOptions({
    /** PEM of the certificate authority that signs the clients' certificates. */
    ca: pem,
    /** PEM of this server's certificate, with its chain. */
    cert: pem,
    /** PEM of this server's private key. */
    key: pem,
    /** Lowest TLS version. Default: TLSv1.3. */
    minVersion: z.enum(["TLSv1.3", "TLSv1.2"]).default("TLSv1.3"),
  }),
  /** Address to listen on. Default: every address, IPv6 and IPv4. */
  host: z.string().min(1).default("::"),
  /** Port to listen on; 0 takes a free one. Default: 8443. */
  port: z.int().min(0).max(65_535).default(8443),
});

/** What createStenographerServer takes: the sensor, its certificates, and where to listen. */
export type ServerOptions = z.input<typeof serverOptionsSchema>;

/** A server that listens. */
export interface StenographerServer {
  /** Address it listens on. */
  readonly host: string;
  /** Port it listens on. */
  readonly port: number;
  /**
   * Drains: accepts nothing new, lets retrievals under way end, then closes every connection and the source.
   *
   * @param options graceMs: milliseconds retrievals may still take, default 30 000; what runs longer fails with UNAVAILABLE
   */
  close(options?: { graceMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server: HTTP/2 with mutual TLS, where gRPC, gRPC-Web and Connect clients fetch packets.
 *
 * Resolves when it listens. There is no way to serve without client certificates.
 *
 * @throws OptionsError for options that make no sense
 * @throws the system's error where the port is taken or a certificate can't be read
 */
export async function createStenographerServer(options: ServerOptions): Promise<StenographerServer> {
  const { tls, host, port, ...sensor } = parseOptions("server", serverOptionsSchema, options);
  const service = new SensorService(sensor);
  const routes = routesOf(service);
  const server = createSecureServer(
    {
      ca: toPem(tls.ca),
      cert: toPem(tls.cert),
      key: toPem(tls.key),
      minVersion: tls.minVersion,
      requestCert: true,
      rejectUnauthorized: true,
      // HTTP/1.1 on the same port, for Connect and gRPC-Web clients that speak nothing newer.
      allowHTTP1: true,
      handshakeTimeout: 10_000,
      settings: { maxConcurrentStreams: 128 },
    },
    connectNodeAdapter({ routes, contextValues: clientIdentity, acceptCompression: [] }),
  );
  const connections = trackConnections(server, service);
  await listen(server, host, port);

  const address = server.address() as AddressInfo; // a TCP server that listens has one
  service.logger.info({ host: address.address, port: address.port, sensor: service.sensor }, "listening");
  let closing: Promise<void> | undefined;
  const close = ({ graceMs = 30_000 }: { graceMs?: number } = {}): Promise<void> => {
    closing ??= (async () => {
      const closed = once(server, "close");
      server.close();
      connections.drain();
      await service.close(graceMs);
      connections.end();
      await closed;
      service.logger.info({}, "closed");
    })();
    return closing;
  };
  return { host: address.address, port: address.port, close, [Symbol.asyncDispose]: () => close() };
}

async function listen(server: Http2SecureServer, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  await once(server, "listening"); // rejects on "error"
}

/** Milliseconds a connection may take to say goodbye after its last answer. */
const farewellMs = 1000;

/** Knows every connection, so that closing leaves none behind. */
function trackConnections(server: Http2SecureServer, service: SensorService) {
  const sockets = new Set<TLSSocket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("sessionError", (error) => service.logger.debug({ err: error }, "connection failed"));
  server.on("tlsClientError", (error, socket) => {
    service.logger.warn(
      { peer: socket.remoteAddress, code: (error as NodeJS.ErrnoException).code },
      "TLS refused",
    );
  });
  return {
    /** Tells every client that no new call is welcome; calls under way go on. */
    drain(): void {
      for (const session of sessions) session.close();
    },
    /** Closes what is left, after a moment for last messages to go out. */
    end(): void {
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }, farewellMs);
      server.once("close", () => clearTimeout(timer));
      for (const socket of sockets) if (!isHttp2(socket)) socket.end();
    },
  };
}

function isHttp2(socket: TLSSocket): boolean {
  return socket.alpnProtocol === "h2";
}

function toPem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}
