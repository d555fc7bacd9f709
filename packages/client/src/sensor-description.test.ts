import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { Stenographer } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { failureOf } from "../test-support/failure.js";
import { createStenographerClient } from "./index.js";

function clientOfSensor(describeSensor: () => object) {
  const transport = createRouterTransport((router) => router.service(Stenographer, { describeSensor }));
  return createStenographerClient({ transport });
}

describe("describeSensor", () => {
  it("gives a plain object: limits as numbers with units, times as nanoseconds", async () => {
    const client = clientOfSensor(() => ({
      sensor: "edge-1",
      version: "stenogrpc/0.1.0",
      source: "directory",
      limits: {
        maxBytes: 1_000_000n,
        maxWindow: { seconds: 3600n },
        timeout: { seconds: 1n, nanos: 500_000_000 },
        concurrency: 10,
        defaultChunkSize: 262_144,
        minChunkSize: 65_536,
        maxChunkSize: 1_048_576,
      },
      oldestPacket: { seconds: 5n, nanos: 7 },
      serverTime: { seconds: 9n },
    }));
    expect(await client.describeSensor()).toEqual({
      sensor: "edge-1",
      version: "stenogrpc/0.1.0",
      source: "directory",
      limits: {
        maxBytes: 1_000_000,
        maxPackets: undefined,
        maxWindowMs: 3_600_000,
        timeoutMs: 1500,
        concurrency: 10,
        defaultChunkBytes: 262_144,
        minChunkBytes: 65_536,
        maxChunkBytes: 1_048_576,
      },
      oldestPacketNs: 5_000_000_007n,
      newestPacketNs: undefined,
      serverTimeNs: 9_000_000_000n,
    });
  });

  it("refuses times that no calendar has", async () => {
    const client = clientOfSensor(() => ({ oldestPacket: { seconds: -(2n ** 60n) } }));
    const failure = await failureOf(client.describeSensor());
    expect(failure).toMatchObject({ reason: "MALFORMED_ANSWER", code: "data_loss" });
    expect(failure.message).toMatch(/the time of the oldest packet is no time/);
  });

  it("says what fails, as a fetch does", async () => {
    const client = clientOfSensor(() => {
      throw new ConnectError("no such method", Code.Unimplemented);
    });
    const failure = await failureOf(client.describeSensor());
    expect(failure).toMatchObject({ code: "unimplemented", reason: "UNIMPLEMENTED", retryable: false });
    expect(failure.message).toMatch(/an original server can neither describe itself/);
  });

  it("is cancelled by its signal", async () => {
    const client = clientOfSensor(() => new Promise(() => {}));
    const controller = new AbortController();
    const described = failureOf(client.describeSensor({ signal: controller.signal }));
    controller.abort();
    expect(await described).toMatchObject({ reason: "CANCELED", code: "canceled" });
    expect((await failureOf(client.describeSensor({ signal: AbortSignal.abort() }))).reason).toBe("CANCELED");
  });

  it("ends with its time limit", async () => {
    const client = clientOfSensor(() => new Promise(() => {}));
    expect((await failureOf(client.describeSensor({ timeoutMs: 20 }))).reason).toBe("TIMEOUT");
  });

  it("refuses unknown options", async () => {
    const client = clientOfSensor(() => ({}));
    const failure = await failureOf(client.describeSensor({ timeout: 5 } as object)); // wrong on purpose
    expect(failure.message).toBe('describeSensor: unknown key "timeout"; did you mean "timeoutMs"?');
  });
});

describe("createStenographerClient", () => {
  it("refuses what is no transport, and unknown options", async () => {
    const options = { transport: {}, originalserver: true } as unknown as { transport: never }; // wrong on purpose
    const failure = await failureOf(() => createStenographerClient(options));
    expect(failure.reason).toBe("OPTIONS_INVALID");
    expect(failure.message).toMatch(/transport: pass a Connect transport/);
    expect(failure.message).toMatch(/did you mean "originalServer"/);
  });
});
