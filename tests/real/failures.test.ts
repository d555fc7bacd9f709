import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createStenographerClient,
  type NodeStenographerClient,
  type StenographerError,
} from "@stenogrpc/client/node";
import {
  eventually,
  expectNoChildren,
  openFilesBelow,
  processesMentioning,
  type RunningStenographer,
  startStenographer,
  startTcpProxy,
  type TrafficTruth,
  temporaryFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createWorkplace,
  type Sensor,
  startSensor,
  stenographerSources,
  type Workplace,
} from "./support/sensor.js";
import type { SourceConfig } from "./support/source-config.js";

let workplace: Workplace;
let pcap = "";
let truth: TrafficTruth;

beforeAll(async () => {
  workplace = await createWorkplace();
  pcap = join(workplace.folder, "large.pcap");
  // More than buffers on the way can hold: the answer is under way when something breaks.
  truth = await writeSyntheticTraffic(pcap, { packets: 150_000, maxPayload: 1400, plain: true });
});

afterAll(() => workplace.remove());

function fetchEverything(client: NodeStenographerClient) {
  return client.fetchPcap({ from: truth.firstNs, to: truth.lastNs + 1n });
}

/** Runs a fetch to its end, which must be a failure, both for the bytes and for the summary. */
async function failureOf(
  client: NodeStenographerClient,
  afterFirst?: () => Promise<void>,
): Promise<StenographerError> {
  const fetch = fetchEverything(client);
  const summary = fetch.summary.then(
    (result) => ({ verdict: result.verdict }),
    (error) => ({ reason: error.reason }),
  );
  let pending = afterFirst;
  const error = await (async () => {
    for await (const _ of fetch) {
      await pending?.();
      pending = undefined;
    }
  })().then(
    () => undefined,
    (problem: StenographerError) => problem,
  );
  if (error === undefined) throw new Error("the fetch did not fail");
  expect(await summary).toEqual({ reason: error.reason });
  return error;
}

async function withSensor(
  source: SourceConfig,
  use: (sensor: Sensor, client: NodeStenographerClient) => Promise<void>,
) {
  const sensor = await startSensor(workplace, source);
  const client = sensor.connect();
  try {
    await use(sensor, client);
    await eventually(
      () => temporaryFiles(sensor.temporary).filter((name) => !name.startsWith("tsx-")).length === 0,
    );
  } finally {
    await client.close();
    await sensor.stop();
  }
}

/** The last word of the server's log on a retrieval. */
function logged(sensor: Sensor): string {
  return JSON.stringify(sensor.script.lines);
}

describe("a source that is not there", () => {
  let down: RunningStenographer;

  beforeAll(async () => {
    down = await startStenographer({ pcap: await tiny(), mode: "files" });
    await down.kill();
  });

  afterAll(() => down.stop());

  async function tiny(): Promise<string> {
    const path = join(workplace.folder, "tiny.pcap");
    await writeSyntheticTraffic(path, { packets: 10 });
    return path;
  }

  it.each(["stenoread", "stenographer"] as const)(
    "%s: a daemon that is down is Unavailable",
    async (kind) => {
      await withSensor(stenographerSources(down)[kind], async (sensor, client) => {
        const error = await failureOf(client);
        expect([error.code, error.reason, error.retryable]).toEqual([
          "unavailable",
          "SOURCE_UNAVAILABLE",
          true,
        ]);
        expect(error.message).not.toContain(String(down.port));
        await eventually(() => logged(sensor).includes("SOURCE_UNAVAILABLE"));
      });
    },
  );

  it("stenoread that is not installed is Unavailable", async () => {
    const command = join(workplace.folder, "no-such-stenoread");
    await withSensor({ kind: "stenoread", command }, async (_, client) => {
      const error = await failureOf(client);
      expect([error.code, error.reason]).toEqual(["unavailable", "SOURCE_UNAVAILABLE"]);
      expect(error.message).not.toContain(workplace.folder);
    });
  });

  it.each(["stenoread", "stenographer"] as const)(
    "%s: a configuration that is missing is Unavailable",
    async (kind) => {
      await withSensor({ kind, config: join(workplace.folder, "no-such-config") }, async (_, client) => {
        const error = await failureOf(client);
        expect([error.code, error.reason]).toEqual(["unavailable", "SOURCE_UNAVAILABLE"]);
      });
    },
  );

  // stenocurl writes only some kilobytes a second to stderr there, so waiting for a flood takes minutes.
  it("stenoread with a configuration over which stenocurl loops for ever ends soon, and leaves no child", async () => {
    const config = join(workplace.folder, "empty-config");
    writeFileSync(config, "{}");
    await withSensor({ kind: "stenoread", config }, async (sensor, client) => {
      const error = await failureOf(client);
      expect(["unavailable", "internal"]).toContain(error.code);
      expect(["SOURCE_UNAVAILABLE", "SOURCE_FAILED"]).toContain(error.reason);
      await eventually(() => {
        expectNoChildrenButLoader(sensor.pid);
        return true;
      });
    });
  }, 60_000);

  it("stenographer under another CA is Unavailable, and no packet is read", async () => {
    const { folder } = down.certs;
    const other = await startStenographer({ pcap: await tiny(), mode: "files" });
    const source: SourceConfig = {
      kind: "stenographer",
      host: other.host,
      port: other.port,
      ca: join(folder, "ca_cert.pem"),
      cert: other.certs.cert,
      key: other.certs.key,
    };
    await withSensor(source, async (_, client) => {
      const error = await failureOf(client);
      expect([error.code, error.reason]).toEqual(["unavailable", "SOURCE_UNAVAILABLE"]);
    });
    await other.stop();
  });
});

describe("what breaks while an answer is under way", () => {
  it.each(["stenoread", "stenographer"] as const)("%s: the daemon is killed", async (kind) => {
    const daemon = await startStenographer({ pcap, mode: "files" });
    await withSensor(stenographerSources(daemon)[kind], async (sensor, client) => {
      const error = await failureOf(client, daemon.kill);
      expect([error.code, error.reason]).toEqual(["internal", "SOURCE_FAILED"]);
      await eventually(() => logged(sensor).includes("SOURCE_FAILED"));
      await eventually(() => processesMentioning(`127.0.0.1:${daemon.port}`).length === 0);
    });
    await daemon.stop();
  });

  it("a file that is being saved is gone when the daemon is killed", async () => {
    const daemon = await startStenographer({ pcap, mode: "files" });
    const folder = join(workplace.folder, "saved");
    await withSensor(stenographerSources(daemon).stenographer, async (_, client) => {
      const target = join(folder, "alert.pcap");
      mkdirSync(folder);
      let isKilled = false;
      const saving = fetchEverything(client).toFile(target, {
        onProgress: () => {
          if (!isKilled) void daemon.kill();
          isKilled = true;
        },
      });
      const error = await saving.then(() => undefined).catch((problem: StenographerError) => problem);
      expect(error).toMatchObject({ code: "internal", reason: "SOURCE_FAILED" });
      expect(existsSync(target)).toBe(false);
      expect(temporaryFiles(folder)).toEqual([]);
    });
    await daemon.stop();
  });

  it("our own server is killed", async () => {
    const sensor = await startSensor(workplace, {
      kind: "directory",
      path: workplace.folder,
      pattern: "large.pcap",
    });
    const client = sensor.connect();
    const error = await failureOf(client, async () => {
      sensor.script.process.kill("SIGKILL");
    });
    expect([error.code, error.reason, error.retryable]).toEqual(["unavailable", "CONNECTION_LOST", true]);
    await client.close();
  });

  it("the network between client and server is cut", async () => {
    await withSensor({ kind: "directory", path: workplace.folder, pattern: "large.pcap" }, async (sensor) => {
      const [host = "", port] = sensor.address.split(":");
      const proxy = await startTcpProxy({ host, port: Number(port) });
      const client = createStenographerClient({ server: `127.0.0.1:${proxy.port}`, tls: workplace.client });
      const error = await failureOf(client, async () => proxy.cut());
      expect([error.code, error.reason]).toEqual(["unavailable", "CONNECTION_LOST"]);
      // The server gives up its place and its file too, without being told to stop.
      await eventually(() => openFilesBelow(sensor.pid, workplace.folder).length === 0, {
        timeoutMs: 2000,
        what: "the end of the retrieval whose connection was cut",
      });
      await client.close();
      await proxy.close();
    });
  });
});

/** tsx keeps a compiler beside a script that runs on sources. */
function expectNoChildrenButLoader(pid: number): void {
  try {
    expectNoChildren(pid);
  } catch (error) {
    const children = String(error).split("\n").slice(1);
    const ours = children.filter((line) => !line.includes("esbuild"));
    if (ours.length > 0) throw error;
  }
}
