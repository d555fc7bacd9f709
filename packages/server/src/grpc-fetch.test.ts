import { once } from "node:events";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { Code } from "@connectrpc/connect";
import { pcapOf } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchMessage as good } from "../test-support/fetch-request.js";
import { envelope } from "../test-support/grpc-call.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

/** What a hostile or broken peer sends, in raw HTTP/2. */
let sensor: TestSensor;
let session: ClientHttp2Session;

beforeAll(async () => {
  sensor = await startTestSensor({
    capture: pcapOf([{ timestampNs: 5_000_000_000n, data: new Uint8Array(60) }]),
  });
  session = connect(`https://${sensor.clientOptions.server}`, sensor.clientOptions.tls);
});

afterAll(async () => {
  session.destroy();
  await sensor.close();
});

const head = {
  ":method": "POST",
  ":path": "/stenographer.Stenographer/FetchPcap",
  "content-type": "application/grpc+proto",
  te: "trailers",
};

async function call(
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ headers: IncomingHttpHeaders; trailers: IncomingHttpHeaders; bytes: number }> {
  const stream = session.request({ ...head, ...headers });
  let trailers: IncomingHttpHeaders = {};
  let answered: IncomingHttpHeaders = {};
  stream.on("response", (received) => {
    answered = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.end(body);
  let bytes = 0;
  for await (const piece of stream) bytes += (piece as Buffer).length; // no encoding is set
  return { headers: answered, trailers, bytes };
}

describe("gRPC, answered directly", () => {
  it("answers a whole request", async () => {
    const { headers, trailers, bytes } = await call(envelope(good));
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto" });
    expect(trailers["grpc-status"]).toBe("0");
    expect(bytes).toBeGreaterThan(24 + 76);
  });

  it.each<[string, Uint8Array, Code]>([
    ["no message", new Uint8Array(0), Code.Unimplemented],
    ["half an envelope", new Uint8Array(3), Code.InvalidArgument],
    ["a message shorter than it says", envelope(good, { length: good.length + 1 }), Code.InvalidArgument],
    ["a message longer than it says", envelope(good, { length: good.length - 1 }), Code.Internal],
    ["two messages", Buffer.concat([envelope(good), envelope(good)]), Code.Unimplemented],
    ["bytes that are no protobuf", envelope(new Uint8Array(20).fill(0xff)), Code.Internal],
    ["a message that claims four gigabytes", envelope(good, { length: 0xffff_ffff }), Code.ResourceExhausted],
    ["a compressed message without an encoding", envelope(good, { flag: 1 }), Code.Internal],
    ["a message over the limit", envelope(new Uint8Array(200_000)), Code.ResourceExhausted],
  ])("refuses %s, and serves the next call on the same connection", async (_, body, code) => {
    const { headers, trailers } = await call(body);
    expect(headers[":status"]).toBe(200);
    expect(trailers["grpc-status"]).toBe(String(code));
    expect((await call(envelope(good))).trailers["grpc-status"]).toBe("0");
  });

  it("refuses a timeout that is none", async () => {
    const { trailers } = await call(envelope(good), { "grpc-timeout": "soon" });
    expect(trailers["grpc-status"]).toBe(String(Code.InvalidArgument));
  });

  it("ends a call at its deadline though its request never ends", async () => {
    const stream = session.request({ ...head, "grpc-timeout": "200m" });
    stream.write(envelope(good).subarray(0, 3));
    const [trailers] = (await once(stream, "trailers")) as [IncomingHttpHeaders]; // what the event carries
    expect(trailers["grpc-status"]).toBe(String(Code.DeadlineExceeded));
    stream.close();
  });

  it("takes a deadline of a year for what it is", async () => {
    expect((await call(envelope(good), { "grpc-timeout": "8760H" })).trailers["grpc-status"]).toBe("0");
  });

  it("leaves what it does not speak to connect-node", async () => {
    const compressed = await call(envelope(good), { "grpc-encoding": "gzip" });
    expect({ ...compressed.headers, ...compressed.trailers }["grpc-status"]).toBe(String(Code.Unimplemented));
    const json = await call(envelope(good), { "content-type": "application/grpc+json" });
    expect(json.headers["content-type"]).toBe("application/grpc+json");
  });
});
