import type { Http2ServerResponse } from "node:http2";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import type { connectNodeAdapter } from "@connectrpc/connect-node";
import { Stenographer, type StenoRequest } from "@stenogrpc/protocol";
import { messagesOf } from "./answer-part.js";
import { readRefused } from "./certificates/certificate-set.js";
import type { RefusedCertificates } from "./certificates/tls-options.js";
import { watchStreamReader, watchUnaryReader } from "./connections/reader-watch.js";
import { describeSensor } from "./describe-sensor.js";
import { explainQuery } from "./explain-query.js";
import { fetchPcap } from "./fetch-pcap.js";
import { answerGrpcFetch, isGrpcFetch } from "./grpc-fetch.js";
import type { SensorHealth } from "./health-check.js";
import { withLongDeadlines } from "./long-deadlines.js";
import type { SensorMetrics } from "./metrics.js";
import { requireClientCertificate } from "./require-client-certificate.js";
import type { SensorOptions } from "./sensor-service.js";
import { SensorService } from "./sensor-service.js";

/** The most bytes of a request message: a filter of 64 KiB and room for the rest. */
export const maxRequestBytes = 128 * 1024;

/** A request and its response, of node:http or node:http2. */
type Exchange = Parameters<ReturnType<typeof connectNodeAdapter>>;

/** A sensor's handlers, ready to be mounted on a server of yours. */
export interface SensorRoutes {
  /** Registers the handlers: the `routes` option of any Connect adapter. */
  (router: ConnectRouter): void;
  /**
   * Answers a request itself if it is FetchPcap in gRPC over HTTP/2, past the adapter and its interceptors, which saves the sensor
   * processor time; the certificate is that of the request's connection. False: the request is the adapter's, or
   * yours.
   *
   * `createSecureServer(tls, (request, response) => routes.answer(request, response) || handler(request, response))`
   */
  answer(...exchange: Exchange): boolean;
  /**
   * From now on, certificates that these lists name are refused, on connections that exist, too; retrievals of theirs that are
   * under way end. Each call replaces the lists of the one before. What a new handshake accepts is your server's own matter:
   * `server.setSecureContext({ ca, cert, key, crl })`.
   *
   * @throws OptionsError where one can't be read; the old ones stay
   */
  refuse(lists: RefusedCertificates): void;
  /** Numbers about the sensor, as they are now. */
  metrics(): SensorMetrics;
  /** Whether the source can be asked. Costs next to nothing however often it is called: the source is asked once in 5 s at most. */
  health(): Promise<SensorHealth>;
  /**
   * Takes no further retrievals, waits for those under way, ends those that take longer, and closes the source.
   *
   * @param options graceMs: how long to wait, in milliseconds; default 30 000
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

/**
 * The sensor's handlers for any Connect adapter: plain Node, Fastify, Express.
 *
 * Pass `contextValues: clientIdentity` to the adapter beside them: without a verified client certificate every call is
 * refused. Compression is the adapter's: pass `acceptCompression: []`, since packets hardly compress.
 *
 * @throws OptionsError
 */
export function stenographerRoutes(options: SensorOptions): SensorRoutes {
  return routesOf(new SensorService(options));
}

/** The handlers of a service that exists. */
export function routesOf(service: SensorService): SensorRoutes {
  const { idleTimeoutMs } = service.limits;
  const fetch = fetchPcap(service);
  const setup = { handler: watchStreamReader(fetch, idleTimeoutMs), maxRequestBytes, server: service };
  const messages = (request: StenoRequest, context: HandlerContext) => messagesOf(fetch(request, context));
  const register = (router: ConnectRouter): void => {
    const others = router.handlers.length;
    router.service(
      Stenographer,
      {
        fetchPcap: watchStreamReader(messages, idleTimeoutMs),
        explainQuery: explainQuery(service),
        describeSensor: describeSensor(service),
      },
      {
        interceptors: [watchUnaryReader(idleTimeoutMs), requireClientCertificate(service)],
        readMaxBytes: maxRequestBytes,
      },
    );
    const ours = router.handlers.splice(others);
    router.handlers.push(...ours.map(withLongDeadlines));
  };
  const answer: SensorRoutes["answer"] = (request, response) => {
    if (!isGrpcFetch(request)) return false;
    const http2Response = response as Http2ServerResponse; // an HTTP/2 request has one
    answerGrpcFetch(request, http2Response, setup).catch((error: unknown) => {
      service.logger.error({ err: error }, "answering failed");
      response.destroy();
    });
    return true;
  };
  return Object.assign(register, {
    answer,
    refuse: (lists: RefusedCertificates) => service.replaceTrust(readRefused(lists)),
    metrics: () => service.metrics(),
    health: () => service.health.ask(),
    close: ({ graceMs = 30_000 }: { graceMs?: number } = {}) => service.close(graceMs),
  });
}
