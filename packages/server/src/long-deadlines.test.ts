import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { setTimeout as timer } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { DescribeSensorRequestSchema } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchMessage } from "../test-support/fetch-request.js";
import { envelope } from "../test-support/grpc-call.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

let sensor: TestSensor;
let session: ClientHttp2Session;

beforeAll(async () => {
  const packets = [{ timestampNs: 5_000_000_000n, data: new Uint8Array(60) }];
  sensor = await startTestSensor({ source: slower(memorySource(pcapOf(packets))) });
  session = connect(`https://${sensor.clientOptions.server}`, sensor.clientOptions.tls);
});

afterAll(async () => {
  session.destroy();
  await sensor.close();
});

/** Answers behind a timer that was set later than the deadline's, and is longer than the one to which Node shortens too long ones. */
function slower(source: PacketSource): PacketSource {
  return {
    ...source,
    open: async (plan, signal) => {
      await timer(5);
      signal.throwIfAborted();
      return source.open(plan, signal);
    },
    describe: async (signal) => {
      await timer(5);
      signal.throwIfAborted();
      return source.describe(signal);
    },
  };
}

const messages = {
  FetchPcap: fetchMessage,
  DescribeSensor: toBinary(DescribeSensorRequestSchema, create(DescribeSensorRequestSchema)),
};
type Rpc = keyof typeof messages;

/** Calls in raw HTTP/2, since clients refuse or shorten such deadlines; gives what tells success, wherever it stands. */
async function call(rpc: Rpc, headers: Record<string, string>, body: Uint8Array) {
  const path = `/stenographer.Stenographer/${rpc}`;
  const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", ...headers });
  let told: IncomingHttpHeaders = {};
  const tell = (received: IncomingHttpHeaders) => {
    told = { ...told, ...received };
  };
  stream.on("response", tell).on("trailers", tell).end(body);
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer); // no encoding is set
  const inBody = /grpc-status: ?(\d+)/.exec(Buffer.concat(pieces).toString("latin1"))?.[1]; // gRPC-Web's trailers
  return { http: told[":status"], grpc: told["grpc-status"] ?? inBody };
}

const deadlines = ["99999999H", "99999999M", "2147484S"];

describe.each(deadlines)(
  "a deadline of %s, which no timer can hold, lets a call take its time",
  (deadline) => {
    it.each([
      ["FetchPcap", "application/grpc"],
      ["FetchPcap", "application/grpc-web+proto"],
      ["DescribeSensor", "application/grpc"],
      ["DescribeSensor", "application/grpc-web+proto"],
    ] as const)("%s as %s", async (rpc, type) => {
      const headers = { "content-type": type, "grpc-timeout": deadline };
      expect(await call(rpc, headers, envelope(messages[rpc]))).toEqual({ http: 200, grpc: "0" });
    });

    it("FetchPcap in gRPC with JSON, which goes through connect-node", async () => {
      const headers = { "content-type": "application/grpc+json", "grpc-timeout": deadline };
      const message = Buffer.from('{"epochStart":"1","epochEnd":"9"}');
      expect(await call("FetchPcap", headers, envelope(message))).toEqual({ http: 200, grpc: "0" });
    });
  },
);

describe("deadlines in Connect", () => {
  it.each(["9999999999", "2147483648"])(
    "%s ms, which no timer can hold, lets a call take its time",
    async (ms) => {
      const headers = { "content-type": "application/json", "connect-timeout-ms": ms };
      expect(await call("DescribeSensor", headers, Buffer.from("{}"))).toMatchObject({ http: 200 });
    },
  );

  it("are refused as before where they are none", async () => {
    const headers = { "content-type": "application/json", "connect-timeout-ms": "99999999999" };
    expect(await call("DescribeSensor", headers, Buffer.from("{}"))).toMatchObject({ http: 400 });
  });

  it("end a call as before where they are short", async () => {
    const headers = { "content-type": "application/json", "connect-timeout-ms": "1" };
    expect(await call("DescribeSensor", headers, Buffer.from("{}"))).toMatchObject({ http: 504 });
  });
});
