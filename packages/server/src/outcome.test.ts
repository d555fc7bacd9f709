import { decodeCapture } from "@stenogrpc/pcap";
import { eventually, pcapOf } from "@stenogrpc/testkit";
import { afterEach, expect, it } from "vitest";
import { tcpFrame } from "../test-support/tcp-frame.js";
import { clientBy, closeAll, type SensorClient } from "../test-support/ways.js";
import type { AuditRecord } from "./audit/audit-record.js";
import type { LimitsOptions } from "./limits.js";
import type { StenographerServer } from "./server.js";
import type { PacketSource } from "./sources/packet-source.js";
import { SourceError } from "./sources/packet-source.js";
import { startTestSensor } from "./testing/test-sensor.js";

const t0 = 1_700_000_000;
const all = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 100_000), request: { chunkSize: 65_536n } };
const bytes = pcapOf(
  Array.from({ length: 200 }, (_, i) => ({
    timestampNs: BigInt(t0 + i) * 1_000_000_000n,
    data: tcpFrame({ payloadBytes: 946 }),
  })),
);

const servers: StenographerServer[] = [];
afterEach(() => closeAll(servers.splice(0)));

/** A source that does so before its first packet, or behind what fills more than a message. */
function source(when: "before" | "after", trouble: () => Promise<unknown>): PacketSource {
  return {
    kind: "troubled",
    async open() {
      if (when === "before") await trouble();
      const pieces = async function* () {
        yield bytes;
        await trouble();
      };
      return { ...(await decodeCapture(pieces())), warnings: [] };
    },
    describe: async () => ({}),
  };
}

const hang = () => new Promise(() => {});
const fail = () => Promise.reject(new SourceError("source-unavailable", "the disk is gone"));

interface Case {
  readonly source: PacketSource;
  readonly limits?: LimitsOptions;
  readonly bpf?: string;
  /** What happens when the source is at work, and with "after" once a message has come. */
  readonly meanwhile?: (server: StenographerServer, leave: () => void) => void;
  readonly expected: { readonly outcome: "refused" | "failed" | "canceled"; readonly level: string };
}

const drain = (server: StenographerServer): void => void server.close({ graceMs: 0 });
const refused = { outcome: "refused", level: "warn" } as const;
const failed = { outcome: "failed", level: "error" } as const;
/** Not by the sensor's fault, but with something sent. */
const cut = { outcome: "failed", level: "warn" } as const;
const canceled = { outcome: "canceled", level: "info" } as const;

const cases: Record<string, Case> = {
  "a bad filter": { source: source("before", hang), bpf: "hoost 1", expected: refused },
  "a timeout before bytes": { source: source("before", hang), limits: { timeoutMs: 100 }, expected: refused },
  "a timeout after bytes": { source: source("after", hang), limits: { timeoutMs: 500 }, expected: cut },
  "draining before bytes": { source: source("before", hang), meanwhile: drain, expected: refused },
  "draining after bytes": { source: source("after", hang), meanwhile: drain, expected: cut },
  "a source that fails before bytes": { source: source("before", fail), expected: failed },
  "a source that fails after bytes": { source: source("after", fail), expected: failed },
  "a client that leaves before bytes": {
    source: source("before", hang),
    meanwhile: (_, leave) => leave(),
    expected: canceled,
  },
  "a client that leaves after bytes": {
    source: source("after", hang),
    meanwhile: (_, leave) => leave(),
    expected: canceled,
  },
};

it.each(Object.entries(cases))("%s has one outcome in log, metrics and audit", async (name, one) => {
  const { level, outcome } = one.expected;
  const { server, clientOptions, records, lines } = await startRecorded(one.source, one.limits);
  const client = clientBy("gRPC, answered directly", clientOptions);
  const leaving = new AbortController();
  const meanwhile = () => one.meanwhile?.(server, () => leaving.abort());
  const reading = read(client, { bpf: one.bpf ?? "", signal: leaving.signal }, () => {
    if (name.includes("after")) meanwhile();
  });
  if (name.includes("before")) {
    await eventually(() => server.metrics().retrievals.running > 0 || lines.length > 0);
    meanwhile();
  }
  const received = await reading;
  await eventually(() => lines.length > 0);

  expect(received > 0).toBe(name.includes("after"));
  expect(records).toMatchObject([{ outcome }]);
  expect(lines).toEqual([{ level, message: `retrieval ${outcome}`, outcome }]);
  const { refused, failed, canceled, served, shortfalls } = server.metrics().retrievals;
  expect(shortfalls).toEqual([{ outcome, reason: expect.stringMatching(/^[A-Z_]+$/), count: 1 }]);
  expect({ refused, failed, canceled, served }).toEqual({
    ...{ refused: 0, failed: 0, canceled: 0, served: 0 },
    [outcome]: 1,
  });
});

it("a call with one answer whose client leaves is no error in the log, and canceled in the audit", async () => {
  let isAsked = false;
  const describe = (): Promise<never> => {
    isAsked = true;
    return new Promise(() => {});
  };
  const troubled = { ...source("before", hang), describe };
  const { clientOptions, records, lines } = await startRecorded(troubled);
  const leaving = new AbortController();
  const client = clientBy("gRPC, answered directly", clientOptions);
  const answer = client.describeSensor({}, { signal: leaving.signal });
  const failed = expect(answer).rejects.toThrow();
  await eventually(() => isAsked);
  leaving.abort();
  await failed;
  await eventually(() => lines.length > 0);
  expect(records).toMatchObject([{ outcome: "canceled" }]);
  expect(lines).toMatchObject([{ level: "info", message: "call canceled" }]);
});

/** A server with what it writes down, and what it logs of requests. */
async function startRecorded(source: PacketSource, limits: LimitsOptions = {}) {
  const records: AuditRecord[] = [];
  const lines: { level: string; message: string | undefined; outcome: unknown }[] = [];
  const at = (level: string) => (fields: object, message?: string) => {
    if ("rpc" in fields) lines.push({ level, message, outcome: Reflect.get(fields, "outcome") });
  };
  const { server, clientOptions } = await startTestSensor({
    source,
    limits,
    audit: { write: async (record) => void records.push(record) },
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  });
  servers.push(server);
  return { server, clientOptions, records, lines };
}

/** Reads an answer until it fails. */
async function read(
  client: SensorClient,
  { bpf, signal }: { bpf: string; signal: AbortSignal },
  onMessage: () => void,
): Promise<number> {
  let received = 0;
  try {
    for await (const { pcap } of client.fetchPcap({ ...all, bpf }, { signal })) {
      received += pcap.length;
      onMessage();
    }
  } catch {
    return received;
  }
  throw new Error("it did not fail");
}
