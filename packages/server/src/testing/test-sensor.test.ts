import { Code } from "@connectrpc/connect";
import { decodeCapture, records } from "@stenogrpc/pcap";
import { GapReason, Status } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { fetchWhole, refusalOf } from "../../test-support/sensor-with-clients.js";
import { tcpFrame } from "../../test-support/tcp-frame.js";
import { clientBy, closeAll } from "../../test-support/ways.js";
import type { TestFailure } from "./capture-source.js";
import { startTestSensor, type TestSensor, type TestSensorOptions } from "./test-sensor.js";

/** Second of the first packet. */
const t0 = 1_700_000_000;
/** Three packets, ten seconds from one to the next, the last one first. */
const capture = pcapOf(
  [20, 0, 10].map((second) => ({ timestampNs: BigInt(t0 + second) * 1_000_000_000n, data: tcpFrame() })),
);
/** A window in seconds since then; `epochEnd` is the last second in it. */
const window = (from: number, to: number) => ({
  epochStart: BigInt(t0 + from),
  epochEnd: BigInt(t0 + to - 1),
});

const sensors: TestSensor[] = [];
afterEach(() => closeAll(sensors.splice(0).map(({ server }) => server)));

async function start(options: Partial<TestSensorOptions> = {}) {
  const sensor = await startTestSensor({ capture, ...options });
  sensors.push(sensor);
  return clientBy("gRPC, answered directly", sensor.clientOptions);
}

/** Times of the packets of a capture, in seconds since the first of ours. */
async function secondsOf(pcap: Uint8Array): Promise<number[]> {
  async function* whole() {
    yield pcap;
  }
  const seconds: number[] = [];
  for await (const { timestampNs } of records((await decodeCapture(whole())).batches))
    seconds.push(Number(timestampNs) / 1e9 - t0);
  return seconds;
}

describe("the coverage of a test sensor", () => {
  it("is from its first packet to its last", async () => {
    const client = await start();
    const inside = await fetchWhole(client, window(0, 20));
    expect(inside.summary?.coverage).toMatchObject({
      oldestPacket: { seconds: BigInt(t0) },
      newestPacket: { seconds: BigInt(t0 + 20) },
      gaps: [],
    });
    const around = await fetchWhole(client, window(-5, 60));
    expect(around.status).toBe(Status.OK);
    expect(around.summary?.coverage?.gaps).toMatchObject([
      { start: { seconds: BigInt(t0 - 5) }, end: { seconds: BigInt(t0) }, reason: GapReason.AGED_OUT },
      {
        start: { seconds: BigInt(t0 + 20), nanos: 1 },
        end: { seconds: BigInt(t0 + 60) },
        reason: GapReason.NOT_YET_WRITTEN,
      },
    ]);
    expect(await client.describeSensor({})).toMatchObject({
      oldestPacket: { seconds: BigInt(t0) },
      newestPacket: { seconds: BigInt(t0 + 20) },
    });
  });

  it("has the gaps that it is told, or none", async () => {
    const gap = { from: new Date((t0 + 3) * 1000), to: new Date((t0 + 5) * 1000) };
    const { summary } = await fetchWhole(await start({ gaps: [gap] }), window(-5, 60));
    expect(summary?.coverage?.gaps).toMatchObject([
      { start: { seconds: BigInt(t0 + 3) }, end: { seconds: BigInt(t0 + 5) }, reason: GapReason.MISSING },
    ]);
    const whole = await fetchWhole(await start({ gaps: [] }), window(-5, 60));
    expect(whole.summary?.coverage?.gaps).toEqual([]);
  });

  it("of a capture without packets is nothing", async () => {
    const client = await start({ capture: pcapOf([]) });
    const { status, summary } = await fetchWhole(client, window(0, 5));
    expect(status).toBe(Status.NO_PACKETS);
    expect(summary?.coverage?.gaps).toMatchObject([{ reason: GapReason.NOT_YET_WRITTEN }]);
  });
});

it("puts its last packet where shiftTo says, and keeps the distances and the order", async () => {
  const client = await start({ shiftTo: new Date((t0 + 3600) * 1000) });
  const { pcap, summary } = await fetchWhole(client, window(0, 4000));
  expect(await secondsOf(pcap)).toEqual([3600, 3580, 3590]);
  expect(summary?.coverage).toMatchObject({
    oldestPacket: { seconds: BigInt(t0 + 3580) },
    newestPacket: { seconds: BigInt(t0 + 3600) },
  });
});

describe("a test sensor that fails", () => {
  it.each<[TestFailure, Code, number | undefined]>([
    ["SOURCE_UNAVAILABLE", Code.Unavailable, undefined],
    ["SOURCE_CHANGED", Code.Unavailable, undefined],
    ["SOURCE_FAILED", Code.Internal, undefined],
    ["SOURCE_CORRUPT", Code.DataLoss, undefined],
    ["SERVER_DRAINING", Code.Unavailable, undefined],
    ["NO_FREE_SLOT", Code.ResourceExhausted, 1000],
    ["BUDGET_EXHAUSTED", Code.ResourceExhausted, 3_600_000],
  ])("tells %s", async (fail, code, retryAfterMs) => {
    const refusal = await refusalOf(fetchWhole(await start({ fail }), window(0, 30)));
    expect(refusal).toMatchObject({ reason: fail, code, retryAfterMs });
  });

  it("asks a function at each fetch", async () => {
    const client = await start({ fail: (fetch) => (fetch === 2 ? "SOURCE_CHANGED" : undefined) });
    expect((await fetchWhole(client, window(0, 30))).status).toBe(Status.OK);
    expect(await refusalOf(fetchWhole(client, window(0, 30)))).toMatchObject({ reason: "SOURCE_CHANGED" });
    expect((await fetchWhole(client, window(0, 30))).status).toBe(Status.OK);
  });
});

it("gives no answer where it is to hang, and lets its client go", async () => {
  const sensor = await startTestSensor({ capture, hang: true });
  sensors.push(sensor);
  const client = clientBy("gRPC, answered directly", sensor.clientOptions);
  const leaving = new AbortController();
  const left = refusalOf(
    client.fetchPcap(window(0, 30), { signal: leaving.signal })[Symbol.asyncIterator]().next(),
  );
  await expect.poll(() => sensor.server.metrics().retrievals.running).toBe(1);
  leaving.abort();
  expect(await left).toMatchObject({ code: Code.Canceled });
  await expect.poll(() => sensor.server.metrics().retrievals.running).toBe(0);
});
