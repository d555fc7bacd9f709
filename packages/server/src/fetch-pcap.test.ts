import { createHash } from "node:crypto";
import { setTimeout as timer } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues, createHandlerContext } from "@connectrpc/connect";
import type { FilterProblem, Response } from "@stenogrpc/protocol";
import {
  FilterDialect,
  FilterProblemSchema,
  Status,
  Stenographer,
  StenoRequestSchema,
  StoppedBy,
} from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { tcpFrame } from "../test-support/tcp-frame.js";
import { clientBy, closeAll, type SensorClient, ways } from "../test-support/ways.js";
import type { AuditRecord } from "./audit/audit-record.js";
import { fetchPcap } from "./fetch-pcap.js";
import { clientIdentityKey } from "./identity.js";
import { RequestError } from "./request-error.js";
import { SensorService } from "./sensor-service.js";
import type { PacketSource } from "./sources/packet-source.js";
import { SourceError } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";
import type { TestSensor, TestSensorOptions } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

const sensors: TestSensor[] = [];

afterEach(async () => {
  await closeAll(sensors.splice(0).map(({ server }) => server));
});

async function startOne(options: TestSensorOptions): Promise<TestSensor> {
  const sensor = await startTestSensor(options);
  sensors.push(sensor);
  return sensor;
}

/** Second of the first packet of every capture here. */
const t0 = 1_700_000_000;

/** `count` TCP packets to port 80 and 81 in turn, one a second. */
function capture(count: number, payloadBytes = 40): Uint8Array {
  return pcapOf(
    Array.from({ length: count }, (_, i) => ({
      timestampNs: BigInt(t0 + i) * 1_000_000_000n,
      data: tcpFrame({ toPort: 80 + (i % 2), payloadBytes }),
    })),
  );
}

function someIdentity() {
  const identity = { commonName: "a", subject: "CN=a", subjectAltName: undefined, fingerprint256: "AA" };
  return createContextValues().set(clientIdentityKey, {
    ...identity,
    ...{ dns: [], uris: [], emails: [], ips: [] },
  });
}

/** The context of a fetch, for handlers that are called by hand. */
function callContext(
  more: Pick<Parameters<typeof createHandlerContext>[0], "contextValues" | "requestSignal">,
) {
  return createHandlerContext({
    service: Stenographer,
    method: Stenographer.method.fetchPcap,
    protocolName: "grpc",
    requestMethod: "POST",
    url: "https://localhost/",
    ...more,
  });
}

const all = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 100_000) };

async function fetchAll(client: SensorClient, request: MessageInitShape<typeof StenoRequestSchema>) {
  const messages: Response[] = [];
  for await (const message of client.fetchPcap(request)) messages.push(message);
  return { messages, last: messages.at(-1)!, pcap: Buffer.concat(messages.map((m) => m.pcap)) }; // at least the last message came
}

async function failureOf(answer: Promise<unknown>): Promise<ConnectError> {
  try {
    await answer;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("did not fail");
}

describe.each(ways)("%s:", (way) => {
  const connect = (sensor: TestSensor) => clientBy(way, sensor.clientOptions);
  const start = async (options: TestSensorOptions) => connect(await startOne(options));

  describe("fetchPcap", () => {
    it("sends the packets of the window, and says in the last message what it sent", async () => {
      const client = await start({ capture: capture(10), sensor: "edge-1" });
      const { messages, last, pcap } = await fetchAll(client, {
        request: { uid: "alert-1" },
        epochStart: BigInt(t0 + 2),
        epochEnd: BigInt(t0 + 4),
        bpf: "port 80",
      });
      expect(messages.every((message) => message.uid === "alert-1")).toBe(true);
      expect(
        messages.slice(0, -1).every((message) => message.summary === undefined && message.status === 0),
      ).toBe(true);
      expect(last.status).toBe(Status.OK);
      expect(last.pcap.length).toBe(0);
      expect(last.summary).toMatchObject({
        packets: 2n,
        pcapBytes: BigInt(24 + 2 * (16 + 94)),
        firstPacket: { seconds: BigInt(t0 + 2), nanos: 0 },
        lastPacket: { seconds: BigInt(t0 + 4), nanos: 0 },
        stoppedBy: StoppedBy.NOTHING,
        source: "memory",
        sensor: "edge-1",
        recordsSeen: 10n,
        recordsOutsideWindow: 7n,
        recordsUnmatched: 1n,
        windowStart: { seconds: BigInt(t0 + 2), nanos: 0 },
        windowEnd: { seconds: BigInt(t0 + 5), nanos: 0 },
        filter: "port 80",
      });
      expect(Buffer.from(last.summary!.sha256)).toEqual(createHash("sha256").update(pcap).digest()); // checked above
      expect(pcap.length).toBe(24 + 2 * (16 + 94));
    });

    it("tells the server's time", async () => {
      const client = await start({ capture: capture(1) });
      const { last } = await fetchAll(client, all);
      for (const serverTime of [last.summary?.serverTime, (await client.describeSensor({})).serverTime]) {
        expect(Math.abs(Number(serverTime?.seconds) - Date.now() / 1000)).toBeLessThan(60);
      }
    });

    it("counts what matches only behind a VLAN tag, where tcpdump's language does not look", async () => {
      const tagged = (toPort: number, vlan?: number) => tcpFrame({ toPort, ...(vlan && { vlan }) });
      const frames = [tagged(80), tagged(80, 5), tagged(81, 5), tagged(80, 7), tagged(81)];
      const client = await start({
        capture: pcapOf(frames.map((data, i) => ({ timestampNs: BigInt(t0 + i) * 1_000_000_000n, data }))),
      });
      const ask = async (bpf: string, more: MessageInitShape<typeof StenoRequestSchema> = {}) => {
        const { last } = await fetchAll(client, { ...all, bpf, dialect: FilterDialect.PCAP, ...more });
        const { packets, recordsUnmatched, recordsBehindVlan, warnings } = last.summary!; // the last message has one
        return [packets, recordsUnmatched, recordsBehindVlan, warnings];
      };
      expect(await ask("port 80")).toEqual([
        1n,
        4n,
        2n,
        [
          "2 packets match only behind a VLAN tag, where this filter does not look: ask with vlan_transparent (vlanTransparent, --any-vlan)",
        ],
      ]);
      expect(await ask("port 81")).toEqual([1n, 4n, 1n, [expect.stringMatching(/^1 packet matches only /)]]);
      // Only of the window.
      expect((await ask("port 80", { epochEnd: BigInt(t0 + 2) }))[2]).toBe(1n);
      // All that there is: asked to look there, naming a tag, another language, another match.
      expect(await ask("port 80", { vlanTransparent: true })).toEqual([3n, 2n, 0n, []]);
      expect(await ask("vlan 9 and port 80")).toEqual([0n, 5n, 0n, []]);
      expect(await ask("port 80", { dialect: FilterDialect.STENOGRAPHER })).toEqual([3n, 2n, 0n, []]);
      expect(await ask("port 82")).toEqual([0n, 5n, 0n, []]);
    });

    it("answers with an empty capture and NO_PACKETS where nothing matches, and ends", async () => {
      const client = await start({ capture: capture(10) });
      const { messages, last, pcap } = await fetchAll(client, { ...all, bpf: "udp" });
      expect(pcap.length).toBe(24);
      expect(messages.length).toBe(2);
      expect(last.status).toBe(Status.NO_PACKETS);
      expect(last.summary).toMatchObject({ packets: 0n, stoppedBy: StoppedBy.NOTHING });
      expect(last.summary?.firstPacket).toBeUndefined();
    });

    it("matches BSD loopback packets of either byte order, whatever that of the answer is", async () => {
      const ip = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 53, 0, 8, 0, 0,
      ];
      const frames = [Uint8Array.of(2, 0, 0, 0, ...ip), Uint8Array.of(0, 0, 0, 2, ...ip)];
      for (const byteOrder of ["little", "big"] as const) {
        const loopback = pcapOf(
          frames.map((data) => ({ timestampNs: BigInt(t0 + 1) * 1_000_000_000n, data })),
          { byteOrder, resolution: "microseconds", snaplen: 65_535, linkType: 0 },
        );
        const client = await start({ capture: loopback });
        const ofDns = { ...all, bpf: "udp port 53", dialect: FilterDialect.PCAP };
        expect((await fetchAll(client, ofDns)).last.summary?.packets).toBe(2n);
        const others = { ...all, bpf: "not ip", dialect: FilterDialect.PCAP };
        expect((await fetchAll(client, others)).last.status).toBe(Status.NO_PACKETS);
      }
    });

    it("cuts messages between records, so that every prefix is a valid capture", async () => {
      const client = await start({ capture: capture(2000, 1000) });
      const { messages } = await fetchAll(client, { ...all, request: { chunkSize: 1000n } });
      const recordBytes = 16 + 54 + 1000;
      let total = 0;
      for (const message of messages) {
        total += message.pcap.length;
        expect((total - 24) % recordBytes).toBe(0);
        expect(message.pcap.length).toBeLessThanOrEqual(64 * 1024);
      }
      expect(total).toBe(24 + 2000 * recordBytes);
      expect(messages.length).toBeGreaterThan(30);
    });

    it("never cuts a packet in half at max_size, and says that it stopped there", async () => {
      const client = await start({ capture: capture(10) });
      const recordBytes = 16 + 94;
      const { last, pcap } = await fetchAll(client, {
        ...all,
        request: { maxSize: BigInt(24 + 3 * recordBytes + 50) },
      });
      expect(pcap.length).toBe(24 + 3 * recordBytes);
      expect(last.status).toBe(Status.TRUNCATED);
      expect(last.summary?.stoppedBy).toBe(StoppedBy.MAX_BYTES);
    });

    it("is complete where the packets exactly reach the limit", async () => {
      const client = await start({ capture: capture(10) });
      const { last } = await fetchAll(client, { ...all, request: { maxPackets: 10n } });
      expect(last.status).toBe(Status.OK);
      expect(last.summary).toMatchObject({ packets: 10n, stoppedBy: StoppedBy.NOTHING });
    });

    it("stops at max_packets and at the server's own limit, and tells them apart", async () => {
      const client = await start({ capture: capture(10), limits: { maxPackets: 5 } });
      const mine = await fetchAll(client, { ...all, request: { maxPackets: 3n } });
      expect(mine.last.summary).toMatchObject({ packets: 3n, stoppedBy: StoppedBy.MAX_PACKETS });
      const theirs = await fetchAll(client, { ...all, request: { maxPackets: 9n } });
      expect(theirs.last.summary).toMatchObject({ packets: 5n, stoppedBy: StoppedBy.SERVER_LIMIT });
    });

    it("keeps every packet of an `or` filter inside a narrow window", async () => {
      const client = await start({ capture: capture(100) });
      const { last } = await fetchAll(client, {
        epochStart: BigInt(t0 + 10),
        epochEnd: BigInt(t0 + 13),
        bpf: "port 80 or port 81",
      });
      expect(last.summary).toMatchObject({
        packets: 4n,
        firstPacket: { seconds: BigInt(t0 + 10) },
        lastPacket: { seconds: BigInt(t0 + 13) },
      });
    });

    it("ignores the client's path", async () => {
      const client = await start({ capture: capture(3) });
      const { last } = await fetchAll(client, { ...all, path: "/etc" });
      expect(last.summary?.packets).toBe(3n);
    });

    it("says where a filter can't be read", async () => {
      const client = await start({ capture: capture(3) });
      const failure = await failureOf(fetchAll(client, { ...all, bpf: "port 80 and prot 81" }));
      expect(failure.code).toBe(Code.InvalidArgument);
      const { reason, filterProblem } = reasonOfAnswer(failure);
      expect(reason).toBe("FILTER_SYNTAX");
      expect(filterProblem).toMatchObject({ offset: 12, line: 1, column: 13 });
      expect(filterProblem?.rendering).toMatch(/\^/);
    });

    it.each(["../../x", "a/b", ".x"])("refuses the uid %j", async (uid) => {
      const client = await start({ capture: capture(3) });
      const failure = await failureOf(fetchAll(client, { ...all, request: { uid } }));
      expect([failure.code, reasonOfAnswer(failure).reason]).toEqual([Code.InvalidArgument, "UID_INVALID"]);
    });
  });

  describe("a source that fails", () => {
    const failing = (error: unknown, when: "open" | "reading"): PacketSource => ({
      kind: "failing",
      open: async (plan, signal) => {
        if (when === "open") throw error;
        const good = await memorySource(capture(5000, 1000)).open(plan, signal);
        async function* batches() {
          for await (const batch of good.batches) {
            yield batch;
            throw error;
          }
        }
        return { header: good.header, batches: batches(), warnings: [] };
      },
      describe: async () => ({}),
    });

    it.each([
      ["source-unavailable", Code.Unavailable, "SOURCE_UNAVAILABLE"],
      ["source-changed", Code.Unavailable, "SOURCE_CHANGED"],
      ["source-failed", Code.Internal, "SOURCE_FAILED"],
      ["source-corrupt", Code.DataLoss, "SOURCE_CORRUPT"],
      ["mixed-link-types", Code.FailedPrecondition, "MIXED_LINK_TYPES"],
    ] as const)("%s is told as %s, at the start and in the middle", async (kind, code, reason) => {
      for (const when of ["open", "reading"] as const) {
        const client = await start({ source: failing(new SourceError(kind, "what went wrong"), when) });
        const failure = await failureOf(fetchAll(client, all));
        expect([failure.code, failure.rawMessage]).toEqual([code, "what went wrong"]);
        expect(reasonOfAnswer(failure).reason).toBe(reason);
      }
    });

    it("tells a stranger nothing of an unexpected error, and the log everything", async () => {
      const lines: { level: string; fields: Record<string, unknown> }[] = [];
      const client = await start({
        source: failing(new Error("ENOENT /secret/path"), "open"),
        logger: recordingLogger(lines),
      });
      const failure = await failureOf(fetchAll(client, all));
      expect(failure.rawMessage).toBe("internal error");
      expect(JSON.stringify(failure.details)).not.toContain("secret");
      const line = lines.find(({ level }) => level === "error");
      expect(line?.fields).toMatchObject({ outcome: "failed", reason: "INTERNAL", client: "test client" });
      expect(String(line?.fields.err)).toContain("/secret/path");
    });

    it("logs a request that it can make no sense of with the uid that its client knows, and as it came", async () => {
      const lines: { level: string; fields: Record<string, unknown> }[] = [];
      const client = await start({ capture: capture(1), logger: recordingLogger(lines) });
      const uid = "typo-0001";
      const asked = { ...all, bpf: `hosst 1.2.3.4 ${"x".repeat(5000)}`, request: { uid } };
      await failureOf(fetchAll(client, asked));
      await failureOf(client.explainQuery({ query: asked }));
      const refused = lines.filter(({ fields }) => fields.rpc !== undefined).map(({ fields }) => fields);
      const known = { uid, reason: "FILTER_SYNTAX", client: "test client", peer: "127.0.0.1" };
      expect(refused).toMatchObject([
        { rpc: "FetchPcap", outcome: "refused", ...known },
        { rpc: "ExplainQuery", ...known },
      ]);
      for (const { filter } of refused) expect(filter).toMatch(/^hosst 1\.2\.3\.4 x{986}…$/);
    });
  });

  describe("places", () => {
    it("are limited; the one too many is told when to come back", async () => {
      const hold = gate();
      const limits = { concurrency: 1, queue: { length: 0 } };
      const client = await start({ source: waitingSource(hold), limits });
      const first = fetchAll(client, all);
      await hold.entered;
      const failure = await failureOf(fetchAll(client, all));
      expect([failure.code, reasonOfAnswer(failure)]).toMatchObject([
        Code.ResourceExhausted,
        { reason: "NO_FREE_SLOT", retryAfterMs: 1000 },
      ]);
      hold.open();
      expect((await first).last.status).toBe(Status.OK);
      expect((await fetchAll(client, all)).last.status).toBe(Status.OK);
    });
  });

  describe("leaving", () => {
    it("aborts the source's signal when the client cancels, and gives the place back", async () => {
      const hold = gate();
      const client = await start({ source: waitingSource(hold), limits: { concurrency: 1 } });
      const controller = new AbortController();
      const reading = failureOf(
        (async () => {
          for await (const _ of client.fetchPcap(all, { signal: controller.signal }));
        })(),
      );
      await hold.entered;
      controller.abort();
      expect((await reading).code).toBe(Code.Canceled);
      await hold.aborted;
      hold.open();
      await eventually(async () => (await fetchAll(client, all)).last.status === Status.OK);
    });

    it("ends a retrieval at the client's deadline", async () => {
      const hold = gate();
      const client = await start({ source: waitingSource(hold) });
      const reading = failureOf(
        (async () => {
          for await (const _ of client.fetchPcap(all, { timeoutMs: 200 }));
        })(),
      );
      expect((await reading).code).toBe(Code.DeadlineExceeded);
      await hold.aborted;
    });

    it("ends a retrieval at the server's own limit, by name", async () => {
      const hold = gate();
      const client = await start({ source: waitingSource(hold), limits: { timeoutMs: 100 } });
      const failure = await failureOf(fetchAll(client, all));
      expect([failure.code, reasonOfAnswer(failure).reason]).toEqual([Code.DeadlineExceeded, "TIMEOUT"]);
      await hold.aborted;
    });

    it("gives the place back at the server's own limit though a reader has stopped reading", async () => {
      const sensor = await startOne({
        source: repeating(),
        limits: { timeoutMs: 300, concurrency: 1 },
      });
      const iterator = connect(sensor).fetchPcap(all)[Symbol.asyncIterator]();
      await iterator.next(); // and never again: the server fills the windows and waits
      await eventually(
        async () => reasonOfAnswer(await failureOf(fetchAll(connect(sensor), all))).reason === "TIMEOUT",
      );
      await sensor.close();
    });

    it("aborts the source when the client leaves while the server is blocked on it", async () => {
      const aborted = deferred();
      const packets = repeating();
      const endless: PacketSource = {
        ...packets,
        open: (plan, signal) => {
          signal.addEventListener("abort", aborted.resolve);
          return packets.open(plan, signal);
        },
      };
      const client = await start({ source: endless });
      const controller = new AbortController();
      const iterator = client.fetchPcap(all, { signal: controller.signal })[Symbol.asyncIterator]();
      await iterator.next(); // and never again: the server fills the windows and blocks
      controller.abort();
      await aborted.promise;
    });
  });

  describe("closing", () => {
    it.each([
      10_000,
      2 ** 31, // more than a timer can hold
      Number.POSITIVE_INFINITY,
    ])("lets a retrieval under way end within %s ms, and refuses new ones", async (graceMs) => {
      const hold = gate();
      const sensor = await startTestSensor({ source: waitingSource(hold) });
      const client = connect(sensor);
      const reading = fetchAll(client, all);
      await hold.entered;
      const closed = sensor.server.close({ graceMs });
      await timer(5); // set later than the grace's, and longer than the one to which Node shortens too long ones
      hold.open();
      expect((await reading).last.status).toBe(Status.OK);
      await closed;
      expect((await failureOf(fetchAll(client, all))).code).toBe(Code.Unavailable);
    });

    it("ends what takes longer than the grace, as unavailable", async () => {
      const hold = gate();
      const sensor = await startTestSensor({ source: waitingSource(hold) });
      const client = connect(sensor);
      const failure = failureOf(fetchAll(client, all));
      await hold.entered;
      await sensor.server.close({ graceMs: 50 });
      expect([(await failure).code, reasonOfAnswer(await failure).reason]).toEqual([
        Code.Unavailable,
        "SERVER_DRAINING",
      ]);
    });

    it("is no failure of the sensor's: one warning for each that is sent away, without a stack", async () => {
      const hold = gate();
      const lines: { level: string; fields: object; message: string | undefined }[] = [];
      const at = (level: string) => (fields: object, message?: string) =>
        void lines.push({ level, fields, message });
      const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
      const sensor = await startTestSensor({ source: waitingSource(hold), logger });
      const failure = failureOf(fetchAll(connect(sensor), all));
      await hold.entered;
      await sensor.server.close({ graceMs: 0 });
      await failure;
      expect(lines.filter(({ level }) => level === "error")).toEqual([]);
      const sentAway = lines.filter(({ message }) => message === "retrieval refused");
      expect(sentAway).toMatchObject([{ level: "warn", fields: { reason: "SERVER_DRAINING" } }]);
      expect(sentAway[0]?.fields).not.toHaveProperty("err");
      expect(sensor.server.metrics().retrievals).toMatchObject({ refused: 1, failed: 0 });
    });
  });

  describe("describeSensor", () => {
    it("tells name, version, source and limits in force", async () => {
      const client = await start({
        capture: capture(1),
        sensor: "edge-1",
        limits: { maxBytes: 1000, concurrency: 3 },
      });
      expect(await client.describeSensor({})).toMatchObject({
        sensor: "edge-1",
        version: "stenogrpc/0.1.0",
        source: "memory",
        limits: {
          maxBytes: 1000n,
          maxPackets: 0n,
          concurrency: 3,
          defaultChunkSize: 262_144,
          timeout: { seconds: 3600n },
        },
      });
    });
  });
});

it("a call that is over before it begins takes no place", async () => {
  const service = new SensorService({ source: memorySource(capture(3)), limits: { concurrency: 1 } });
  const context = callContext({
    requestSignal: AbortSignal.abort(new ConnectError("too late", Code.DeadlineExceeded)),
  });
  const answer = fetchPcap(service)(create(StenoRequestSchema, all), context);
  await expect(answer.next()).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  expect(service.admission.running).toBe(0);
  expect(service.retrievals.size).toBe(0);
});

it("hands out nothing once it was ended from outside, so that its audit has every byte", async () => {
  const records: AuditRecord[] = [];
  const audit = { write: async (record: AuditRecord) => void records.push(record) };
  const service = new SensorService({ source: memorySource(capture(4000, 1000)), audit });
  const context = callContext({ contextValues: someIdentity() });
  const request = create(StenoRequestSchema, { ...all, request: { chunkSize: 65_536n } });
  const answer = fetchPcap(service)(request, context);
  const first = (await answer.next()).value;
  const bytes = first !== undefined && "packets" in first ? first.packets.bytes.length : 0;
  expect(bytes).toBeGreaterThan(60_000);
  for (const retrieval of service.retrievals) retrieval.abandon(new RequestError("draining", "enough"));
  await expect(answer.next()).rejects.toMatchObject({ rawMessage: "enough" });
  expect(records).toMatchObject([{ outcome: "failed", pcapBytes: bytes }]);
});

it("ends once where it is closed twice, for both who asked", async () => {
  let closed = 0;
  const close = async () => void closed++;
  const service = new SensorService({ source: { ...memorySource(capture(3)), close } });
  const context = callContext({ contextValues: someIdentity() });
  const answer = fetchPcap(service)(create(StenoRequestSchema, all), context);
  await answer.next();
  await Promise.all([service.close(10), service.close(10)]);
  await expect(answer.next()).rejects.toMatchObject({ code: Code.Unavailable });
  expect(closed).toBe(1);
});

describe("all ways", () => {
  it.each([1, 1024, 5000, 262_144])("send the same messages of %d bytes", async (chunkBytes) => {
    const { clientOptions } = await startOne({
      now: () => 1_700_000_000_000,
      capture: capture(3000, 1000),
      limits: { minChunkBytes: 1 },
    });
    const request = { uid: "same", chunkSize: BigInt(chunkBytes) };
    const shapes: unknown[] = [];
    for (const way of ways) {
      const { messages } = await fetchAll(clientBy(way, clientOptions), { ...all, request });
      expect(messages.length).toBeGreaterThan(10);
      // Digests, since comparing megabytes byte by byte takes the test's time.
      const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      shapes.push(messages.map(({ pcap, ...rest }) => ({ ...rest, pcap: sha256(pcap) })));
    }
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A door for sources to wait at. */
function gate() {
  const entered = deferred();
  const opened = deferred();
  const aborted = deferred();
  return {
    entered: entered.promise,
    aborted: aborted.promise,
    open: opened.resolve,
    async pass(signal: AbortSignal): Promise<void> {
      signal.addEventListener("abort", aborted.resolve);
      entered.resolve();
      await opened.promise;
    },
  };
}

/** Packets without end. */
function repeating(): PacketSource {
  const one = memorySource(capture(1000, 1000));
  return {
    kind: "repeating",
    open: async (plan, signal) => {
      async function* batches() {
        for (;;) yield* (await one.open(plan, signal)).batches;
      }
      const { header } = await one.open(plan, signal);
      return { header, batches: batches(), warnings: [] };
    },
    describe: async () => ({}),
  };
}

/** Waits at the gate, then serves three packets. */
function waitingSource(hold: ReturnType<typeof gate>): PacketSource {
  const packets = memorySource(capture(3));
  return {
    kind: "waiting",
    open: async (plan, signal) => {
      await hold.pass(signal);
      return packets.open(plan, signal);
    },
    describe: async () => ({}),
  };
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      if (await condition()) return;
    } catch (error) {
      if (attempt > 50) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function recordingLogger(lines: { level: string; fields: Record<string, unknown> }[]) {
  const at = (level: string) => (fields: object) => {
    lines.push({ level, fields: { ...fields } });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** What a server attached to a failure, as a client sees it. */
function reasonOfAnswer(failure: ConnectError): {
  reason: string | undefined;
  retryAfterMs: number | undefined;
  filterProblem: FilterProblem | undefined;
} {
  const delay = failure.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason: failure.findDetails(ErrorInfoSchema)[0]?.reason,
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1_000_000,
    filterProblem: failure.findDetails(FilterProblemSchema)[0],
  };
}
