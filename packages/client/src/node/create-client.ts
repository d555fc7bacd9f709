import { createHash } from "node:crypto";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { checkOptions } from "../check-options.js";
import { assembleClient, type StenographerClient } from "../client.js";
import { retryForMs, timeoutMs } from "../option-schemas.js";
import type { IncrementalHash } from "../sha256.js";
import { ClientCredentials } from "./client-credentials.js";
import { baseUrl, ConnectionManager } from "./connection/connection-manager.js";
import { explainFailureOf } from "./connection/explain-failure.js";
import { shortDeadlines } from "./grpc-deadline.js";
import { createGrpcFetch } from "./grpc-fetch.js";
import { NodePcapFetch } from "./node-pcap-fetch.js";
import { parseServerAddress } from "./server-address.js";
import type { PemInput } from "./tls-material.js";

const pem = z.custom<PemInput>(
  (value) => (typeof value === "string" && value !== "") || value instanceof Uint8Array,
  { error: "give a path, PEM text or PEM bytes" },
);

// A Node client's windows, in bytes: what may be under way to it. RFC 9113, section 6.9.1, ends at 2^31 - 1.
const windowBytes = z.int().min(65_535).max(2_147_483_647);

/** What proves who is who: the server to this client, and this client to the server. */
export interface ClientTlsOptions {
  /** The CA that signed the server's certificate: a path, PEM text, or PEM bytes. The system's CAs are not consulted. */
  ca: PemInput;
  /** This client's certificate, with the intermediate ones after it: a path, PEM text, or PEM bytes. */
  cert: PemInput;
  /** The certificate's private key, unencrypted: a path, PEM text, or PEM bytes. */
  key: PemInput;
  /** The name that the server's certificate must carry. Default: the host of `server`. */
  serverName?: string | undefined;
  /** The oldest TLS that will do. Default: "TLSv1.3". */
  minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** How to reach a server over HTTP/2 and mutual TLS. Unknown keys are refused. */
export interface NodeClientOptions {
  /** Where the server listens: `host`, `host:port` or `[IPv6]:port`. Default port: 8443. */
  server: string;
  /** Certificates and key: without them there is no connection. */
  tls: ClientTlsOptions;
  /** Whether the server is the Python prototype of 2019, which sends no summary to verify against. Default: false. */
  originalServer?: boolean | undefined;
  /** The longest a call may take, in milliseconds, unless the call says otherwise. Default: none. */
  timeoutMs?: number | undefined;
  /** How long a fetch that finds no place on the server asks again, in milliseconds, unless it says otherwise. Default: 30 000; 0: not. */
  retryForMs?: number | undefined;
  /**
   * Whether a fetch asks again for as long, too, where there is no connection or it is lost, the server shuts down, or its packets can't
   * be had now, unless the fetch says otherwise. Default: false, and they fail at once.
   */
  retryOutages?: boolean | undefined;
  /** The longest that connecting may take, TLS included, in milliseconds. Default: 10 000. */
  connectTimeoutMs?: number | undefined;
  /**
   * Bytes of an answer that may be under way: bounds its memory, and its speed over distance. An answer begins with 1 MiB, and comes to this
   * while its reader keeps up. Default: 16 MiB.
   */
  streamWindowBytes?: number | undefined;
  /** Bytes that may be under way to several answers at once, which share it; 512 KiB for each at least. Default: 32 MiB. */
  connectionWindowBytes?: number | undefined;
}

const nodeClientOptionsSchema = strictOptions({
  server: z.string(),
  tls: strictOptions({
    ca: pem,
    cert: pem,
    key: pem,
    serverName: z.string().min(1).optional(),
    minVersion: z.enum(["TLSv1.2", "TLSv1.3"]).default("TLSv1.3"),
  }),
  originalServer: z.boolean().default(false),
  timeoutMs: timeoutMs.optional(),
  retryForMs: retryForMs.default(30_000),
  retryOutages: z.boolean().default(false),
  connectTimeoutMs: timeoutMs.default(10_000),
  streamWindowBytes: windowBytes.default(16_777_216),
  connectionWindowBytes: windowBytes.default(33_554_432),
});
sameType<NodeClientOptions, z.input<typeof nodeClientOptionsSchema>>(true);

/** A client whose fetches can also be saved and read as Node streams. */
export type NodeStenographerClient = StenographerClient<NodePcapFetch>;

// grpcio servers end a connection that is pinged more often than every five minutes while they send nothing
// (GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS), and original servers are grpcio.
const pingIntervalMs = { stenogrpc: 10_000, original: 310_000 } as const;

/**
 * A client over gRPC, HTTP/2 and mutual TLS.
 *
 * Connects with the first call, keeps the connection for the next ones, closes it after a minute without any. An idle
 * client does not keep the process alive; `close()` leaves nothing behind. Where `tls` names files, each new connection reads
 * them anew.
 *
 * @throws StenographerError `OPTIONS_INVALID`, also for certificates and keys that cannot be read or do not fit
 */
export function createStenographerClient(options: NodeClientOptions): NodeStenographerClient {
  const checked = checkOptions("createStenographerClient", nodeClientOptionsSchema, options);
  const { tls, originalServer, connectTimeoutMs, connectionWindowBytes, streamWindowBytes } = checked;
  const address = parseServerAddress(checked.server);
  const manager = new ConnectionManager({
    address,
    credentials: new ClientCredentials(tls, tls.minVersion),
    minVersion: tls.minVersion,
    serverName: tls.serverName,
    streamWindowBytes,
    connectionWindowBytes,
    connectTimeoutMs,
    pingIntervalMs: originalServer ? pingIntervalMs.original : pingIntervalMs.stenogrpc,
  });
  return assembleClient({
    transport: createGrpcTransport({
      baseUrl: baseUrl(address),
      sessionManager: manager,
      interceptors: [shortDeadlines],
      // Packets hardly compress, and gzip cost five to fifteen times in throughput.
      acceptCompression: [],
      readMaxBytes: longestMessageBytes,
    }),
    fetchCall: createGrpcFetch(manager, longestMessageBytes),
    originalServer,
    timeoutMs: checked.timeoutMs,
    retryForMs: checked.retryForMs,
    retryOutages: checked.retryOutages,
    createHash: nodeSha256,
    createFetch: (retrieval) =>
      new NodePcapFetch(retrieval, () => ({ address: address.text, certificate: manager.serverCertificate })),
    explainFailure: explainFailureOf(manager, address.text),
    closeTransport: () => manager.close(),
  });
}

/** Twice the largest chunk that can be asked for; a length beyond it is refused before anything is read. */
const longestMessageBytes = 33_554_432;

function nodeSha256(): IncrementalHash {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}
