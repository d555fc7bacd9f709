// Our client, and grpc-js for the daemon's native service, in a process of its own: is sent what to ask, and sends what it measured.
import { readFileSync } from "node:fs";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { createStenographerClient } from "@stenogrpc/client/node";
import { UsageMeter } from "../peer.js";
import type { ClientOptions } from "./suite.js";

const chunkBytes = 1024 * 1024;

/** What came: packets only where they are counted. */
interface Received {
  readonly bytes: number;
  readonly packets?: number;
}

async function ours({ port, tls, fromNs, toNs, filter }: ClientOptions): Promise<Received> {
  const client = createStenographerClient({ server: `localhost:${port}`, tls });
  const window = { from: BigInt(fromNs), to: BigInt(toNs) };
  // The daemon reads the same text.
  const fetch = client.fetchPcap({ ...window, filter, dialect: "stenographer", chunkBytes });
  let bytes = 0;
  const { packets } = await fetch.forEachPiece((piece) => {
    bytes += piece.length;
  });
  await client.close();
  return { bytes, packets };
}

async function native({ port, tls, text }: ClientOptions): Promise<Received> {
  const definition = await load(new URL("./native.proto", import.meta.url).pathname, { keepCase: true });
  // The definition is made at run time, so its types are not known here.
  const { steno } = loadPackageDefinition(definition) as unknown as {
    steno: {
      Stenographer: new (...args: unknown[]) => { RetrievePcap(r: object): AsyncIterable<{ pcap?: Buffer }> };
    };
  };
  const ssl = credentials.createSsl(readFileSync(tls.ca), readFileSync(tls.key), readFileSync(tls.cert));
  const client = new steno.Stenographer(`localhost:${port}`, ssl, { "grpc.max_receive_message_length": -1 });
  const call = client.RetrievePcap({
    uid: `bench-${process.pid}`,
    chunk_size: chunkBytes,
    max_size: 0,
    query: text,
  });
  let bytes = 0;
  for await (const { pcap } of call) bytes += pcap?.length ?? 0;
  return { bytes };
}

process.on("message", async (options: ClientOptions) => {
  const usage = new UsageMeter();
  const startedAt = performance.now();
  const received = await (options.kind === "native" ? native(options) : ours(options));
  const ms = performance.now() - startedAt;
  process.send?.({ ...received, ms, clientCpuSeconds: usage.read().cpuSeconds });
});
