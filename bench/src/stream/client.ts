// One client of the stream suites, in a process of its own: prints what it measured.
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { createStenographerClient } from "@stenogrpc/client/node";
import { Stenographer } from "@stenogrpc/protocol";
import { UsageMeter } from "../peer.js";
import { grpcJsContract } from "./grpc-js-contract.js";
import type { ClientKind, ClientOptions } from "./suite.js";
import { withoutDigest } from "./without-digest.js";

const options = JSON.parse(process.argv[2] ?? "") as ClientOptions; // written by suite.ts
const { kind, port, tls, chunkBytes, streams, warmUp, digest, bytesPerSecond } = options;
const seconds = 1_700_000_000;
const server = `https://localhost:${port}`;
const request = {
  request: { chunkSize: BigInt(chunkBytes) },
  epochStart: BigInt(seconds),
  epochEnd: BigInt(seconds),
};
/** Our client's defaults. */
const windowBytes = 16_777_216;
const connectionWindowBytes = 33_554_432;

let bytes = 0;
let firstMs = 0;
let startedAt = 0;
function count(length: number): void {
  if (bytes === 0 && length > 0) firstMs = performance.now() - startedAt;
  bytes += length;
}

/** Counts a piece, and gives what to wait for before the next where the reader is slow. */
function take(length: number): Promise<void> | undefined {
  count(length);
  return bytesPerSecond === undefined ? undefined : pause((length / bytesPerSecond) * 1000);
}

/** Reads pieces, and waits for nothing where it need not. */
async function takeAll<P>(pieces: AsyncIterable<P>, lengthOf: (piece: P) => number): Promise<void> {
  for await (const piece of pieces) {
    const rest = take(lengthOf(piece));
    if (rest !== undefined) await rest;
  }
}

/** Reads one answer. */
type Fetch = () => Promise<void>;

async function ours(): Promise<Fetch> {
  const client = createStenographerClient({ server: `localhost:${port}`, tls });
  return async () => {
    const fetch = client.fetchPcap({ from: seconds, to: seconds + 1, chunkBytes });
    await fetch.forEachPiece(({ length }) => take(length));
  };
}

/** The same for a reader that may keep the pieces. */
async function oursInLoop(): Promise<Fetch> {
  const client = createStenographerClient({ server: `localhost:${port}`, tls });
  return async () => {
    const fetch = client.fetchPcap({ from: seconds, to: seconds + 1, chunkBytes });
    await takeAll(fetch, ({ length }) => length);
  };
}

async function stockConnect(): Promise<Fetch> {
  const transport = createGrpcTransport({ baseUrl: server, nodeOptions: tls });
  const client = createClient(Stenographer, transport);
  return async () => {
    await takeAll(client.fetchPcap(request), ({ pcap }) => pcap.length);
  };
}

async function grpcJs(): Promise<Fetch> {
  const Client = await grpcJsContract();
  const ssl = credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert));
  const client = new Client(`localhost:${port}`, ssl, {
    "grpc.max_receive_message_length": -1,
  });
  return async () => {
    const call = client.FetchPcap({
      request: { chunk_size: chunkBytes },
      epoch_start: seconds,
      epoch_end: seconds,
    });
    await takeAll(call, ({ pcap }) => pcap?.length ?? 0);
  };
}

/** As fast as Node reads TLS: into one buffer that is used again. A connection for each answer. */
async function rawTls(): Promise<Fetch> {
  const onread = {
    buffer: Buffer.alloc(262_144),
    callback: (length: number) => {
      count(length);
      return true;
    },
  };
  return () =>
    new Promise((resolve, reject) => {
      // tls.connect takes what net.connect takes; its types leave that one out.
      const socket = connect({ host: "localhost", port, ...tls, ...{ onread } });
      socket.once("end", () => resolve());
      socket.once("error", reject);
    });
}

async function rawHttp2(): Promise<Fetch> {
  const session = connectHttp2(server, { ...tls, settings: { initialWindowSize: windowBytes } });
  session.once("connect", () => session.setLocalWindowSize(connectionWindowBytes));
  return () =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":path": "/" });
      stream.on("data", (piece: Buffer) => count(piece.length));
      stream.once("end", () => resolve());
      stream.once("error", reject);
    });
}

const kinds: Record<Exclude<ClientKind, "grpcio">, () => Promise<Fetch>> = {
  "raw TLS": rawTls,
  "raw HTTP/2": rawHttp2,
  stenogrpc: ours,
  "stenogrpc, for await": oursInLoop,
  "connect-node": stockConnect,
  "grpc-js": grpcJs,
};

if (!digest) withoutDigest();
const usage = new UsageMeter();
const fetch = await kinds[kind as Exclude<ClientKind, "grpcio">](); // the suite starts Python for that one
startedAt = performance.now();
let warmUpMs = 0;
let warmUpBytes = 0;
if (warmUp) {
  await fetch();
  warmUpMs = performance.now() - startedAt;
  warmUpBytes = bytes;
  usage.restart();
  startedAt = performance.now();
}
await Promise.all(Array.from({ length: streams }, fetch));
const ms = performance.now() - startedAt;
console.log(
  JSON.stringify({ bytes: bytes - warmUpBytes, ms, firstMs, warmUpBytes, warmUpMs, ...usage.read() }),
);
process.exit();
