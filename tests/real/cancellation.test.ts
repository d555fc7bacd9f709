import { join } from "node:path";
import {
  childProcesses,
  eventually,
  openFilesBelow,
  openSockets,
  processesMentioning,
  type RunningStenographer,
  startStenographer,
  type TrafficTruth,
  temporaryFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Script, startScript } from "./support/script.js";
import {
  createWorkplace,
  type Sensor,
  startSensor,
  stenographerSources,
  type Workplace,
} from "./support/sensor.js";
import type { SourceConfig } from "./support/source-config.js";

/** The time within which everything of an abandoned fetch has to be gone. */
const goneMs = 2000;

let workplace: Workplace;
let daemon: RunningStenographer;
let pcap = "";
let truth: TrafficTruth;

beforeAll(async () => {
  workplace = await createWorkplace();
  pcap = join(workplace.folder, "large.pcap");
  // Far more than windows and buffers on the way can hold, so that everyone is blocked.
  truth = await writeSyntheticTraffic(pcap, { packets: 150_000, maxPayload: 1400, plain: true });
  daemon = await startStenographer({ pcap, mode: "files" });
});

afterAll(async () => {
  await daemon.stop();
  workplace.remove();
});

const kinds = ["stenoread", "stenographer", "directory"] as const;

function sourceOf(kind: (typeof kinds)[number]): SourceConfig {
  if (kind === "directory") return { kind, path: workplace.folder, pattern: "large.pcap" };
  return stenographerSources(daemon)[kind];
}

/** A client that took the first bytes and takes no more. */
async function startHangingClient(sensor: Sensor): Promise<Script> {
  const client = startScript(
    "run-client",
    {
      server: sensor.address,
      tls: workplace.client,
      fromNs: String(truth.firstNs),
      toNs: String(truth.lastNs + 1n),
      hang: true,
    },
    "sources",
  );
  await client.lineWith("chunk");
  return client;
}

/** What a retrieval holds in the server's process and around it. */
function held(sensor: Sensor, kind: string) {
  return {
    children: childProcesses(sensor.pid).filter(({ command }) => !command.includes("esbuild")),
    strays: processesMentioning(`127.0.0.1:${daemon.port}`),
    toDaemon: openSockets(sensor.pid).filter(({ remotePort }) => remotePort === daemon.port),
    captures: kind === "directory" ? openFilesBelow(sensor.pid, workplace.folder) : [],
    temporary: temporaryFiles(sensor.temporary).filter((name) => !name.startsWith("tsx-")),
  };
}

const nothing = { children: [], strays: [], toDaemon: [], captures: [], temporary: [] };

/** Proves that the retrieval is at work, so that the emptiness after it says something. */
async function expectAtWork(sensor: Sensor, kind: string): Promise<void> {
  await eventually(() => {
    const { children, toDaemon, captures } = held(sensor, kind);
    if (kind === "stenoread") return children.length >= 3;
    return kind === "directory" ? captures.length > 0 : toDaemon.length > 0;
  });
}

async function expectGone(sensor: Sensor, kind: string): Promise<void> {
  let seen: object = {};
  await eventually(
    () => {
      seen = { ...held(sensor, kind), clients: clientsOf(sensor).length };
      return JSON.stringify(seen) === JSON.stringify({ ...nothing, clients: 0 });
    },
    { timeoutMs: goneMs, what: "an end without leftovers" },
  ).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
  });
}

function clientsOf(sensor: Sensor) {
  const port = Number(sensor.address.split(":")[1]);
  return openSockets(sensor.pid).filter(
    ({ localPort, state }) => localPort === port && state !== "listening",
  );
}

describe.each(kinds)("a fetch through %s, of a client that has stopped reading", (kind) => {
  let sensor: Sensor;

  beforeAll(async () => {
    sensor = await startSensor(workplace, sourceOf(kind));
  });

  afterAll(() => sensor.stop());

  it("leaves nothing when the client aborts it", async () => {
    const client = await startHangingClient(sensor);
    await expectAtWork(sensor, kind);
    client.process.kill("SIGUSR2");
    const { failure } = await client.lineWith("failure");
    expect(failure).toMatchObject({ code: "canceled", reason: "CANCELED" });
    await expectGone(sensor, kind);
    // The client's process still runs, and holds no socket.
    await eventually(() => openSockets(client.pid).length === 0, { timeoutMs: goneMs });
    await client.stop();
  });

  it("leaves nothing when the client is killed", async () => {
    const client = await startHangingClient(sensor);
    await expectAtWork(sensor, kind);
    client.process.kill("SIGKILL");
    await expectGone(sensor, kind);
  });

  it("gives its slot back, so that the next one is served whole", async () => {
    const client = sensor.connect();
    const everything = { from: truth.firstNs, to: truth.lastNs + 1n };
    const fetch = client.fetchPcap({ ...everything, filter: "icmp", dialect: "stenographer" });
    for await (const _ of fetch);
    const result = await fetch.summary;
    expect([result.verdict, result.packets]).toEqual(["complete", truth.protocols.get(1)]);
    await client.close();
    // A connection to the daemon may be kept for the next query after a good end; a child may not.
    await eventually(() => held(sensor, kind).children.length === 0);
  });
});
