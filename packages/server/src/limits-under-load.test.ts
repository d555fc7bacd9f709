import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect as connectHttp2, constants } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { decodeCapture } from "@stenogrpc/pcap";
import { Stenographer } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { fetchEnvelope as envelope, fetchQuery } from "../test-support/fetch-request.js";
import {
  encodeFrame,
  flag,
  frameType,
  headerBlock,
  RawHttp2,
  settingsPayload,
} from "../test-support/raw-http2.js";
import { readSlowly } from "../test-support/read-slowly.js";
import { throughConnectNode, wide } from "../test-support/ways.js";
import type { Logger } from "./logger.js";
import type { ServerOptions } from "./server.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

/** Eight megabytes of packets: more than all windows between a server and a reader hold. */
const capture = pcapOf(
  Array.from({ length: 8000 }, (_, i) => ({
    timestampNs: 5_000_000_000n + BigInt(i) * 1000n,
    data: new Uint8Array(1000).fill(i),
  })),
);
const sha256 = createHash("sha256").update(capture).digest("hex");

let sensor: TestSensor;
let lines: { fields: Record<string, unknown>; message: string | undefined }[];
const hangers: { destroy(): void }[] = [];

async function start(
  limits: NonNullable<ServerOptions["limits"]>,
  source: PacketSource = memorySource(capture),
): Promise<void> {
  lines = [];
  const note = (fields: object, message?: string) => void lines.push({ fields: { ...fields }, message });
  const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
  sensor = await startTestSensor({ source, logger, limits });
}

afterEach(async () => {
  for (const hanger of hangers.splice(0)) hanger.destroy();
  await sensor.close();
});

function hanging<T extends { destroy(): void }>(hanger: T): T {
  hangers.push(hanger);
  return hanger;
}

const tls = () => ({ host: "127.0.0.1", port: sensor.server.port, ...sensor.clientOptions.tls });
const url = () => `https://${sensor.clientOptions.server}`;
const running = () => sensor.server.metrics().retrievals.running;
const reasons = () => lines.flatMap(({ fields }) => (fields.reason === undefined ? [] : [fields.reason]));

/** What another client gets meanwhile, in whole. */
async function fetchedElsewhere(): Promise<string> {
  const transport = createGrpcTransport({ baseUrl: url(), nodeOptions: sensor.clientOptions.tls });
  const digest = createHash("sha256");
  for await (const { pcap } of createClient(Stenographer, transport).fetchPcap(fetchQuery))
    digest.update(pcap);
  return digest.digest("hex");
}

const grpc = { "content-type": "application/grpc+proto", te: "trailers" };
const connectStream = { "content-type": "application/connect+proto", "connect-protocol-version": "1" };

async function session(settings = {}): Promise<ClientHttp2Session> {
  const opened = hanging(connectHttp2(url(), { ...sensor.clientOptions.tls, settings }));
  opened.on("error", () => {}); // what a test looks at are the streams and "close"
  await once(opened, "connect");
  return opened;
}

function ask(from: ClientHttp2Session, rpc: string, headers: Record<string, string>): ClientHttp2Stream {
  const stream = from.request({
    ":method": "POST",
    ":path": `/stenographer.Stenographer/${rpc}`,
    ...headers,
  });
  stream.on("error", () => {}); // as above
  return stream;
}

async function resetOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  await new Promise((resolve) => stream.once("close", resolve)); // once() would throw at "error"
  return stream.rstCode;
}

/** A client whose windows have room for everything, and that reads nothing of its answer, which is stream 1. */
async function takesNothing(): Promise<RawHttp2> {
  const raw = hanging(await RawHttp2.connect(tls(), [[4, 0x7fff_ffff]]));
  await raw.send(frameType.windowUpdate, 0, 0, Buffer.of(0x7f, 0xff, 0, 0));
  raw.stopReading();
  await raw.send(frameType.headers, flag.endHeaders, 1, head("FetchPcap"));
  await raw.send(frameType.data, flag.endStream, 1, envelope);
  return raw;
}

describe("a reader that takes nothing", () => {
  it.each([
    ["gRPC", "FetchPcap", grpc, {}],
    ["gRPC past node:http2", "FetchPcap", grpc, wide.settings],
    ["gRPC through connect-node", `FetchPcap${throughConnectNode}`, grpc, {}],
    ["gRPC-Web", "FetchPcap", { "content-type": "application/grpc-web+proto" }, {}],
    ["Connect", "FetchPcap", connectStream, {}],
  ])("of its answer in %s loses it, and its place goes to the next", async (_way, rpc, headers, settings) => {
    await start({ concurrency: 1, idleTimeoutMs: 1000 });
    const from = await session(settings);
    from.setLocalWindowSize(wide.windowBytes);
    const stream = ask(from, rpc, headers);
    stream.end(envelope);
    await expect.poll(running).toBe(1);
    expect(await resetOf(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect([running(), reasons()]).toEqual([0, ["READER_IDLE"]]);
    expect(await fetchedElsewhere()).toBe(sha256);
  });

  it("in HTTP/1.1 loses its connection", async () => {
    await start({ concurrency: 1, idleTimeoutMs: 1000 });
    const request = httpsRequest(`${url()}/stenographer.Stenographer/FetchPcap`, {
      ...sensor.clientOptions.tls,
      method: "POST",
      headers: connectStream,
    });
    hanging(request.on("error", () => {}));
    request.end(envelope);
    const [response] = await once(request, "response");
    const { socket } = response;
    await expect.poll(reasons, { timeout: 5000 }).toEqual(["READER_IDLE"]);
    const closed = once(socket, "close");
    response.on("error", () => {}).resume();
    await closed;
    expect(response.complete).toBe(false);
    expect(await fetchedElsewhere()).toBe(sha256);
  });

  it("of its connection loses that", async () => {
    await start({ concurrency: 1, idleTimeoutMs: 1000 });
    await takesNothing();
    await expect.poll(running).toBe(1);
    await expect.poll(() => sensor.server.metrics().connections.open, { timeout: 10_000 }).toBe(0);
    expect([running(), reasons()]).toEqual([0, ["READER_IDLE"]]);
    expect(await fetchedElsewhere()).toBe(sha256);
  });

  it.each([
    ["gRPC", "FetchPcap", grpc, envelope],
    ["Connect", "DescribeSensor", { "content-type": "application/json" }, Buffer.from("{}")],
    ["gRPC-Web", "ExplainQuery", { "content-type": "application/grpc-web+proto" }, Buffer.alloc(5)],
  ])("of an answer that is already written in %s loses it", async (_protocol, rpc, headers, body) => {
    await start({ idleTimeoutMs: 300 }, memorySource(capture.subarray(0, 24 + 1016)));
    const stream = ask(await session({ initialWindowSize: 0 }), rpc, headers);
    stream.end(body);
    expect(await resetOf(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it("for a while, again and again, is served to the end", async () => {
    await start({ idleTimeoutMs: 1000, defaultChunkBytes: 256 * 1024 });
    const stream = ask(await session(), "FetchPcap", grpc);
    stream.end(envelope);
    let bytes = 0;
    const startedAt = performance.now();
    for await (const piece of stream) {
      bytes += (piece as Buffer).length; // no encoding is set
      if (performance.now() - startedAt < 2500) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(bytes).toBeGreaterThan(capture.length);
    expect(reasons()).toEqual([]);
  });

  it.each([
    ["through node:http2", {}],
    ["past it", { maxFrameSize: 1_048_576 }],
  ])("of a message but parts of it, %s, is served to the end", async (_way, settings) => {
    const message = capture.subarray(0, 24 + 1016 * 1000);
    await start({ idleTimeoutMs: 1000, defaultChunkBytes: 1_048_576 }, memorySource(message));
    const slow = await session({ initialWindowSize: 65_536, ...settings });
    slow.setLocalWindowSize(16_777_216);
    const stream = ask(slow, "FetchPcap", grpc).end(envelope);
    expect(await readSlowly(stream, 65_536)).toBeGreaterThan(message.length);
    expect(reasons()).toEqual([]);
  });

  it.each([
    ["through node:http2", []],
    ["past it", [[5, 1_048_576]]],
  ] as const)("but a byte now and then, %s, loses its answer", async (_way, settings) => {
    await start({ idleTimeoutMs: 1000 });
    const raw = hanging(await RawHttp2.connect(tls(), [[4, 1000], ...settings]));
    await raw.send(frameType.windowUpdate, 0, 0, Buffer.of(0x7f, 0xff, 0, 0));
    await raw.send(frameType.headers, flag.endHeaders, 1, head("FetchPcap"));
    await raw.send(frameType.data, flag.endStream, 1, envelope);
    const oneByte = setInterval(() => raw.send(frameType.windowUpdate, 0, 1, Buffer.of(0, 0, 0, 1)), 200);
    await expect.poll(reasons, { timeout: 5000 }).toEqual(["READER_IDLE"]);
    clearInterval(oneByte);
  });

  it("is none where the source gives nothing", async () => {
    async function* slowly() {
      yield capture.subarray(0, 24 + 1016);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      yield capture.subarray(24 + 1016);
    }
    await start(
      { idleTimeoutMs: 1000, defaultChunkBytes: 64 * 1024 },
      {
        kind: "slow",
        open: async () => ({ ...(await decodeCapture(slowly())), warnings: [] }),
        describe: async () => ({}),
      },
    );
    expect(await fetchedElsewhere()).toBe(sha256);
    expect(reasons()).toEqual([]);
  });
});

describe("slow readers that share a connection", () => {
  it("hold no other call on it back, however much the server has to keep for them", async () => {
    const count = 24;
    const all = capture.subarray(0, 24 + 1016 * 2500);
    await start({ concurrency: count, defaultChunkBytes: 1024 * 1024 }, memorySource(all));
    const shared = await session({ initialWindowSize: 16_384 });
    const answers = Array.from({ length: count }, () => ask(shared, "FetchPcap", grpc).end(envelope));
    // Each has something now, and a mebibyte waits for it.
    await Promise.all(answers.map((answer) => once(answer, "readable")));
    const other = ask(shared, "DescribeSensor", { "content-type": "application/json" }).end("{}");
    const [headers] = await once(other, "response");
    expect(headers[":status"]).toBe(200);
    const bytes = await Promise.all(
      answers.map(async (answer) => {
        let sum = 0;
        for await (const piece of answer) sum += (piece as Buffer).length; // no encoding is set
        return sum;
      }),
    );
    expect(Math.min(...bytes)).toBeGreaterThan(all.length);
  });
});

describe("a request that is refused before all of it was read", () => {
  it.each([
    ["gRPC", "FetchPcap", grpc],
    ["gRPC", "ExplainQuery", grpc],
    ["Connect", "FetchPcap", connectStream],
  ])("in %s %s leaves its connection to the others", async (_protocol, rpc, headers) => {
    await start({ requestBodyTimeoutMs: 300 });
    const shared = await session();
    let isClosed = false;
    shared.once("close", () => {
      isClosed = true;
    });
    for (let i = 0; i < 5; i++) {
      const stream = ask(shared, rpc, headers);
      stream.end(Buffer.concat([Buffer.of(0, 1, 0, 0, 0), Buffer.alloc(60_000)]));
      stream.resume();
      await resetOf(stream);
    }
    // Longer than the body may take, and the reset after that.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(isClosed).toBe(false);
  });
});

describe("a request whose body never ends", () => {
  it.each([
    ["gRPC", "FetchPcap", grpc],
    ["gRPC-Web", "FetchPcap", { "content-type": "application/grpc-web+proto" }],
    ["Connect", "FetchPcap", connectStream],
    ["Connect", "DescribeSensor", { "content-type": "application/proto" }],
  ])("is let go in %s, %s", async (_protocol, rpc, headers) => {
    await start({ requestBodyTimeoutMs: 300 });
    const stream = ask(await session(), rpc, headers);
    stream.write(envelope.subarray(0, 3));
    expect(await resetOf(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(running()).toBe(0);
  });

  it("is let go in HTTP/1.1", async () => {
    await start({ requestBodyTimeoutMs: 300 });
    const request = httpsRequest(`${url()}/stenographer.Stenographer/DescribeSensor`, {
      ...sensor.clientOptions.tls,
      method: "POST",
      headers: { "content-type": "application/json", "content-length": 100 },
    });
    request.write("{");
    const [error] = await once(request, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});

type Frame = readonly [type: number, stream: number, payload: Buffer];
const goodbye = (code: number): Frame => [frameType.goaway, 0, Buffer.of(0, 0, 0, 0, 0, 0, 0, code)];
const cancelOfStream1: Frame = [frameType.reset, 1, Buffer.of(0, 0, 0, constants.NGHTTP2_CANCEL)];

const dataOfNoStream: Frame = [frameType.data, 0, Buffer.of(0)];

describe("connections", () => {
  const plain = async (): Promise<Socket> => {
    const socket = hanging(connectPlain(sensor.server.port, "127.0.0.1"));
    socket.on("error", () => {}).resume();
    await once(socket, "connect");
    return socket;
  };
  const open = () => sensor.server.metrics().connections.open;

  it.each(["connections", "connectionsPerAddress"] as const)(
    "are bounded by %s, and free again when closed",
    async (limit) => {
      await start({ [limit]: 3 });
      const first = [await plain(), await plain(), await plain()];
      await expect.poll(open).toBe(3);
      const fourth = await plain();
      await once(fourth, "close");
      expect(sensor.server.metrics().connections).toMatchObject({ open: 3, accepted: 3, turnedAway: 1 });
      expect(lines.at(-1)).toEqual({
        fields: { peer: "127.0.0.1", limit },
        message: "connection turned away",
      });
      first[0]?.destroy();
      await expect.poll(open).toBe(2);
      expect(await fetchedElsewhere()).toBe(sha256);
    },
  );

  // Node 20 never hears of a reset that meets a write under way, nor that a session which it ended itself waits for such a write.
  it.each([
    ["says nothing", {}, []],
    ["says goodbye with an error", {}, [goodbye(constants.NGHTTP2_CANCEL)]],
    [
      "says goodbye without one",
      { idleTimeoutMs: 500 },
      [goodbye(constants.NGHTTP2_NO_ERROR), cancelOfStream1],
    ],
    ["breaks the protocol", { idleTimeoutMs: 500 }, [dataOfNoStream]],
  ] as const)(
    "end when their client %s in the middle of an answer, then resets",
    async (_how, limits, farewell) => {
      await start(limits);
      const readers = await Promise.all(Array.from({ length: 10 }, takesNothing));
      await expect.poll(running).toBe(10);
      await Promise.all(
        readers.map(async (raw) => {
          for (const [type, stream, payload] of farewell) await raw.send(type, 0, stream, payload);
          raw.destroy();
        }),
      );
      await expect.poll(() => [running(), open()], { timeout: 10_000 }).toEqual([0, 0]);
      expect(await fetchedElsewhere()).toBe(sha256);
    },
  );

  it("end though their client, who has said goodbye, keeps its half open", async () => {
    await start({ idleTimeoutMs: 300 });
    const raw = hanging(await RawHttp2.connect({ ...tls(), allowHalfOpen: true }));
    const [type, stream, payload] = goodbye(constants.NGHTTP2_NO_ERROR);
    await raw.send(type, 0, stream, payload);
    await expect.poll(open, { timeout: 5000 }).toBe(0);
  });

  it("survive a request that is reset in the same breath, and waits to be asked for its body", async () => {
    await start({});
    const raw = hanging(await RawHttp2.connect(tls()));
    const asking = head("FetchPcap", [["expect", "100-continue"]]);
    await raw.sendBytes(
      Buffer.concat([
        encodeFrame(frameType.headers, flag.endHeaders, 1, asking),
        encodeFrame(frameType.reset, 0, 1, cancel),
        encodeFrame(frameType.headers, flag.endHeaders, 3, asking),
        encodeFrame(frameType.data, flag.endStream, 3, envelope),
      ]),
    );
    await expect.poll(() => raw.dataOf(3).length).toBeGreaterThan(60_000);
    expect(raw.open).toBe(true);
  });

  it("end when their handshake takes too long", async () => {
    await start({ handshakeTimeoutMs: 200 });
    await once(await plain(), "close");
    expect(lines.at(-1)).toMatchObject({
      fields: { peer: "127.0.0.1", code: "ERR_TLS_HANDSHAKE_TIMEOUT" },
      message: "TLS refused",
    });
  });

  it("that are refused a thousand times fill no log, which says how many it left out", async () => {
    await start({});
    for (let i = 0; i < 300; i++) {
      const socket = await plain();
      socket.write("GET / HTTP/1.1\r\n\r\n");
      await once(socket, "close");
    }
    expect(sensor.server.metrics().connections.tlsRefused).toBe(300);
    expect(lines.filter(({ message }) => message === "TLS refused").length).toBeLessThan(200);
  });
});

function head(rpc: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return headerBlock([
    [":method", "POST"],
    [":scheme", "https"],
    [":authority", "sensor"],
    [":path", `/stenographer.Stenographer/${rpc}`],
    ...Object.entries(grpc),
    ...more,
  ]);
}

/** One round of a flood. */
type Round = (raw: RawHttp2, stream: number, i: number) => Promise<void>;

const many = (count: number): [string, string][] => Array.from({ length: count }, (_, i) => [`h${i}`, "v"]);
const cancel = Buffer.of(0, 0, 0, constants.NGHTTP2_CANCEL);

const endingFloods: Record<string, Round> = {
  "rapid resets of retrievals": async (raw, stream) => {
    await raw.send(frameType.headers, flag.endHeaders, stream, head("FetchPcap"));
    await raw.send(frameType.reset, 0, stream, cancel);
  },
  "rapid resets of other calls": async (raw, stream) => {
    await raw.send(frameType.headers, flag.endHeaders, stream, head("DescribeSensor"));
    await raw.send(frameType.reset, 0, stream, cancel);
  },
  SETTINGS: (raw) => raw.send(frameType.settings, 0, 0, settingsPayload([[4, 65_535]])),
  "SETTINGS of many entries": (raw) =>
    raw.send(
      frameType.settings,
      0,
      0,
      settingsPayload(Array.from({ length: 100 }, () => [4, 65_535] as const)),
    ),
  PING: (raw) => raw.send(frameType.ping, 0, 0, Buffer.alloc(8)),
  "PING without reading": async (raw) => {
    raw.stopReading();
    await raw.send(frameType.ping, 0, 0, Buffer.alloc(8));
  },
  "empty DATA": async (raw, _stream, i) => {
    if (i === 0) await raw.send(frameType.headers, flag.endHeaders, 1, head("FetchPcap"));
    await raw.send(frameType.data, 0, 1);
  },
  "CONTINUATION without end": async (raw, _stream, i) => {
    if (i === 0) await raw.send(frameType.headers, 0, 1, head("FetchPcap"));
    await raw.send(frameType.continuation, 0, 1, headerBlock([[`x${i}`, "y".repeat(1000)]]));
  },
  "header lists of 96 KiB": async (raw, stream) => {
    await raw.send(frameType.headers, 0, stream, head("FetchPcap"));
    for (let i = 0; i < 6; i++) {
      const last = i === 5 ? flag.endHeaders : 0;
      await raw.send(frameType.continuation, last, stream, headerBlock([[`x${i}`, "y".repeat(16_000)]]));
    }
  },
  "streams that never end": (raw, stream) =>
    raw.send(frameType.headers, flag.endHeaders, stream, head("FetchPcap")),
  "resets of streams that are none": (raw, stream) => raw.send(frameType.reset, 0, stream, cancel),
};

/**
 * Where nghttp2 ends a session by itself, Node stops reading, and the connection ends when a PING is not answered. Elsewhere the
 * limit stays long: a flood keeps the one thread that this test and its server share, and no reader should seem idle for that.
 */
const endedByPing: Record<string, { idleTimeoutMs: number }> = {
  "SETTINGS of many entries": { idleTimeoutMs: 3000 },
  "header lists of 96 KiB": { idleTimeoutMs: 3000 }, // Node 24
};

describe("a flood of", () => {
  it.each(Object.keys(endingFloods))(
    "%s ends its session, and another client's fetch is whole",
    async (name) => {
      await start({ concurrency: 200, ...endedByPing[name] });
      const raw = hanging(await RawHttp2.connect(tls()));
      const round = endingFloods[name] as Round; // one of its keys
      const elsewhere = fetchedElsewhere();
      elsewhere.catch(() => {}); // it is awaited below, when it may have failed long ago
      for (let i = 0; raw.open && i < 50_000; i++) {
        await round(raw, 2 * i + 1, i);
        if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      }
      await expect.poll(() => raw.open, { timeout: 20_000 }).toBe(false);
      expect(await elsewhere).toBe(sha256);
      await expect.poll(running).toBe(0);
    },
  );

  it("header lists of 500 entries is refused stream by stream, and another client's fetch is whole", async () => {
    await start({});
    const raw = hanging(await RawHttp2.connect(tls()));
    const elsewhere = fetchedElsewhere();
    elsewhere.catch(() => {}); // as above
    for (let i = 0; raw.open && i < 500; i++) {
      await raw.send(
        frameType.headers,
        flag.endHeaders | flag.endStream,
        2 * i + 1,
        head("FetchPcap", many(500)),
      );
    }
    await expect.poll(() => raw.resets.size || !raw.open, { timeout: 10_000 }).toBe(500);
    expect(await elsewhere).toBe(sha256);
    expect(reasons()).toEqual([]);
  });

  it("streams at once gets no more than 128 of them", async () => {
    await start({ concurrency: 500 });
    const raw = hanging(await RawHttp2.connect(tls()));
    for (let i = 0; i < 200; i++)
      await raw.send(frameType.headers, flag.endHeaders, 2 * i + 1, head("FetchPcap"));
    await expect.poll(() => raw.resets.size).toBe(72);
    expect(new Set(raw.resets.values())).toEqual(new Set([constants.NGHTTP2_REFUSED_STREAM]));
    expect(await fetchedElsewhere()).toBe(sha256);
  });
});
