// The client of the latency suite, in a process of its own: prints how long each call took, in milliseconds.
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createStenographerClient } from "@stenogrpc/client/node";
import { Stenographer } from "@stenogrpc/protocol";
import type { ClientOptions } from "./suite.js";

const { port, tls, warmCalls, coldCalls } = JSON.parse(process.argv[2] ?? "") as ClientOptions; // written by suite.ts
const seconds = 1_700_000_000;
const window = { from: seconds, to: seconds + 1, maxPackets: 10 };
const newClient = () => createStenographerClient({ server: `localhost:${port}`, tls });

const client = newClient();
const transport = createGrpcTransport({
  baseUrl: `https://localhost:${port}`,
  nodeOptions: tls,
  acceptCompression: [],
});
const stock = createClient(Stenographer, transport);
const stockRequest = {
  request: { maxPackets: 10n },
  epochStart: BigInt(seconds),
  epochEnd: BigInt(seconds),
};

const calls: Record<string, () => Promise<void>> = {
  "an empty unary call, ours": async () => void (await client.describeSensor()),
  "10 packets, ours": () => fetchTen(client),
  "10 packets, connect-node's client": async () => {
    for await (const _ of stock.fetchPcap(stockRequest));
  },
};
const coldly: Record<string, () => Promise<void>> = {
  "an empty unary call, ours, new connection": async () => {
    await using fresh = newClient();
    await fresh.describeSensor();
  },
  "10 packets, ours, new connection": async () => {
    await using fresh = newClient();
    await fetchTen(fresh);
  },
};

async function fetchTen(asked: typeof client): Promise<void> {
  const fetch = asked.fetchPcap(window);
  for await (const _ of fetch);
  const { packets } = await fetch.summary;
  if (packets !== 10) throw new Error(`${packets} packets`);
}

async function measure(what: Record<string, () => Promise<void>>, times: number) {
  const latencies = Object.fromEntries(Object.keys(what).map((name) => [name, [] as number[]]));
  // Compiled and connected, before anything counts.
  for (const call of Object.values(what)) for (let i = 0; i < times / 4; i++) await call();
  for (let i = 0; i < times; i++) {
    for (const [name, call] of Object.entries(what)) {
      const startedAt = performance.now();
      await call();
      latencies[name]?.push(performance.now() - startedAt);
    }
  }
  return latencies;
}

console.log(JSON.stringify({ ...(await measure(calls, warmCalls)), ...(await measure(coldly, coldCalls)) }));
process.exit();
