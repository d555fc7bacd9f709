// One server of the stream suite, in a process of its own: prints {port}, and its usage when it is told to end.
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { decodeCapture, PcapWriter } from "@stenogrpc/pcap";
import type { PacketSource } from "@stenogrpc/server";
import { clientIdentity, createStenographerServer, stenographerRoutes } from "@stenogrpc/server";
import { usageSince } from "../peer.js";
import type { ServerOptions } from "./suite.js";

const { kind, totalBytes, tls } = JSON.parse(process.argv[2] ?? "") as ServerOptions; // written by suite.ts
const packetBytes = 1000;
const blockBytes = 1024 * 1024;

/** One mebibyte of records, given out until there are `totalBytes`: the pipeline without a disk. */
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
  async function* chunks() {
    yield writer.header();
    for (let sent = 0; sent < totalBytes; sent += block.length) yield block;
  }
  return {
    kind: "repeating",
    open: async () => ({ ...(await decodeCapture(chunks())), warnings: [] }),
    describe: async () => ({}),
  };
}

async function listen(): Promise<number> {
  const requireClient = { ...tls, requestCert: true, rejectUnauthorized: true };
  if (kind === "stenogrpc") {
    return (await createStenographerServer({ source: repeating(), tls, host: "127.0.0.1", port: 0 })).port;
  }
  const server =
    kind === "connect-node"
      ? createSecureServer(
          requireClient,
          connectNodeAdapter({
            routes: stenographerRoutes({ source: repeating() }),
            contextValues: clientIdentity,
            acceptCompression: [],
          }),
        )
      : createServer(requireClient, (socket) => {
          const block = Buffer.alloc(256 * 1024);
          let left = totalBytes;
          const write = (): void => {
            while (left > 0) {
              left -= block.length;
              if (!socket.write(block)) return void socket.once("drain", write);
            }
            socket.end();
          };
          socket.on("error", () => {});
          write();
        });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port; // a TCP server that listens has one
}

console.log(JSON.stringify({ port: await listen() }));
const since = process.cpuUsage();
process.once("SIGTERM", () => {
  console.log(JSON.stringify(usageSince(since)));
  process.exit();
});
