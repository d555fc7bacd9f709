import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { GapReason } from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf, type Script } from "../test-support/in-memory.js";
import { Patience } from "./patience.js";
import { StenographerError } from "./stenographer-error.js";

const capture = packetsFromNoon(3);
const nothing = packetsFromNoon(0);

function noPlace(retryAfterMs: number): ConnectError {
  return new ConnectError("all places are taken", Code.ResourceExhausted, undefined, [
    { desc: ErrorInfoSchema, value: { reason: "NO_FREE_SLOT", domain: "stenogrpc" } },
    {
      desc: RetryInfoSchema,
      value: {
        retryDelay: {
          seconds: BigInt(Math.floor(retryAfterMs / 1000)),
          nanos: (retryAfterMs % 1000) * 1_000_000,
        },
      },
    },
  ]);
}

/** Has no place for the first few requests, and notes when each came. */
function fullFor(refusals: number, retryAfterMs: number) {
  const times: number[] = [];
  const script: Script = (request) => {
    times.push(performance.now());
    if (times.length <= refusals) throw noPlace(retryAfterMs);
    return goodAnswer(request, capture);
  };
  return { times, ...clientOf(script) };
}

describe("a fetch that finds no place", () => {
  it("asks again, no earlier than it was told to, with the same request, and gets its answer", async () => {
    const { client, times, requests } = fullFor(2, 30);
    const fetch = client.fetchPcap({ ...hour, uid: "u1" });
    expect(joined(await collect(fetch))).toEqual(capture.bytes);
    expect(await fetch.summary).toMatchObject({ verdict: "complete", retries: 2 });
    expect(requests).toHaveLength(3);
    expect(requests[2]).toEqual(requests[0]);
    for (const i of [1, 2]) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(29); // timers round
  });

  it("fails at once where it was told not to ask again", async () => {
    const { client, requests } = fullFor(1, 30);
    const failure = await failureOf(() => collect(client.fetchPcap({ ...hour, retryForMs: 0 })));
    expect(failure).toMatchObject({ reason: "NO_FREE_SLOT", retryable: true, retryAfterMs: 30 });
    expect(requests).toHaveLength(1);
  });

  it("fails at once where the wait is longer than it has patience, or time, for", async () => {
    for (const options of [{}, { retryForMs: 3_600_000, timeoutMs: 50_000 }]) {
      const { client, requests } = fullFor(1, 60_000);
      const failure = await failureOf(() => collect(client.fetchPcap({ ...hour, ...options })));
      expect(failure).toMatchObject({ reason: "NO_FREE_SLOT", retryAfterMs: 60_000 });
      expect(requests).toHaveLength(1);
    }
  });

  it("stops waiting when its caller aborts, and sends nothing more", async () => {
    const { client, requests } = fullFor(1, 20_000);
    const controller = new AbortController();
    const reading = failureOf(() => collect(client.fetchPcap({ ...hour, signal: controller.signal })));
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect((await reading).code).toBe("canceled");
    expect(requests).toHaveLength(1);
  });

  it("never asks again once a byte of an answer has come", async () => {
    const { client, requests } = clientOf(async function* ({ request }) {
      yield { uid: request?.uid, pcap: capture.header };
      throw noPlace(10);
    });
    const failure = await failureOf(() => collect(client.fetchPcap(hour)));
    expect(failure.code).toBe("resource_exhausted");
    expect(requests).toHaveLength(1);
  });
});

/** An error as a server tells it. */
function told(reason: string, code: Code): ConnectError {
  return new ConnectError(reason, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "stenogrpc" } },
  ]);
}

/** Fails the first time, behind the answer's first `pieces`, then answers. */
function failingOnce(error: ConnectError, pieces = 0) {
  let failed = false;
  return clientOf(function* (request) {
    const answer = goodAnswer(request, capture);
    yield* failed ? answer : answer.slice(0, pieces);
    if (failed) return;
    failed = true;
    throw error;
  });
}

describe("a fetch that meets an outage", () => {
  const patient = { ...hour, retryOutages: true };

  it.each([
    ["SERVER_DRAINING", Code.Unavailable],
    ["SOURCE_UNAVAILABLE", Code.Unavailable],
    ["SOURCE_CHANGED", Code.Unavailable],
  ])("asks again with retryOutages: %s", async (reason, code) => {
    const { client, requests } = failingOnce(told(reason, code));
    const fetch = client.fetchPcap(patient);
    expect(joined(await collect(fetch))).toEqual(capture.bytes);
    expect(await fetch.summary).toMatchObject({ verdict: "complete", retries: 1 });
    expect(requests[1]).toEqual(requests[0]);
  });

  it("fails at once without", async () => {
    const { client, requests } = failingOnce(told("SERVER_DRAINING", Code.Unavailable));
    expect((await failureOf(client.fetchPcap(hour).summary)).reason).toBe("SERVER_DRAINING");
    expect(requests).toHaveLength(1);
  });

  it.each([
    ["FILTER_SYNTAX", Code.InvalidArgument],
    ["SENSOR_NOT_ALLOWED", Code.PermissionDenied],
    ["CERTIFICATE_EXPIRED", Code.Unauthenticated],
    ["SOURCE_FAILED", Code.Internal],
    ["SOURCE_CORRUPT", Code.DataLoss],
  ])("fails at once where asking again does not help: %s", async (reason, code) => {
    const { client, requests } = failingOnce(told(reason, code));
    expect((await failureOf(client.fetchPcap(patient).summary)).reason).toBe(reason);
    expect(requests).toHaveLength(1);
  });

  it("in the middle of an answer fails whoever has had a part of it, and begins anew for its summary", async () => {
    const failing = failingOnce(told("SOURCE_CHANGED", Code.Unavailable), 3);
    expect((await failureOf(() => collect(failing.client.fetchPcap(patient)))).reason).toBe("SOURCE_CHANGED");
    const { client } = failingOnce(told("SOURCE_CHANGED", Code.Unavailable), 3);
    expect(await client.fetchPcap(patient).summary).toMatchObject({
      verdict: "complete",
      packets: 3,
      pcapBytes: capture.bytes.length,
      retries: 1,
    });
  });

  it("never begins anew where an answer is not what it says", async () => {
    const { client, requests } = clientOf((request) =>
      goodAnswer(request, capture, { summary: { sha256: new Uint8Array(32) } }),
    );
    expect((await failureOf(client.fetchPcap(patient).summary)).reason).toBe("DIGEST_MISMATCH");
    expect(requests).toHaveLength(1);
  });
});

describe("a fetch that requires coverage, of packets that are not on disk yet", () => {
  const patient = { ...hour, requireCoverage: true, retryOutages: true };

  // It stands still, so that what is due does not come to be overdue here.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-07-01T13:00:00Z") });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lacks the end of the window in its first answers. */
  function lackingFor(answers: number, dueInMs?: number) {
    let asked = 0;
    return clientOf((request) => {
      const expectedAt = dueInMs === undefined ? undefined : timestampFromMs(Date.now() + dueInMs);
      const gap = { start: request.start, end: request.end, reason: GapReason.NOT_YET_WRITTEN, expectedAt };
      const coverage = { gaps: asked++ < answers ? [gap] : [] };
      return goodAnswer(request, nothing, { summary: { coverage } });
    });
  }

  it("asks again when they are due, with retryOutages", async () => {
    const { client, requests } = lackingFor(2, 40);
    expect(await client.fetchPcap(patient).summary).toMatchObject({ covered: "all", retries: 2 });
    expect(requests[2]).toEqual(requests[0]);
  });

  it("asks again when they came to be due in the meantime", async () => {
    const { client } = lackingFor(1, -1);
    expect(await client.fetchPcap(patient).summary).toMatchObject({ covered: "all", retries: 1 });
  });

  it.each([
    ["without retryOutages", { retryOutages: false }, 40],
    ["where they are due later than it asks again", { retryForMs: 50_000 }, 60_000],
    ["where no one knows when they are due", {}, undefined],
  ])("fails at once %s", async (_, options, dueInMs) => {
    const { client, requests } = lackingFor(1, dueInMs);
    const failure = await failureOf(client.fetchPcap({ ...patient, ...options }).summary);
    expect(failure).toMatchObject({ reason: "COVERAGE_INCOMPLETE", retryable: true });
    expect(requests).toHaveLength(1);
  });

  it("fails whoever has had a part of the answer", async () => {
    const { client, requests } = lackingFor(1, 40);
    const failure = await failureOf(() => collect(client.fetchPcap(patient)));
    expect(failure).toMatchObject({ reason: "COVERAGE_INCOMPLETE", retryAfterMs: expect.any(Number) });
    expect(requests).toHaveLength(1);
  });
});

describe("Patience", () => {
  const outage = (retryAfterMs?: number) =>
    new StenographerError("away", {
      code: "unavailable",
      reason: "CONNECTION_LOST",
      retryable: true,
      retryAfterMs,
    });
  const patience = (retryForMs: number, timeoutMs?: number) =>
    new Patience({ retryForMs, retryOutages: true, timeoutMs });

  it("waits longer each time, never the same for all, and up to 5 s", () => {
    const patient = patience(1_000_000);
    const waits = Array.from({ length: 8 }, () => patient.waitMs(outage()) ?? 0);
    for (const [attempt, most] of [250, 500, 1000, 2000, 4000, 5000, 5000, 5000].entries()) {
      expect(waits[attempt]).toBeGreaterThanOrEqual(most / 2);
      expect(waits[attempt]).toBeLessThanOrEqual(most);
    }
    expect(new Set(waits).size).toBe(8);
    expect(patient.retries).toBe(8);
  });

  it("waits as long as it is told, where that fits into what is left", () => {
    expect(patience(10_000).waitMs(outage(9900))).toBeGreaterThanOrEqual(9900);
    expect(patience(10_000).waitMs(outage(9900))).toBeLessThanOrEqual(10_000);
    expect(patience(10_000).waitMs(outage(10_001))).toBeUndefined();
    expect(patience(10_000, 5000).waitMs(outage(6000))).toBeUndefined();
  });

  it("does not count the time in which an answer came", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const patient = patience(1000);
      patient.answered();
      vi.advanceTimersByTime(60_000);
      expect(patient.waitMs(outage())).toBeDefined();
      vi.advanceTimersByTime(1000);
      expect(patient.waitMs(outage())).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });
});
