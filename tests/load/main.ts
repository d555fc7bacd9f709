// npm run test:load -- --connections 500 --retrievals 200 --places 50
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createStenographerClient, type NodeStenographerClient } from "@stenogrpc/client/node";
import { eventually, openSockets, peakResidentBytes, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { attempt } from "../faults/attempt.js";
import { KnownCapture } from "../faults/known-capture.js";
import { settingsFor, startServing } from "../faults/serve.js";
import { buildDist } from "../real/support/script.js";
import { createWorkplace } from "../real/support/sensor.js";
import { campaignOptions, endCampaign } from "../support/campaign.js";

const { connections, retrievals, places } = campaignOptions({
  connections: 500,
  retrievals: 200,
  places: 50,
});
const mostMemoryBytes = 600 * 1024 * 1024;

buildDist();
const workplace = await createWorkplace();
const { path } = workplace;
mkdirSync(path("captures"));
mkdirSync(path("tmp"));
await writeSyntheticTraffic(path("captures/known.pcap"), { packets: 10_000, maxPayload: 1400 });
const truth = new KnownCapture(path("captures/known.pcap")).first();
const limits = {
  queue: { length: 0 },
  connections: connections + 10,
  connections_per_address: connections + 10,
};
writeFileSync(
  path("serve.yaml"),
  settingsFor(
    workplace.server,
    { kind: "directory", path: path("captures") },
    { workers: places, limits, log_level: "warn" },
  ),
);
const { port, pid, program } = await startServing(
  path("serve.yaml"),
  { log: path("serve.log"), temporary: path("tmp") },
  {
    NODE_OPTIONS: `--import ${import.meta.dirname}/event-loop-delay.mjs`,
    EVENT_LOOP_DELAY: path("delay.json"),
  },
);

const clients = Array.from({ length: connections }, connect);
const startedAt = performance.now();
await Promise.all(clients.map((client) => client.describeSensor()));
const connectedMs = performance.now() - startedAt;
const open = openSockets(pid).filter(
  ({ localPort, state }) => localPort === port && state === "established",
).length;

// Nobody gives a place back before everyone has asked: each reader waits after its first piece.
let isEveryoneIn = (): void => {};
const everyoneIn = new Promise<void>((resolve) => {
  isEveryoneIn = resolve;
});
let settled = 0;
const outcomes = clients.slice(0, retrievals).map((client) => retrieve(client));
await eventually(() => settled === retrievals, { timeoutMs: 60_000, what: "an answer to everyone" });
isEveryoneIn();
const results = await Promise.all(outcomes);
const count = (what: string): number => results.filter((result) => result === what).length;
const [whole, refused] = [count("whole"), count("refused")];

process.kill(pid, "SIGUSR2");
const delay = await eventually(() => JSON.parse(readFileSync(path("delay.json"), "utf8")));
const peak = peakResidentBytes(pid);
await Promise.all(clients.map((client) => client.close()));
process.kill(pid, "SIGTERM");
const code = await program.ended;
console.log(`${open} of ${connections} connections open, after ${connectedMs.toFixed(0)} ms`);
console.log(
  `${retrievals} retrievals at once, ${places} places: ${whole} whole, ${refused} refused with a time to try again`,
);
const odd = [...new Set(results.filter((result) => result !== "whole" && result !== "refused"))];
if (odd.length > 0) console.log(`besides: ${odd.join(", ")}`);
console.log(
  `event loop late by ${delay.meanMs.toFixed(1)} ms on average, ${delay.p99Ms.toFixed(0)} at the 99th percentile, ${delay.maxMs.toFixed(0)} at most`,
);
console.log(`${Math.round(peak / 2 ** 20)} MiB resident at most`);
const checks = [
  open === connections,
  whole === places,
  refused === retrievals - places,
  code === 0,
  peak < mostMemoryBytes,
];
const failed = checks.filter((isGood) => !isGood).length;
workplace.remove();
endCampaign({ passed: checks.length - failed, failed });

function connect(): NodeStenographerClient {
  return createStenographerClient({
    server: `127.0.0.1:${port}`,
    tls: workplace.client,
    streamWindowBytes: 4_194_304,
    connectionWindowBytes: 16_777_216,
    connectTimeoutMs: 60_000,
    retryForMs: 0,
  });
}

/** One retrieval, that holds its place until everyone has asked. */
async function retrieve(client: NodeStenographerClient): Promise<string> {
  let isIn = false;
  const settle = (): void => {
    if (!isIn) settled++;
    isIn = true;
  };
  const result = await attempt(client, truth, {
    momentBytes: 1,
    async onMoment() {
      settle();
      await everyoneIn;
    },
  });
  settle();
  if (result.said === "complete" && result.isWhole) return "whole";
  return result.said === "NO_FREE_SLOT" && result.retryAfterMs !== undefined ? "refused" : result.said;
}
