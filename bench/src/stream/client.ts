// One client of the stream suite, in a process of its own: prints what it measured.
import { connect } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { createStenographerClient } from "@stenogrpc/client/node";
import { Stenographer } from "@stenogrpc/protocol";
import { usageSince } from "../peer.js";
import type { ClientOptions } from "./suite.js";

const { kind, port, tls, chunkBytes } = JSON.parse(process.argv[2] ?? "") as ClientOptions; // written by suite.ts
const seconds = 1_700_000_000;
const request = {
  request: { chunkSize: BigInt(chunkBytes) },
  epochStart: BigInt(seconds),
  epochEnd: BigInt(seconds),
};

async function* ours(): AsyncGenerator<number> {
  const client = createStenographerClient({ server: `localhost:${port}`, tls });
  for await (const piece of client.fetchPcap({ from: seconds, to: seconds + 1, chunkBytes }))
    yield piece.length;
  client.close();
}

async function* stockConnect(): AsyncGenerator<number> {
  const transport = createGrpcTransport({
    baseUrl: `https://localhost:${port}`,
    nodeOptions: tls,
    acceptCompression: [],
  });
  for await (const { pcap } of createClient(Stenographer, transport).fetchPcap(request)) yield pcap.length;
}

async function* grpcJs(): AsyncGenerator<number> {
  const proto = new URL("../../../proto/stenographer.proto", import.meta.url).pathname;
  const definition = await load(proto, {
    keepCase: true,
    includeDirs: [new URL("../../../proto", import.meta.url).pathname],
  });
  // The definition is made at run time, so its types are not known here.
  const { stenographer } = loadPackageDefinition(definition) as unknown as {
    stenographer: {
      Stenographer: new (...args: unknown[]) => { FetchPcap(r: object): AsyncIterable<{ pcap?: Buffer }> };
    };
  };
  const ssl = credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert));
  const client = new stenographer.Stenographer(`localhost:${port}`, ssl, {
    "grpc.max_receive_message_length": -1,
  });
  const call = client.FetchPcap({
    request: { chunk_size: chunkBytes },
    epoch_start: seconds,
    epoch_end: seconds,
  });
  for await (const { pcap } of call) yield pcap?.length ?? 0;
}

async function* rawTls(): AsyncGenerator<number> {
  const socket = connect({ host: "localhost", port, ...tls });
  for await (const piece of socket) yield (piece as Buffer).length; // no encoding is set
}

const kinds = { stenogrpc: ours, "connect-node": stockConnect, "grpc-js": grpcJs, "raw TLS": rawTls };
const since = process.cpuUsage();
const startedAt = performance.now();
let bytes = 0;
let firstMs = 0;
for await (const length of kinds[kind]()) {
  if (bytes === 0) firstMs = performance.now() - startedAt;
  bytes += length;
}
const ms = performance.now() - startedAt;
console.log(JSON.stringify({ bytes, ms, firstMs, ...usageSince(since) }));
process.exit();
