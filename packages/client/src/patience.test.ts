import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { describe, expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf, type Script } from "../test-support/in-memory.js";

const capture = packetsFromNoon(3);

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
    expect((await fetch.summary).verdict).toBe("complete");
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
