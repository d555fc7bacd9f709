import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, renameSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { decodeCapture } from "@stenogrpc/pcap";
import { Stenographer, type StenoRequestSchema } from "@stenogrpc/protocol";
import { ErrorInfoSchema } from "@stenogrpc/protocol/error-details";
import { eventually, pcapOf } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testFolder } from "../test-support/audit.js";
import { tcpFrame } from "../test-support/tcp-frame.js";
import { clientBy, closeAll, type SensorClient, ways } from "../test-support/ways.js";
import { verifyAuditLog } from "./audit/verify-audit-log.js";
import { stenographerRoutes } from "./routes.js";
import type { SensorOptions } from "./sensor-service.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";
import { startTestSensor, type TestSensor } from "./testing/test-sensor.js";
import { reasonOf } from "./to-connect-error.js";

const t0 = 1_700_000_000;
const all = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 100_000) };

let folder: ReturnType<typeof testFolder>;
let file: string;
const sensors: TestSensor[] = [];
beforeEach(() => {
  folder = testFolder();
  file = join(folder.path, "audit.jsonl");
});
afterEach(async () => {
  await closeAll(sensors.splice(0).map(({ server }) => server));
  folder[Symbol.dispose]();
});

describe.each(ways)("%s:", (way) => {
  async function start(options: Partial<SensorOptions> = {}): Promise<SensorClient> {
    const sensor = await startTestSensor({ source: memorySource(capture(10)), audit: { file }, ...options });
    sensors.push(sensor);
    return clientBy(way, sensor.clientOptions);
  }

  it("a fetch is written down before its last message comes", async () => {
    const client = await start({ sensor: "edge-1", limits: { maxBytes: 50_000 } });
    const request = {
      request: { uid: "alert-1", maxPackets: 100n },
      ...all,
      bpf: "udp or tcp",
      reason: "case 4711",
    };
    const pieces: Uint8Array[] = [];
    let lines: Record<string, unknown>[] | undefined;
    for await (const message of client.fetchPcap(request)) {
      pieces.push(message.pcap);
      if (message.summary) lines = auditLines();
    }
    const pcap = Buffer.concat(pieces);
    expect(lines).toEqual([
      {
        seq: 1,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        event: "request",
        server: "stenogrpc/0.1.0",
        sensor: "edge-1",
        rpc: "FetchPcap",
        uid: "alert-1",
        identity: {
          name: "test client",
          subject: "CN=test client",
          subjectAltName: null,
          fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        },
        role: null,
        peer: expect.stringMatching(/127\.0\.0\.1$/),
        reason: "case 4711",
        filter: expect.stringContaining("udp"),
        dialect: "stenographer",
        policy: null,
        window: { from: "2023-11-14T22:13:20Z", to: "2023-11-16T02:00:01Z" },
        limits: { maxBytes: 50_000, maxPackets: 100, payloadBytes: null },
        outcome: "served",
        code: null,
        error: null,
        packets: 10,
        pcapBytes: pcap.length,
        sha256: createHash("sha256").update(pcap).digest("hex"),
        durationMs: expect.any(Number),
        prev: "0".repeat(64),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it("a cut answer, and one without packets, have outcomes of their own", async () => {
    const client = await start();
    await fetchAll(client, { ...all, request: { maxPackets: 3n } });
    await fetchAll(client, { ...all, bpf: "icmp" });
    expect(auditLines()).toMatchObject([
      { outcome: "truncated", packets: 3 },
      { outcome: "no-packets", packets: 0, pcapBytes: 24 },
    ]);
  });

  it("a refused fetch is written down before its error comes, as it was asked", async () => {
    const client = await start();
    expect(await reasonOfFailure(fetchAll(client, { ...all, bpf: "hoost 1", reason: "x" }))).toBe(
      "FILTER_SYNTAX",
    );
    expect(auditLines()).toMatchObject([
      {
        outcome: "refused",
        code: "invalid_argument",
        error: "FILTER_SYNTAX",
        filter: "hoost 1",
        reason: "x",
        window: null,
        packets: 0,
        pcapBytes: 0,
        sha256: null,
      },
    ]);
  });

  it("explanations and descriptions are written down too, refused ones as well", async () => {
    const client = await start();
    await client.explainQuery({ query: { ...all, bpf: "port 80", reason: "case 1" } });
    await client.describeSensor({});
    expect(await reasonOfFailure(client.explainQuery({ query: { bpf: "port 80" } }))).toBe("WINDOW_INVALID");
    expect(auditLines()).toMatchObject([
      { rpc: "ExplainQuery", outcome: "served", filter: "port 80", reason: "case 1", packets: 0 },
      { rpc: "DescribeSensor", outcome: "served", filter: null, identity: { name: "test client" } },
      { rpc: "ExplainQuery", outcome: "refused", error: "WINDOW_INVALID" },
    ]);
  });

  it("the role is written down with what it changed, and who may not ask as well", async () => {
    const client = await start({
      access: [{ commonName: "test client", role: "tier-1" }],
      roles: { "tier-1": { nets: ["10.0.0.0/8"], payloadBytes: 0, maxPackets: 5, info: false } },
    });
    await fetchAll(client, all);
    expect(await reasonOfFailure(client.describeSensor({}))).toBe("RPC_NOT_ALLOWED");
    expect(auditLines()).toMatchObject([
      {
        role: "tier-1",
        policy: expect.stringContaining("10.0.0.0"),
        limits: { maxPackets: 5, payloadBytes: 0 },
      },
      { rpc: "DescribeSensor", outcome: "refused", code: "permission_denied", error: "RPC_NOT_ALLOWED" },
    ]);
  });

  it("a source that fails in the middle leaves what was sent until then", async () => {
    const client = await start({ source: failingSource() });
    const pieces: Uint8Array[] = [];
    const reading = async () => {
      for await (const message of client.fetchPcap({ ...all, request: { chunkSize: 65536n } }))
        pieces.push(message.pcap);
    };
    expect(await reasonOfFailure(reading())).toBe("INTERNAL");
    const pcap = Buffer.concat(pieces);
    expect(pcap.length).toBeGreaterThan(65_536);
    expect(auditLines()).toMatchObject([
      {
        outcome: "failed",
        code: "internal",
        packets: null,
        pcapBytes: pcap.length,
        sha256: createHash("sha256").update(pcap).digest("hex"),
      },
    ]);
  });

  it("a client that leaves is written down as that, once", async () => {
    const client = await start({ source: memorySource(capture(40_000)) });
    const leaving = new AbortController();
    const reading = async () => {
      for await (const _ of client.fetchPcap(all, { signal: leaving.signal })) leaving.abort();
    };
    await expect(reading()).rejects.toThrow();
    await eventually(() => auditLines().length > 0);
    await fetchAll(client, { ...all, bpf: "icmp" });
    const lines = auditLines();
    expect(lines).toMatchObject([
      { outcome: "canceled", code: "canceled", packets: null },
      { outcome: "no-packets" },
    ]);
    expect(Number(lines[0]?.pcapBytes)).toBeGreaterThan(0);
  });

  it("what can't be written down is not answered, whatever it is", async () => {
    const errors: string[] = [];
    const client = await start({
      audit: { write: () => Promise.reject(new Error("the database is away")) },
      logger: { debug() {}, info() {}, warn() {}, error: (_, message = "") => errors.push(message) },
    });
    const sawSummary: boolean[] = [];
    const fetching = async () => {
      for await (const { summary } of client.fetchPcap(all)) sawSummary.push(summary !== undefined);
    };
    expect(await reasonOfFailure(fetching())).toBe("AUDIT_FAILED");
    expect(sawSummary).not.toContain(true);
    expect(await reasonOfFailure(fetchAll(client, { ...all, bpf: "hoost 1" }))).toBe("AUDIT_FAILED");
    expect(await reasonOfFailure(client.explainQuery({ query: all }))).toBe("AUDIT_FAILED");
    expect(await reasonOfFailure(client.describeSensor({}))).toBe("AUDIT_FAILED");
    expect(
      errors.filter((message) => message.includes("could not be written to the audit log")),
    ).toHaveLength(4);
  });

  it("a log that is gone stops the answers until it is back, and says what it lost", async () => {
    const client = await start();
    await fetchAll(client, all);
    renameSync(file, `${file}.away`);
    const failure = await fetchAll(client, all).catch(ConnectError.from);
    expect(failure).toMatchObject({ code: Code.Internal });
    expect(String(failure)).not.toContain(folder.path);
    renameSync(`${file}.away`, file);
    await fetchAll(client, all);
    expect(auditLines().map(({ event }) => event)).toEqual(["request", "lost", "request"]);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true });
  });

  it("answers go on without a log where the operator wants that", async () => {
    const client = await start({ audit: { file, onFailure: "continue" } });
    renameSync(file, `${file}.away`);
    expect((await fetchAll(client, all)).length).toBeGreaterThan(0);
    await client.describeSensor({});
  });

  it("fifty at once are fifty lines of one chain", async () => {
    const client = await start({ limits: { concurrency: 50 } });
    await Promise.all(Array.from({ length: 50 }, () => fetchAll(client, all)));
    expect(auditLines().filter(({ outcome }) => outcome === "served")).toHaveLength(50);
    expect(await verifyAuditLog(file)).toMatchObject({ isIntact: true, lines: 50 });
  });

  it("the server's log names the line of the audit log", async () => {
    const logged: Record<string, unknown>[] = [];
    const note = (fields: object) => logged.push({ ...fields });
    const client = await start({ logger: { debug() {}, info: note, warn: note, error: note } });
    await fetchAll(client, all);
    const [line] = auditLines();
    expect(logged).toContainEqual(
      expect.objectContaining({ auditSeq: 1, auditHash: line?.hash, outcome: "served" }),
    );
  });
});

describe("an audit log of a server", () => {
  it("has calls without a certificate too, on a host that does not ask for one", async () => {
    const routes = stenographerRoutes({ source: memorySource(capture(1)), audit: { file } });
    const server = createServer(connectNodeAdapter({ routes })).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens
    const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${port}`, httpVersion: "2" });
    const client = createClient(Stenographer, transport);
    const reasons = [
      await reasonOfFailure(fetchAll(client, all)),
      await reasonOfFailure(client.explainQuery({ query: all })),
      await reasonOfFailure(client.describeSensor({})),
    ];
    expect(new Set(reasons)).toEqual(new Set(["CLIENT_CERTIFICATE_REQUIRED"]));
    const refused = { outcome: "refused", identity: null, code: "unauthenticated" };
    expect(auditLines()).toMatchObject([
      { ...refused, rpc: "FetchPcap" },
      { ...refused, rpc: "ExplainQuery" },
      { ...refused, rpc: "DescribeSensor" },
    ]);
    await routes.close();
    server.close();
  });

  it("is one server's: another does not start, until the first has closed", async () => {
    const options = { source: memorySource(capture(1)), audit: { file } };
    const first = await startTestSensor(options);
    await expect(startTestSensor(options)).rejects.toMatchObject({ name: "AuditError", kind: "locked" });
    await first.close();
    sensors.push(await startTestSensor(options));
  });

  it("has every retrieval when its server has closed, also those that were cut off", async () => {
    const sensor = await startTestSensor({ source: memorySource(capture(40_000)), audit: { file } });
    const client = clientBy("gRPC, answered directly", sensor.clientOptions);
    const messages = client.fetchPcap(all)[Symbol.asyncIterator]();
    await messages.next();
    await sensor.close();
    expect(auditLines()).toMatchObject([
      { outcome: "failed", code: "unavailable", error: "SERVER_DRAINING" },
    ]);
    await messages.return?.();
  });

  it("takes no option that it does not know", async () => {
    const audit = { file, maxByte: 1 } as { file: string };
    await expect(startTestSensor({ source: memorySource(capture(1)), audit })).rejects.toThrow(
      'audit: unknown key "maxByte"; did you mean "maxBytes"?',
    );
  });
});

function auditLines(): Record<string, unknown>[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function fetchAll(
  client: SensorClient,
  request: MessageInitShape<typeof StenoRequestSchema>,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const { pcap } of client.fetchPcap(request)) pieces.push(pcap);
  return Buffer.concat(pieces);
}

async function reasonOfFailure(answer: Promise<unknown>): Promise<string> {
  const failure = await answer.then(
    () => undefined,
    (error) => ConnectError.from(error),
  );
  if (!failure) throw new Error("it did not fail");
  const [info] = failure.findDetails(ErrorInfoSchema);
  return info?.reason ?? reasonOf(failure);
}

/** `count` TCP packets, one a second. */
function capture(count: number): Uint8Array {
  const data = tcpFrame({ payloadBytes: 946 });
  return pcapOf(
    Array.from({ length: count }, (_, i) => ({ timestampNs: BigInt(t0 + i) * 1_000_000_000n, data })),
  );
}

/** Delivers some, and then throws what no source should. */
function failingSource(): PacketSource {
  const whole = capture(500);
  return {
    kind: "failing",
    async open() {
      const pieces = async function* () {
        yield whole;
        throw new Error("the disk is gone");
      };
      return { ...(await decodeCapture(pieces())), warnings: [] };
    },
    describe: async () => ({}),
  };
}
