import {
  createSecureServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { StenoRequestSchema } from "@stenogrpc/protocol";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { framed, goodAnswer } from "../../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import { createIdentities, type TestIdentities } from "../../test-support/scripted-server.js";
import { planFetch } from "../fetch-options.js";
import { requestMessage } from "../request-message.js";
import { createStenographerClient, type NodeStenographerClient } from "./index.js";

const uid = "u1";
const capture = packetsFromNoon(3);
const messages = framed(goodAnswer(requestMessage(planFetch({ ...hour, uid }, {})), capture));
const whole = joined(messages);
const grpc = { ":status": 200, "content-type": "application/grpc+proto" };
const ok = { "grpc-status": "0" };

/** What a server does with the one call, below everything that a gRPC library would see to. */
type Act = (stream: ServerHttp2Stream) => void;

let identities: TestIdentities;
let act: Act;
let client: NodeStenographerClient;
let before: string[];
const sessions = new Set<Http2Session>();
let server: ReturnType<typeof createSecureServer>;

beforeAll(async () => {
  identities = await createIdentities();
});
beforeEach(async () => {
  before = activeResources();
  const { authority, server: identity, client: own } = identities;
  const ca = authority.certificate;
  server = createSecureServer({
    ca,
    cert: identity.certificate,
    key: identity.privateKey,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    act(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  client = createStenographerClient({
    server: `127.0.0.1:${port}`,
    tls: { ca, cert: own.certificate, key: own.privateKey },
  });
});
afterEach(async () => {
  await client.close();
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
  await expectNothingLeft(before);
});

/** Answers with these headers, pieces and trailers; with null, with the end of the stream. */
function answers(pieces: readonly Uint8Array[], trailers: object | null = ok, headers: object = grpc): Act {
  return (stream) => {
    stream.respond({ ...headers }, { waitForTrailers: trailers !== null });
    stream.on("wantTrailers", () => stream.sendTrailers({ ...trailers }));
    for (const piece of pieces) stream.write(piece);
    stream.end();
  };
}

const fetched = () => client.fetchPcap({ ...hour, uid });
const failing = (given: Act) => {
  act = given;
  return failureOf(() => collect(fetched()));
};

describe("an answer as HTTP/2 frames", () => {
  it.each([1, 7, 100, 1000])("is the same in frames of %s bytes", async (size) => {
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    act = answers(pieces);
    const fetch = fetched();
    expect(joined(await collect(fetch))).toEqual(capture.bytes);
    expect(await fetch.summary).toMatchObject({ verdict: "complete", packets: 3 });
  });

  it("is read to its end when the connection goes with it", async () => {
    act = (stream) => {
      answers([whole])(stream);
      stream.once("close", () => stream.session?.destroy());
    };
    expect(joined(await collect(fetched()))).toEqual(capture.bytes);
  });

  it("follows a request that is one message, with its deadline and without compression", async () => {
    let body = Buffer.alloc(0);
    const arrived: Buffer[] = [];
    act = (stream) => {
      stream.on("data", (piece: Buffer) => arrived.push(piece));
      stream.once("end", () => {
        body = Buffer.concat(arrived);
        answers([whole])(stream);
      });
    };
    const headers = new Promise<IncomingHttpHeaders>((resolve) =>
      server.once("stream", (_, received) => resolve(received)),
    );
    await client.fetchPcap({ ...hour, uid, timeoutMs: 60_000 }).summary;
    expect(await headers).toMatchObject({
      ":path": "/stenographer.Stenographer/FetchPcap",
      "content-type": "application/grpc+proto",
      "grpc-timeout": "60000m",
      te: "trailers",
    });
    expect(await headers).not.toHaveProperty("grpc-accept-encoding");
    expect(fromBinary(StenoRequestSchema, body.subarray(5)).request?.uid).toBe(uid);
    expect(body.readUInt32BE(1)).toBe(body.length - 5);
  });

  it.each([
    [99_999_999, "99999999m"],
    [100_000_000, "100000S"],
    [2_147_483_647, "2147483S"],
  ])(
    "follows a request that says %s ms in eight digits at most, as does every other call",
    async (timeoutMs, told) => {
      const deadlines: unknown[] = [];
      server.on("stream", (_, received) => deadlines.push(received["grpc-timeout"]));
      // An empty message, behind the request: Node 24 fails a call that is answered before its request has left.
      act = (stream) => void stream.resume().once("end", () => answers([new Uint8Array(5)])(stream));
      await client.describeSensor({ timeoutMs });
      act = answers([whole]);
      await client.fetchPcap({ ...hour, uid, timeoutMs }).summary;
      expect(deadlines).toEqual([told, expect.stringMatching(/^\d{5,8}[mS]$/)]); // a fetch takes off what has passed
    },
  );
});

describe("an answer that is no gRPC", () => {
  it.each<[string, Act, object, RegExp]>([
    [
      "another content type",
      answers([whole], null, { ":status": 200, "content-type": "text/html" }),
      { code: "unknown" },
      /unsupported content type text\/html/,
    ],
    ["an HTTP status", answers([], null, { ":status": 404 }), { code: "unimplemented" }, /HTTP 404/],
    [
      "an encoding that was not offered",
      answers([whole], ok, { ...grpc, "grpc-encoding": "gzip" }),
      { code: "internal" },
      /unsupported response encoding "gzip"/,
    ],
    [
      "a compressed message",
      answers([Uint8Array.from([1, 0, 0, 0, 0])]),
      { reason: "MALFORMED_ANSWER" },
      /no valid gRPC: a message is compressed/,
    ],
    [
      "a message beyond all bounds",
      answers([Uint8Array.from([0, 0xff, 0xff, 0xff, 0xff])]),
      { reason: "MALFORMED_ANSWER" },
      /4294967295 bytes, more than the 33554432 allowed/,
    ],
    [
      "a cut message, with a good status",
      answers([whole.subarray(0, -1)]),
      { reason: "MALFORMED_ANSWER" },
      /ends inside a message/,
    ],
    ["no status", answers([whole], null), { reason: "CONNECTION_LOST" }, /broke the call off/],
    [
      "no status, and a cut message",
      answers([whole.subarray(0, -1)], null),
      { reason: "CONNECTION_LOST" },
      /./,
    ],
    [
      "a status that is none",
      answers([whole], { "grpc-status": "x" }),
      { code: "internal" },
      /invalid grpc-status/,
    ],
    ["nothing", (stream) => stream.close(), { reason: "CONNECTION_LOST" }, /broke the call off/],
    [
      "a reset after some of it",
      (stream) => {
        stream.respond(grpc);
        stream.write(whole.subarray(0, 100), () => stream.close(2));
      },
      { reason: "CONNECTION_LOST" },
      /broke the call off/,
    ],
  ])("fails with %s", async (_, given, expected, message) => {
    const failure = await failing(given);
    expect(failure).toMatchObject(expected);
    expect(failure.message).toMatch(message);
  });

  it.each(["in the trailers", "in the headers alone"])(
    "brings an error and its details %s",
    async (where) => {
      const status = setTrailerStatus(new Headers(), new ConnectError("disk full", Code.ResourceExhausted));
      const error = Object.fromEntries(status);
      const failure = await failing(
        where === "in the trailers"
          ? answers(messages.slice(0, 2), error)
          : (stream) => stream.respond({ ...grpc, ...error }, { endStream: true }),
      );
      expect(failure).toMatchObject({ code: "resource_exhausted", message: "disk full" });
    },
  );

  it("fails when the connection goes in the middle of it", async () => {
    const failure = await failing((stream) => {
      stream.respond(grpc);
      stream.write(whole.subarray(0, 100), () => stream.session?.destroy());
    });
    expect(failure).toMatchObject({ reason: "CONNECTION_LOST" });
  });
});
