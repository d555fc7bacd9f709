import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { parseOptions, sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { readCertificates } from "./certificates/certificate-set.js";
import { ServerCertificates } from "./certificates/server-certificates.js";
import { type TlsOptions, tlsOptionsSchema } from "./certificates/tls-options.js";
import { ConnectionGate } from "./connections/connection-gate.js";
import { type ConnectionLimitsOptions, connectionLimitsShape } from "./connections/connection-limits.js";
import { Connections } from "./connections/connections.js";
import { type Line, lineKey, lineOfResponse, lineOfStream } from "./connections/line.js";
import { guardSession } from "./connections/session-guard.js";
import type { SensorHealth } from "./health-check.js";
import { sendPacketsDirectly } from "./http2/send-directly.js";
import { clientIdentity } from "./identity.js";
import { type Limits, type LimitsOptions, limitsShape } from "./limits.js";
import type { ServerMetrics } from "./metrics.js";
import { routesOf } from "./routes.js";
import { type SensorOptions, SensorService, sensorOptionsShape } from "./sensor-service.js";

/** What createStenographerServer takes: the sensor, its certificates, and where to listen. Unknown keys are refused. */
export interface ServerOptions extends SensorOptions {
  /** Limits on retrievals and connections. Default: each its own. */
  limits?: ServerLimitsOptions | undefined;
  /** Certificates: without them nothing is served. */
  tls: TlsOptions;
  /** Address to listen on. Default: every address, IPv6 and IPv4. */
  host?: string | undefined;
  /** Port to listen on; 0 takes a free one. Default: 8443. */
  port?: number | undefined;
}

/** What may be said about limits where the server's connections are its own. */
export interface ServerLimitsOptions extends LimitsOptions, ConnectionLimitsOptions {}

const serverOptionsSchema = strictOptions({
  ...sensorOptionsShape,
  limits: strictOptions({ ...limitsShape, ...connectionLimitsShape }).prefault({}),
  tls: tlsOptionsSchema,
  host: z.string().min(1).default("::"),
  port: z.int().min(0).max(65_535).default(8443),
});
sameType<ServerOptions, z.input<typeof serverOptionsSchema>>(true);

/** A server that listens. */
export interface StenographerServer {
  /** Address it listens on. */
  readonly host: string;
  /** Port it listens on. */
  readonly port: number;
  /**
   * Replaces every certificate, key and list of TLS; files are read now. New connections see them at once; those that exist go on, and so do
   * their retrievals. Only whoever is not welcome any more (revoked, on the denylist, of an authority that is gone) gets no
   * further answer: what such a client has under way ends as `CERTIFICATE_REVOKED` or `CERTIFICATE_UNTRUSTED`, and so does its
   * next request, and its connection after that.
   *
   * @throws OptionsError where they don't fit each other, can't be read, or the certificate has expired; the old ones stay
   */
  reload(tls: TlsOptions): void;
  /** Numbers about this server, as they are now. */
  metrics(): ServerMetrics;
  /** Whether the source can be asked. Costs next to nothing however often it is called: the source is asked once in 5 s at most. */
  health(): Promise<SensorHealth>;
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
 * @throws AuditError where the audit log can't be continued
 * @throws the system's error where the port is taken
 */
export async function createStenographerServer(options: ServerOptions): Promise<StenographerServer> {
  const { tls, host, port, limits, ...sensor } = parseOptions("server", serverOptionsSchema, options);
  // What is left over is the sensor's.
  const { connections, connectionsPerAddress, handshakeTimeoutMs, requestBodyTimeoutMs, ...retrievalLimits } =
    limits;
  const certificates = readCertificates(tls);
  const service = new SensorService({ ...sensor, limits: retrievalLimits });
  service.replaceTrust(certificates);
  await service.audit?.open().catch(async (error: unknown) => {
    await service.close(0);
    throw error;
  });
  const server = createSecureServer(
    {
      ...certificates.context,
      requestCert: true,
      rejectUnauthorized: true,
      // HTTP/1.1 on the same port, for Connect and gRPC-Web clients that speak nothing newer.
      allowHTTP1: true,
      handshakeTimeout: handshakeTimeoutMs,
      settings: { maxConcurrentStreams: 128 },
      maxSessionMemory: sessionMegabytes(service.limits),
    },
    requestListener(service, requestBodyTimeoutMs),
  );
  sendPacketsDirectly(server);
  answerExpectContinue(server);
  const gate = new ConnectionGate(server, limits, service.logger);
  const inForce = new ServerCertificates(certificates, service.logger, (set) => {
    server.setSecureContext(set.context);
    service.replaceTrust(set);
  });
  server.on("session", (session) => guardSession(session, limits.idleTimeoutMs, service.logger));
  const known = new Connections(server, service.logger, {
    connected: (certificate, startedAtMs) => {
      service.trust.accepted(certificate, startedAtMs);
      inForce.sawClient(certificate);
    },
    isRefused: (certificate) => service.trust.refusal(certificate) !== undefined,
  });
  await listen(server, host, port).catch(async (error: unknown) => {
    inForce.close();
    await service.close(0);
    throw error;
  });

  const address = server.address() as AddressInfo; // a TCP server that listens has one
  service.logger.info({ host: address.address, port: address.port, sensor: service.sensor }, "listening");
  let closing: Promise<void> | undefined;
  const close = ({ graceMs = 30_000 }: { graceMs?: number } = {}): Promise<void> => {
    closing ??= (async () => {
      const startedAt = performance.now();
      const closed = once(server, "close");
      server.close();
      inForce.close();
      known.sayGoodbye();
      await service.close(graceMs);
      known.end(graceMs - (performance.now() - startedAt), closed);
      await closed;
      service.logger.info({}, "closed");
    })();
    return closing;
  };
  return {
    host: address.address,
    port: address.port,
    health: () => service.health.ask(),
    reload: (options) => inForce.reload(options),
    metrics: () => ({
      ...service.metrics(),
      connections: gate.metrics(),
      ...inForce.metrics(),
    }),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/**
 * What one connection may hold, in megabytes as Node counts them. Beyond it Node refuses every further call on the connection, and what waits
 * for slow readers counts: at most two messages of each retrieval that runs. The rest, for headers, is Node's default.
 */
function sessionMegabytes({ concurrency, maxChunkBytes }: Limits): number {
  return 10 + Math.ceil((2 * concurrency * Math.max(maxChunkBytes, 262_144)) / 1_000_000);
}

/** FetchPcap in gRPC goes the short way, everything else through connect-node. */
function requestListener(service: SensorService, requestBodyTimeoutMs: number) {
  const routes = routesOf(service);
  const lines = new WeakMap<object, Line>();
  const others = connectNodeAdapter({
    routes,
    contextValues: (request) => clientIdentity(request).set(lineKey, lines.get(request)),
    acceptCompression: [],
  });
  return (...[request, response]: Parameters<typeof others>): void => {
    const line = "stream" in response ? lineOfStream(response.stream) : lineOfResponse(response);
    lines.set(request, line);
    expectWhole(request, line, requestBodyTimeoutMs);
    if (routes.answer(request, response)) return;
    const { socket } = request;
    response.once("finish", () => discardRest(request, socket));
    answerOrRefuse(others, request, response);
  };
}

/** Asks for the body of a request that waits for that. Node does so itself, and throws where its stream was reset together with it. */
function answerExpectContinue(server: Http2SecureServer): void {
  server.on(
    "checkContinue",
    (request: Http2ServerRequest, response: Http2ServerResponse | ServerResponse) => {
      const isGone = "stream" in response && (response.stream.destroyed || response.stream.closed);
      if (!isGone) response.writeContinue();
      server.emit("request", request, response);
    },
  );
}

/** Hangs up where a request does not arrive in whole: its handler waits for it, and has no clock of its own. */
function expectWhole(request: Http2ServerRequest | IncomingMessage, line: Line, timeoutMs: number): void {
  const timer = setTimeout(() => line.hangUp(), timeoutMs);
  request.once("end", () => clearTimeout(timer));
  line.onClose(() => clearTimeout(timer));
}

/**
 * Reads what connect-node left of a request that it refused: in HTTP/1.1 that stands before the connection's next request. Where
 * its iterator was left open, that holds the stream back by its listener; where it was closed, the request can't be read any
 * more, and the connection ends with the answer.
 */
function discardRest(request: Http2ServerRequest | IncomingMessage, socket: Socket): void {
  if (request.readableEnded || request.httpVersionMajor !== 1) return;
  if (request.destroyed) socket.end();
  else request.removeAllListeners("readable").resume();
}

/** connect-node throws at once on an authority that makes no URL; uncaught, that would end the process. */
function answerOrRefuse(
  listener: ReturnType<typeof connectNodeAdapter>,
  ...[request, response]: Parameters<ReturnType<typeof connectNodeAdapter>>
): void {
  try {
    listener(request, response);
  } catch {
    response.statusCode = 400;
    response.end();
  }
}

async function listen(server: Http2SecureServer, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  await once(server, "listening"); // rejects on "error"
}
