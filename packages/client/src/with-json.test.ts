import assert from "node:assert/strict";
import { createRouterTransport } from "@connectrpc/connect";
import { Stenographer } from "@stenogrpc/protocol";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { hour, packetsFromNoon } from "../test-support/capture.js";
import { clientOf } from "../test-support/in-memory.js";
import { createStenographerClient, resultJson } from "./index.js";
import { withJson } from "./with-json.js";

const reparsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("JSON.stringify", () => {
  it("takes a result, and prints what resultJson gives", async () => {
    const { client } = clientOf((request) => goodAnswer(request, packetsFromNoon(2)));
    const result = await client.fetchPcap({ ...hour, uid: "u1" }).summary;
    expect(reparsed(result)).toEqual(reparsed(resultJson(result)));
    expect(reparsed(result)).toMatchObject({ uid: "u1", firstPacket: "2026-07-01T12:00:00Z" });
  });

  const sensorClient = () =>
    createStenographerClient({
      transport: createRouterTransport((router) =>
        router.service(Stenographer, {
          describeSensor: () => ({
            sensor: "edge-1",
            limits: { maxBytes: 5n },
            oldestPacket: { seconds: 5n, nanos: 7 },
          }),
          explainQuery: () => ({ filter: "", sensor: "edge-1", explanation: ["a fact"] }),
        }),
      ),
    });

  it("takes what a sensor says of itself, null for what is not known", async () => {
    expect(reparsed(await sensorClient().describeSensor())).toEqual({
      sensor: "edge-1",
      version: "",
      source: "",
      limits: {
        maxBytes: 5,
        maxPackets: null,
        maxWindowMs: null,
        timeoutMs: null,
        concurrency: null,
        defaultChunkBytes: null,
        minChunkBytes: null,
        maxChunkBytes: null,
      },
      oldestPacket: "1970-01-01T00:00:05.000000007Z",
      serverTime: null,
      newestPacket: null,
    });
  });

  it("takes an explanation", async () => {
    expect(reparsed(await sensorClient().explain(hour))).toEqual({
      filterDialect: null,
      filter: "",
      window: { start: "2026-07-01T12:00:00Z", end: "2026-07-01T13:00:00Z" },
      index: "",
      residual: "",
      explanation: ["a fact"],
      source: "",
      sensor: "edge-1",
      usesIndex: false,
      cost: null,
    });
  });

  it("is what pino does, too", async () => {
    const lines: string[] = [];
    const sensor = await sensorClient().describeSensor();
    pino({ base: null }, { write: (line) => void lines.push(line) }).info({ sensor }, "hello");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ sensor: reparsed(sensor), msg: "hello" });
  });
});

describe("an object with toJSON", () => {
  const plain = { packets: 1, firstPacketNs: 5n };
  const object = () => withJson({ ...plain }, ({ packets }) => ({ packets }));

  it("is a plain object to those who compare, spread and clone it", () => {
    expect(object()).toEqual(plain);
    expect(object()).toStrictEqual(plain);
    assert.deepStrictEqual(object(), plain);
    expect(Object.keys({ ...object() })).toEqual(["packets", "firstPacketNs"]);
    expect(structuredClone(object())).toEqual(plain);
  });

  it("is printed within others", () => {
    expect(reparsed({ alert: "4711", result: object() })).toEqual({ alert: "4711", result: { packets: 1 } });
  });
});
