// One server of the stream suites, in a process of its own: prints {port}, and its usage when it is told to end.
import { once } from "node:events";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { type ConnectNodeAdapterOptions, connectNodeAdapter } from "@connectrpc/connect-node";
import { Server as GrpcServer, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { decodeCapture, PcapWriter } from "@stenogrpc/pcap";
import type { PacketSource } from "@stenogrpc/server";
import {
  clientIdentity,
  createStenographerServer,
  sendPacketsDirectly,
  stenographerRoutes,
} from "@stenogrpc/server";
import { UsageMeter } from "../peer.js";
import { grpcJsContract } from "./grpc-js-contract.js";
import type { ServerKind, ServerOptions } from "./suite.js";
import { withoutDigest } from "./without-digest.js";

const options = JSON.parse(process.argv[2] ?? "") as ServerOptions; // written by suite.ts
const { kind, answerBytes, warmUpBytes, chunkBytes, digest, tls } = options;
const requireClient = { ...tls, requestCert: true, rejectUnauthorized: true };
const limits = { minChunkBytes: 1024, concurrency: 64 };
const packetBytes = 1000;
const blockBytes = 1024 * 1024;
const usage = new UsageMeter();
let answers = 0;

/** Bytes of the answer that begins. The first one warms up, where that is wanted, and what it takes does not count. */
function nextAnswerBytes(): number {
  answers++;
  if (warmUpBytes === 0) return answerBytes;
  if (answers === 2) usage.restart();
  return answers === 1 ? warmUpBytes : answerBytes;
}

/** One mebibyte of records, given out until there are enough: the pipeline without a disk. */
function repeating(): PacketSource {
  const writer = new PcapWriter({
    byteOrder: "little",
    resolution: "microseconds",
    snaplen: 65535,
    linkType: 1,
  });
  const record = writer.record({
    timestampNs: 1_700_000_000_000_000_000n,
    data: new Uint8Array(packetBytes),
  });
  const block = Buffer.concat(Array.from({ length: Math.floor(blockBytes / record.length) }, () => record));
  async function* chunks(bytes: number) {
    yield writer.header();
    for (let sent = 0; sent < bytes; sent += block.length) yield block;
  }
  return {
    kind: "repeating",
    open: async () => ({ ...(await decodeCapture(chunks(nextAnswerBytes()))), warnings: [] }),
    describe: async () => ({}),
  };
}

/** Writes pieces of the chunk size, and lets a mebibyte wait. */
function writeAnswer(target: TLSSocket | ServerHttp2Stream): void {
  const piece = Buffer.alloc(chunkBytes);
  let left = nextAnswerBytes();
  let waiting = 0;
  const written = (): void => {
    waiting -= piece.length;
    if (waiting <= blockBytes / 2) write();
  };
  const write = (): void => {
    while (left > 0 && waiting < blockBytes) {
      left -= piece.length;
      waiting += piece.length;
      target.write(piece, written);
    }
    if (left <= 0 && !target.writableEnded) target.end();
  };
  target.on("error", () => {});
  write();
}

function rawHttp2(): Server {
  const server = createSecureServer(requireClient);
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200 });
    writeAnswer(stream);
  });
  return server;
}

/** Our handlers, and what mounts them. */
function mounted(compression: Pick<ConnectNodeAdapterOptions, "acceptCompression">) {
  const routes = stenographerRoutes({ source: repeating(), limits });
  return { routes, handler: connectNodeAdapter({ routes, contextValues: clientIdentity, ...compression }) };
}

function connectNode(compression: Pick<ConnectNodeAdapterOptions, "acceptCompression">): Server {
  return createSecureServer(requireClient, mounted(compression).handler);
}

/** As the server's README shows it. */
function embedded(): Server {
  const { routes, handler } = mounted({ acceptCompression: [] });
  const server = createSecureServer(
    requireClient,
    (request, response) => routes.answer(request, response) || handler(request, response),
  );
  sendPacketsDirectly(server);
  return server;
}

async function ours(): Promise<number> {
  const source = repeating();
  return (await createStenographerServer({ source, limits, tls, host: "127.0.0.1", port: 0 })).port;
}

/** grpc-js's own server: sends ready pieces, as raw TLS does. */
async function grpcJs(): Promise<number> {
  const server = new GrpcServer();
  const { service } = await grpcJsContract();
  const FetchPcap = (call: ServerWritableStream<object, { pcap: Buffer }>): void => {
    const piece = Buffer.alloc(chunkBytes);
    let left = nextAnswerBytes();
    const write = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!call.write({ pcap: piece })) return void call.once("drain", write);
      }
      call.end();
    };
    write();
  };
  server.addService(service, { FetchPcap });
  const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
  const credentials = ServerCredentials.createSsl(Buffer.from(tls.ca), [pair], true);
  return promisify(server.bindAsync.bind(server))("127.0.0.1:0", credentials);
}

type NodeServerKind = Exclude<ServerKind, "stenogrpc" | "grpc-js" | "grpcio">; // the suite starts Python for grpcio
const servers: Record<NodeServerKind, () => Server> = {
  "raw TLS": () => createServer(requireClient, writeAnswer),
  "raw HTTP/2": rawHttp2,
  "stenogrpc, embedded": embedded,
  "connect-node": () => connectNode({ acceptCompression: [] }),
  "connect-node, stock": () => connectNode({}),
};

async function listen(): Promise<number> {
  if (kind === "stenogrpc") return ours();
  if (kind === "grpc-js") return grpcJs();
  const server = servers[kind as NodeServerKind]();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port; // a TCP server that listens has one
}

if (!digest) withoutDigest();
const port = await listen();
console.log(JSON.stringify({ port }));
process.once("SIGTERM", () => {
  console.log(JSON.stringify(usage.read()));
  process.exit();
});
