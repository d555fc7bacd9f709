import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { createCertificateAuthority, type Identity } from "@stenogrpc/certs";
import { StenoRequestSchema } from "@stenogrpc/protocol";
import { eventually, pcapOf } from "@stenogrpc/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  answerTo,
  beginCall,
  envelope,
  type GrpcAnswer,
  type GrpcCall,
  readAnswer,
} from "../test-support/grpc-call.js";
import { throughConnectNode, wide } from "../test-support/ways.js";
import { PcapFrames } from "./grpc-frames.js";
import { DataSocket } from "./http2/data-socket.js";
import type { Logger } from "./logger.js";
import { maxRequestBytes } from "./routes.js";
import { createStenographerServer, type StenographerServer } from "./server.js";
import { type PacketSource, SourceError } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";

/** FetchPcap in gRPC as this server frames it, against what connect-node makes of the same handler: headers, DATA, trailers. */

const fetchPath = "/stenographer.Stenographer/FetchPcap";
const ways = {
  "our framing": { path: fetchPath, isWide: false },
  "our framing past node:http2": { path: fetchPath, isWide: true },
  "connect-node": { path: fetchPath + throughConnectNode, isWide: false },
} as const;
type Way = keyof typeof ways;
const ours = ["our framing", "our framing past node:http2"] as const;
const theirs = "connect-node";
const everyWay = [...ours, theirs] as const;

const t0 = 1_700_000_000;

/** Two megabytes, which take many frames, and more than a client's windows have room for. */
const packets = memorySource(
  pcapOf(
    Array.from({ length: 2000 }, (_, i) => ({
      timestampNs: BigInt(t0 + i) * 1_000_000_000n,
      data: new Uint8Array(1000).fill(i),
    })),
  ),
);

/** What the source does for a request with one of these uids. */
const troubles: Record<string, PacketSource["open"]> = {
  "fails-at-once": () => Promise.reject(new SourceError("source-unavailable", "100 % „away“\n")),
  "fails-as-never-before": () => Promise.reject(new Error("ENOENT /secret/path")),
  "fails-later": async (plan, signal) => {
    const { batches, ...rest } = await packets.open(plan, signal);
    async function* someBatches() {
      let left = 10;
      for await (const batch of batches) {
        yield batch;
        if (--left === 0) throw new SourceError("source-corrupt", "a disk is gone");
      }
    }
    return { ...rest, batches: someBatches() };
  },
  "never-begins": () => new Promise(() => {}),
  "never-ends": async (plan, signal) => {
    const { batches, ...rest } = await packets.open(plan, signal);
    async function* endlessBatches() {
      yield* batches;
      await new Promise(() => {});
    }
    return { ...rest, batches: endlessBatches() };
  },
};

/** Whom it does not serve, and why. */
const refusals: Record<string, { allow: false; reason: string }> = {
  "not-allowed": { allow: false, reason: "not on Sundays" },
  "not-allowed-in-half-a-character": { allow: false, reason: "not on \ud83d" },
};

let server: StenographerServer;
let ca: string;
let friend: Identity;
let denied: Identity;
const outcomes: unknown[] = [];
const sessions: ClientHttp2Session[] = [];
const sessionBy = {} as Record<Way, ClientHttp2Session>; // filled before the first test

beforeAll(async () => {
  const authority = await createCertificateAuthority();
  ca = authority.certificate;
  friend = await authority.issueClient({ commonName: "friend" });
  denied = await authority.issueClient({ commonName: "denied" });
  const { certificate, privateKey } = await authority.issueServer({
    commonName: "sensor",
    hosts: ["127.0.0.1"],
  });
  const note: Logger["info"] = (fields) => {
    if ("outcome" in fields) outcomes.push(fields.outcome);
  };
  server = await createStenographerServer({
    source: { ...packets, open: (plan, signal) => (troubles[plan.uid] ?? packets.open)(plan, signal) },
    sensor: "edge-1",
    // Answers tell it.
    now: () => 1_700_000_000_000,
    limits: { minChunkBytes: 1 },
    authorize: ({ request }) => refusals[request?.request?.uid ?? ""] ?? { allow: true },
    logger: { debug: () => {}, info: note, warn: note, error: note },
    tls: {
      ca,
      cert: certificate,
      key: privateKey,
      denylist: [new X509Certificate(denied.certificate).fingerprint256],
    },
    host: "127.0.0.1",
    port: 0,
  });
  for (const way of everyWay) sessionBy[way] = await connectBy(way);
});

beforeEach(() => {
  outcomes.length = 0;
});

afterAll(async () => {
  for (const session of sessions) session.destroy();
  await eventually(() => server.metrics().connections.open === 0);
  expect(server.metrics().retrievals.running).toBe(0);
  await server.close({ graceMs: 0 });
});

async function connectBy(way: Way, who = friend): Promise<ClientHttp2Session> {
  const { isWide } = ways[way];
  const session = connect(`https://127.0.0.1:${server.port}`, {
    ca,
    cert: who.certificate,
    key: who.privateKey,
    ...(isWide && { settings: wide.settings }),
  });
  sessions.push(session);
  await once(session, "connect");
  if (isWide) session.setLocalWindowSize(wide.windowBytes);
  return session;
}

type Asked = Omit<GrpcCall, "path">;

function ask(way: Way, asked: Asked, session = sessionBy[way]): Promise<GrpcAnswer> {
  return answerTo(session, { path: ways[way].path, ...asked });
}

function request(request: MessageInitShape<typeof StenoRequestSchema>): Uint8Array {
  const window = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 100_000) };
  return toBinary(StenoRequestSchema, create(StenoRequestSchema, { ...window, ...request }));
}

/** A request for a few packets, with a uid: the server would make one up. */
const few = request({ request: { uid: "few", maxPackets: 3n } });

const sent = (body: Uint8Array): Asked => ({ body });
const asking = (fields: MessageInitShape<typeof StenoRequestSchema>): Asked =>
  sent(envelope(request(fields)));
const withUid = (uid: string, headers = {}): Asked => ({ ...asking({ request: { uid } }), headers });
const withHeaders = (headers: NonNullable<Asked["headers"]>): Asked => ({ body: envelope(few), headers });

/** A request of so many bytes: what it says of a path does not matter. */
function requestOf(bytes: number): Uint8Array {
  const lengthOfPath = 3;
  const rest = Buffer.from(few);
  const path = "x".repeat(bytes - rest.length - 1 - lengthOfPath);
  const made = Buffer.concat([rest, toBinary(StenoRequestSchema, create(StenoRequestSchema, { path }))]);
  expect(made.length).toBe(bytes);
  return made;
}

/** The status of an answer: gRPC's, or HTTP's where there is none. */
const statusOf = ({ headers, trailers }: GrpcAnswer): string =>
  trailers["grpc-status"] === undefined
    ? `HTTP ${headers[":status"]}`
    : (Code[Number(trailers["grpc-status"])] ?? "OK");

describe("our framing and connect-node answer the same", () => {
  const { InvalidArgument, Unimplemented, ResourceExhausted, Internal } = Code;
  it.each<[string, Asked, Code | 0 | `HTTP ${number}`]>([
    ["to a request for everything", withUid("all"), 0],
    ["in messages of a record each", asking({ request: { uid: "u", chunkSize: 1n, maxPackets: 300n } }), 0],
    ["in messages of 20 000 bytes", asking({ request: { uid: "u", chunkSize: 20_000n } }), 0],
    ["in messages of 64 KiB", asking({ request: { uid: "u", chunkSize: 65_536n } }), 0],
    ["in messages of a mebibyte", asking({ request: { uid: "u", chunkSize: 1_048_576n } }), 0],
    ["where nothing matches", asking({ request: { uid: "u" }, bpf: "udp" }), 0],
    ["at a limit of packets", asking({ request: { uid: "u", maxPackets: 700n } }), 0],
    ["at a limit of bytes", asking({ request: { uid: "u", maxSize: 300_000n } }), 0],

    ["to a bad filter", asking({ bpf: "port 80 and prot 81" }), InvalidArgument],
    ["to a bad uid", withUid("../../x"), InvalidArgument],
    ["to a request that says nothing", sent(envelope(Buffer.alloc(0))), InvalidArgument],
    [
      "to a filter that its message cuts within a character",
      asking({ bpf: `${"x".repeat(39)}😀` }),
      InvalidArgument,
    ],
    ["to whoever may not ask", withUid("not-allowed"), Code.PermissionDenied],
    [
      "to whoever may not ask, for a reason that is half a character",
      withUid("not-allowed-in-half-a-character"),
      Code.PermissionDenied,
    ],
    ["where the source is away", withUid("fails-at-once"), Code.Unavailable],
    ["where the source fails in a way that is nobody's business", withUid("fails-as-never-before"), Internal],
    ["where the source fails in the middle", withUid("fails-later"), Code.DataLoss],

    ["at a deadline", withUid("never-begins", { "grpc-timeout": "50m" }), Code.DeadlineExceeded],
    ["at a deadline of nothing", withUid("never-begins", { "grpc-timeout": "0S" }), Code.DeadlineExceeded],
    [
      "at a deadline of a nanosecond",
      withUid("never-begins", { "grpc-timeout": "1n" }),
      Code.DeadlineExceeded,
    ],
    ["long before a deadline that no timer can hold", withHeaders({ "grpc-timeout": "99999999H" }), 0],
    ["to a timeout in words", withHeaders({ "grpc-timeout": "soon" }), InvalidArgument],
    ["to an empty timeout", withHeaders({ "grpc-timeout": "" }), InvalidArgument],
    ["to a negative timeout", withHeaders({ "grpc-timeout": "-1S" }), InvalidArgument],
    ["to a timeout of nine digits", withHeaders({ "grpc-timeout": "123456789S" }), InvalidArgument],
    ["to two timeouts", withHeaders({ "grpc-timeout": ["1S", "2S"] }), InvalidArgument],

    ["to a client that takes gzip", withHeaders({ "grpc-accept-encoding": "gzip,identity" }), 0],
    ["to a client that sends no gzip", withHeaders({ "grpc-encoding": "identity" }), 0],
    ["to a client that sends gzip", withHeaders({ "grpc-encoding": "gzip" }), Unimplemented],
    ["to a message that is compressed nobody knows how", sent(envelope(few, { flag: 1 })), Internal],

    ["to no message", sent(Buffer.alloc(0)), Unimplemented],
    ["to two messages", sent(Buffer.concat([envelope(few), envelope(few)])), Unimplemented],
    ["to a message and a bad one", sent(Buffer.concat([envelope(few), envelope(Buffer.of(7))])), Internal],
    ["to half an envelope", sent(Buffer.alloc(3)), InvalidArgument],
    ["to half a message", sent(envelope(few).subarray(0, -1)), InvalidArgument],
    ["to a message and a half", sent(Buffer.concat([envelope(few), Buffer.of(0)])), InvalidArgument],
    ["to what is no protobuf", sent(envelope(new Uint8Array(20).fill(0xff))), Internal],
    ["to a field that nobody knows", sent(envelope(Buffer.concat([few, Buffer.of(0xf8, 0x7f, 1)]))), 0],
    ["to the largest message", sent(envelope(requestOf(maxRequestBytes))), 0],
    ["to one that is larger", sent(envelope(requestOf(maxRequestBytes + 1))), ResourceExhausted],
    ["to a much larger one", sent(envelope(new Uint8Array(1_000_000))), ResourceExhausted],
    [
      "to one that says it has four gigabytes",
      sent(envelope(few, { length: 0xffff_ffff })),
      ResourceExhausted,
    ],

    ["to application/grpc", withHeaders({ "content-type": "application/grpc" }), 0],
    ["to Application/GRPC+Proto", withHeaders({ "content-type": "Application/GRPC+Proto" }), 0],
    ["to gRPC in an alphabet", withHeaders({ "content-type": "application/grpc;charset=utf-8" }), "HTTP 415"],
    [
      "to gRPC in what is no protobuf",
      withHeaders({ "content-type": "application/grpc+thrift" }),
      "HTTP 415",
    ],
    ["to text", withHeaders({ "content-type": "text/plain" }), "HTTP 415"],
    ["to no type of content", withHeaders({ "content-type": undefined }), "HTTP 415"],
    ["to PUT", withHeaders({ ":method": "PUT" }), "HTTP 405"],
    ["to a client that says nothing of trailers", withHeaders({ te: undefined }), 0],
  ])("%s", async (_when, asked, status) => {
    const expected = await ask(theirs, asked);
    expect(statusOf(expected)).toBe(typeof status === "number" ? (Code[status] ?? "OK") : status);
    for (const way of ours) expect([way, await ask(way, asked)]).toEqual([way, expected]);
  });

  it("on one connection to many at once", async () => {
    const asked = withUid("all");
    const expected = await ask(theirs, asked);
    expect(expected.messages.length).toBeGreaterThan(5);
    for (const way of ours) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(way, asked)));
      for (const answer of answers) expect([way, answer]).toEqual([way, expected]);
    }
  });

  it.each<[string, Asked]>([
    ["asks well", withHeaders({})],
    ["asks for no time", withHeaders({ "grpc-timeout": "soon" })],
    ["asks nothing", sent(Buffer.alloc(0))],
  ])("to a client that is not welcome, and %s", async (_how, asked) => {
    const answers = await Promise.all(
      everyWay.map(async (way) => ask(way, asked, await connectBy(way, denied))),
    );
    for (const answer of answers) {
      expect(statusOf(answer)).toBe("PermissionDenied");
      expect(answer).toEqual(answers[0]);
    }
  });

  it("at a deadline in the middle, to a client that reads what came until then only later: whole messages", async () => {
    const asked = withUid("all");
    const whole = await ask(theirs, asked);
    const late: Partial<GrpcAnswer>[] = [];
    for (const way of everyWay) {
      outcomes.length = 0;
      const stream = beginCall(sessionBy[way], {
        path: ways[way].path,
        headers: { "grpc-timeout": "100m" },
      });
      stream.end(asked.body);
      await eventually(() => outcomes.length > 0);
      const { messages, ...rest } = await readAnswer(stream);
      expect(messages).toEqual(whole.messages.slice(0, messages.length));
      late.push(rest);
    }
    for (const rest of late) expect(rest).toEqual(late[0]);
    expect(late[0]?.trailers?.["grpc-status"]).toBe(String(Code.DeadlineExceeded));
  });
});

describe.each(everyWay)("a client that leaves, %s", (way) => {
  const running = () => server.metrics().retrievals.running;

  it.each(["before the first byte", "in the middle"])(
    "%s, is known to have, and its connection goes on",
    async (when) => {
      const session = sessionBy[way];
      const uid = when === "in the middle" ? "never-ends" : "never-begins";
      const stream = beginCall(session, { path: ways[way].path });
      stream.end(withUid(uid).body);
      if (when === "in the middle") await once(stream, "data");
      else await eventually(() => running() === 1);
      stream.close(constants.NGHTTP2_CANCEL);
      await eventually(() => outcomes.length > 0 && running() === 0);
      expect(outcomes).toEqual(["canceled"]);
      expect(statusOf(await ask(way, withUid("all")))).toBe("OK");
    },
  );

  it("with its connection, is known to have", async () => {
    const session = await connectBy(way);
    session.on("error", () => {});
    const stream = beginCall(session, { path: ways[way].path });
    stream.on("error", () => {});
    stream.end(withUid("never-ends").body);
    await once(stream, "data");
    session.destroy();
    await eventually(() => outcomes.length > 0 && running() === 0);
    expect(outcomes).toEqual(["canceled"]);
  });
});

describe("our framing and connect-node differ", () => {
  it("in what a message is whose flag gRPC does not know: for us none, for connect-node one that is not compressed", async () => {
    const asked = sent(envelope(few, { flag: 2 }));
    for (const way of ours) expect(statusOf(await ask(way, asked))).toBe("Internal");
    expect(statusOf(await ask(theirs, asked))).toBe("OK");
  });

  it("in an authority that makes no URL: we need none", async () => {
    const asked = withHeaders({ ":authority": "[::" });
    for (const way of ours) expect(await ask(way, asked)).toEqual(await ask(way, withHeaders({})));
    expect(statusOf(await ask(theirs, asked))).toBe("HTTP 400");
  });

  it("in a deadline that passes while the request is still to come: connect-node waits for it", async () => {
    const [first, last] = [envelope(few).subarray(0, 3), envelope(few).subarray(3)];
    const begin = (way: Way) => {
      const stream = beginCall(sessionBy[way], { path: ways[way].path, headers: { "grpc-timeout": "50m" } });
      stream.write(first);
      return { stream, answer: readAnswer(stream) };
    };
    const { stream, answer } = begin(theirs);
    let isAnswered = false;
    stream.once("response", () => {
      isAnswered = true;
    });
    for (const way of ours) expect(statusOf(await begin(way).answer)).toBe("DeadlineExceeded");
    expect(isAnswered).toBe(false);
    stream.end(last);
    expect(statusOf(await answer)).toBe("DeadlineExceeded");
  });
});

it("each way is the one that it is called", async () => {
  const framed = vi.spyOn(PcapFrames.prototype, "of");
  const opened = vi.spyOn(DataSocket.prototype, "open");
  const seen: Record<string, object> = {};
  for (const way of everyWay) {
    framed.mockClear();
    opened.mockClear();
    await ask(way, withUid("all"));
    const isPast = opened.mock.results.some(({ value }) => value !== undefined);
    seen[way] = { isOurs: framed.mock.calls.length > 0, isPast };
  }
  vi.restoreAllMocks();
  expect(seen).toEqual({
    "our framing": { isOurs: true, isPast: false },
    "our framing past node:http2": { isOurs: true, isPast: true },
    "connect-node": { isOurs: false, isPast: false },
  });
});
