import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { Stenographer } from "@stenogrpc/protocol";
import { eventually } from "@stenogrpc/testkit";
import type { StenographerServer } from "../src/server.js";
import type { TestSensor } from "../src/testing/test-sensor.js";

export type SensorClient = Client<typeof Stenographer>;

/** What a client lets come so that packets are sent to it past node:http2, as to ours. */
export const wide = {
  settings: { maxFrameSize: 1_048_576, initialWindowSize: 1_048_576 },
  /** Of the connection, which no setting governs. */
  windowBytes: 16_777_216,
} as const;

/** Behind the path of an RPC: connect-node does not look at it, and FetchPcap is not answered directly. */
export const throughConnectNode = "?through=connect-node";

/** Connections that let come what `wide` says. */
class WideConnections extends Http2SessionManager {
  override async request(
    ...asked: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...asked);
    // In the turn of the event loop of the request, so that it goes out before that.
    stream.session?.setLocalWindowSize(wide.windowBytes);
    return stream;
  }
}

/** Has gRPC calls go through connect-node. */
export const askConnectNode: Interceptor = (next) => (request) =>
  next({ ...request, url: request.url + throughConnectNode });

interface TransportOptions {
  readonly baseUrl: string;
  readonly sessionManager: Http2SessionManager;
}

const transports = {
  "gRPC, answered directly": createGrpcTransport,
  "gRPC, answered directly past node:http2": createGrpcTransport,
  "gRPC, through connect-node": (options: TransportOptions) =>
    createGrpcTransport({ ...options, interceptors: [askConnectNode] }),
  "Connect, through connect-node": (options: TransportOptions) =>
    createConnectTransport({ ...options, httpVersion: "2" }),
  "gRPC-Web, through connect-node": (options: TransportOptions) =>
    createGrpcWebTransport({ ...options, httpVersion: "2" }),
} satisfies Record<string, (options: TransportOptions) => Transport>;

/** A way to a handler and back: by the server's own framing of gRPC, or by connect-node's adapter. */
export type Way = keyof typeof transports;

/** Every way, for tests that are to pass on each. */
export const ways = Object.keys(transports) as Way[]; // keys of an object literal

const opened: Http2SessionManager[] = [];

/** A client with a connection of its own, over real sockets: the in-memory transport hides what cancellation does. */
export function clientBy(way: Way, { server, tls }: TestSensor["clientOptions"]): SensorClient {
  const baseUrl = `https://${server}`;
  const sessionManager =
    way === "gRPC, answered directly past node:http2"
      ? new WideConnections(baseUrl, undefined, { ...tls, settings: wide.settings })
      : new Http2SessionManager(baseUrl, undefined, tls);
  opened.push(sessionManager);
  return createClient(Stenographer, transports[way]({ baseUrl, sessionManager }));
}

/**
 * Closes the connections of all clients so far, and then these servers. In this order: a server gives clients a second to read their
 * answers, and connect-node leaves the streams of requests open that it refused before it had read them.
 */
export async function closeAll(servers: readonly StenographerServer[]): Promise<void> {
  for (const sessionManager of opened.splice(0)) sessionManager.abort();
  const close = async (server: StenographerServer): Promise<void> => {
    await eventually(() => server.metrics().connections.open === 0, { intervalMs: 2, timeoutMs: 30_000 });
    await server.close({ graceMs: 0 });
  };
  await Promise.all(servers.map(close));
}
