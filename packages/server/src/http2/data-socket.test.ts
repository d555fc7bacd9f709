import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Stream,
  type Settings,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  encodeFrame,
  flag,
  frameType,
  headerBlock,
  RawHttp2,
  settingsPayload,
} from "../../test-support/raw-http2.js";
import { dataSocketOf, insertDataSockets } from "./data-socket.js";
import type { DataStream } from "./data-stream.js";

const [initialWindowSize, maxFrameSize] = [0x4, 0x5];

let certificate: { readonly ca: string; readonly cert: string; readonly key: string };
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const issued = await authority.issueServer({ commonName: "sensor", hosts: ["127.0.0.1"] });
  certificate = { ca: authority.certificate, cert: issued.certificate, key: issued.privateKey };
});

let server: Http2SecureServer;
const sockets = new Set<TLSSocket>();
const clients: { destroy(): void }[] = [];

/** How a stream is answered; `data` sends past node:http2. */
type Answer = (stream: ServerHttp2Stream, data: () => DataStream) => Promise<void>;

async function serve(answer: Answer): Promise<{ port: number; url: string }> {
  server = createSecureServer({ ...certificate, allowHTTP1: true });
  insertDataSockets(server);
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {}); // what a test looks at is the client's
    if (stream.destroyed) return;
    const gone = new AbortController();
    const leave = () => gone.abort(new Error("the client left"));
    stream.once("close", leave);
    stream.respond();
    answer(stream, () => {
      const { id, session } = stream;
      const socket = dataSocketOf(session);
      if (id === undefined || socket === undefined) throw new Error("not a stream of a data socket");
      return socket.open(id, { signal: gone.signal, leave });
    }).then(
      () => stream.end(),
      () => stream.close(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { port, url: `https://127.0.0.1:${port}` };
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await new Promise((resolve) => server.close(resolve));
  await expect.poll(() => sockets.size).toBe(0);
});

function session(url: string, settings: Settings = {}): ClientHttp2Session {
  const opened = connect(url, { ca: certificate.ca, settings });
  clients.push(opened);
  return opened;
}

/** A client that sends frame by frame, with a request on stream 1. */
async function rawClient(port: number, settings: readonly [id: number, value: number][]): Promise<RawHttp2> {
  const raw = await RawHttp2.connect({ host: "127.0.0.1", port, ca: certificate.ca }, settings);
  clients.push(raw);
  await ask(raw, 1);
  return raw;
}

const requestEnds = flag.endHeaders | flag.endStream;
const request = headerBlock([
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "sensor"],
  [":path", "/"],
]);

const ask = (raw: RawHttp2, stream: number) => raw.send(frameType.headers, requestEnds, stream, request);

function widen(raw: RawHttp2, stream: number, bytes: number): Promise<void> {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return raw.send(frameType.windowUpdate, 0, stream, payload);
}

async function bodyOf(from: ClientHttp2Session, path = "/"): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of from.request({ ":path": path })) pieces.push(piece);
  return Buffer.concat(pieces);
}

const hasEnded = (raw: RawHttp2, stream: number): boolean =>
  raw.frames.some((frame) => frame.stream === stream && frame.type === 0 && (frame.flags & 1) !== 0);

/** Long enough for what could be sent to have come. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 50));

const content = randomBytes(1_500_000);
const pieceBytes = [1, 70_000, 5, 40_000, 262_144, 20_000];

/** Writes the content, three pieces at a time. */
async function writeContent(stream: DataStream): Promise<void> {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < content.length; i++) {
    const piece = content.subarray(at, at + (pieceBytes[i % pieceBytes.length] as number)); // an index of it
    pieces.push(piece);
    at += piece.length;
    if (pieces.length === 3 || at === content.length) await stream.write(pieces.splice(0));
  }
}

describe("DATA past node:http2", () => {
  it.each([
    { initialWindowSize: 1000 },
    { initialWindowSize: 65_535, maxFrameSize: 16_384 },
    { initialWindowSize: 10_000_000, maxFrameSize: 2 ** 24 - 1 },
  ])("arrives whole at a client of Node with %o", async (settings) => {
    const { url } = await serve((_, data) => writeContent(data()));
    const client = session(url, settings);
    expect(Buffer.compare(await bodyOf(client), content)).toBe(0);
    const bodies = await Promise.all(Array.from({ length: 5 }, () => bodyOf(client)));
    expect(bodies.every((body) => body.equals(content))).toBe(true);
  });

  it("goes beside DATA of node:http2 on the same connection", async () => {
    const { url } = await serve(async (stream, data) => {
      if (stream.id !== undefined && stream.id % 4 === 1) {
        await writeContent(data());
      } else {
        for (let at = 0; at < content.length; at += 50_000) {
          if (!stream.write(content.subarray(at, at + 50_000))) await once(stream, "drain");
        }
      }
    });
    const client = session(url);
    const bodies = await Promise.all(Array.from({ length: 12 }, () => bodyOf(client)));
    expect(bodies.every((body) => body.equals(content))).toBe(true);
  });

  it("keeps to the frames and windows of its peer, byte by byte", async () => {
    const { port } = await serve(async (_, data) => {
      await data().write([content.subarray(0, 300_000)]);
    });
    const raw = await rawClient(port, [
      [initialWindowSize, 100],
      [maxFrameSize, 20_000],
    ]);
    let granted = 100;
    const arrived = () => expect.poll(() => raw.dataOf(1).length).toBe(granted);
    await arrived();
    for (const bytes of [1, 20_001, 40_000]) {
      await widen(raw, 1, bytes);
      granted += bytes;
      await arrived();
    }
    await widen(raw, 1, 200_000); // the connection has 65,535 bytes in all
    granted = 65_535;
    await arrived();
    await aMoment();
    await arrived();
    // The stream's window shrinks below nothing, and what is granted fills it first.
    const spare = 100 + 1 + 20_001 + 40_000 + 200_000 - granted;
    await raw.send(frameType.settings, 0, 0, settingsPayload([[initialWindowSize, 0]]));
    await widen(raw, 0, 1_000_000);
    granted += spare - 100;
    await arrived();
    await raw.send(frameType.settings, 0, 0, settingsPayload([[maxFrameSize, 16_384]]));
    await aMoment();
    const longestBefore = Math.max(...raw.frames.map(({ payload }) => payload.length));
    const framesBefore = raw.frames.length;
    await widen(raw, 1, 500_000);
    await expect.poll(() => hasEnded(raw, 1)).toBe(true);
    expect(raw.dataOf(1).equals(content.subarray(0, 300_000))).toBe(true);
    expect(longestBefore).toBe(20_000);
    expect(Math.max(...raw.frames.slice(framesBefore).map(({ payload }) => payload.length))).toBe(16_384);
  });

  it("counts what its peer grants before it begins", async () => {
    const { port } = await serve(async (_, data) => {
      const past = data();
      await aMoment();
      await past.write([content.subarray(0, 50_000)]);
    });
    const raw = await rawClient(port, [[initialWindowSize, 0]]);
    await widen(raw, 1, 30_000);
    await widen(raw, 1, 20_000);
    await expect.poll(() => hasEnded(raw, 1)).toBe(true);
    expect(raw.dataOf(1)).toHaveLength(50_000);
  });

  it("leaves node:http2 its own part of the connection's window, which both don't overrun", async () => {
    const { port } = await serve(async (stream, data) => {
      if (stream.id === 1) await data().write([content.subarray(0, 400_000)]);
      else await new Promise((resolve) => stream.write(content.subarray(0, 200_000), resolve));
    });
    const raw = await rawClient(port, [[initialWindowSize, 10_000_000]]);
    await ask(raw, 3);
    let granted = 65_535;
    while (granted < 600_000) {
      await expect.poll(() => raw.dataOf(1).length + raw.dataOf(3).length).toBeGreaterThan(granted - 16_384);
      await aMoment();
      expect(raw.dataOf(1).length + raw.dataOf(3).length).toBeLessThanOrEqual(granted);
      await widen(raw, 0, 50_000);
      granted += 50_000;
    }
    await expect.poll(() => hasEnded(raw, 1) && hasEnded(raw, 3)).toBe(true);
    expect(raw.dataOf(1).equals(content.subarray(0, 400_000))).toBe(true);
    expect(raw.dataOf(3).equals(content.subarray(0, 200_000))).toBe(true);
  });

  it("is given back to node:http2 only between two frames of the peer", async () => {
    const { port } = await serve(async (stream) => {
      await new Promise((resolve) => stream.write(content.subarray(0, 200_000), resolve));
    });
    const raw = await rawClient(port, [[initialWindowSize, 10_000_000]]);
    await widen(raw, 0, 10_000_000);
    // A PING of which some is missing, while node:http2 waits for its window.
    await raw.sendBytes(Buffer.from([0, 0, 8, frameType.ping, 0, 0, 0, 0, 0, 1, 2, 3]));
    await aMoment();
    await raw.sendBytes(Buffer.from([4, 5, 6, 7, 8]));
    await expect.poll(() => hasEnded(raw, 1)).toBe(true);
    expect(raw.dataOf(1).equals(content.subarray(0, 200_000))).toBe(true);
    expect(raw.frames.find(({ type }) => type === frameType.ping)?.payload).toEqual(
      Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]),
    );
  });

  it("takes turns among streams, and ends with the one that is reset", async () => {
    const writes = new Map<number | undefined, "rejected" | "written">();
    const { port } = await serve(async (stream, data) => {
      await data()
        .write([content])
        .then(
          () => writes.set(stream.id, "written"),
          () => writes.set(stream.id, "rejected"),
        );
    });
    const raw = await rawClient(port, [[initialWindowSize, 10_000_000]]);
    await ask(raw, 3);
    await widen(raw, 0, 50_000);
    await expect.poll(() => raw.dataOf(1).length + raw.dataOf(3).length).toBe(115_535);
    await widen(raw, 0, 50_000);
    await expect.poll(() => Math.min(raw.dataOf(1).length, raw.dataOf(3).length)).toBeGreaterThan(0);
    await raw.send(frameType.reset, 0, 1, Buffer.of(0, 0, 0, 8));
    await widen(raw, 0, 10_000_000);
    await expect.poll(() => hasEnded(raw, 3)).toBe(true);
    expect(raw.dataOf(3).equals(content)).toBe(true);
    expect(raw.dataOf(1).length).toBeLessThanOrEqual(165_535);
    await expect.poll(() => writes).toEqual(new Map([[1, "rejected"], [3, "written"]] as const)); // biome-ignore format: a table
  });

  it("is taken in before its memory can be used again, though its reader leaves while others' DATA waits", async () => {
    let hasLeft = false;
    const { port } = await serve(async (stream, data) => {
      const piece = Buffer.alloc(1_000_000, 1);
      const past = data();
      try {
        for (let i = 0; i < 20; i++) await past.write([piece]);
      } catch {
        piece.fill(2);
        hasLeft = stream.id === 3;
      }
    });
    // Frames so long that their pieces are not copied.
    const raw = await rawClient(port, [
      [initialWindowSize, 100],
      [maxFrameSize, 1_048_576],
    ]);
    await ask(raw, 3);
    await expect.poll(() => raw.dataOf(3).length).toBe(100);
    raw.stopReading();
    await widen(raw, 0, 100_000_000);
    await widen(raw, 1, 100_000_000);
    await aMoment(); // until the connection is full
    await widen(raw, 3, 100_000_000);
    await aMoment();
    await raw.send(frameType.reset, 0, 3, Buffer.of(0, 0, 0, 8));
    await expect.poll(() => hasLeft).toBe(true);
    raw.resumeReading();
    await expect.poll(() => hasEnded(raw, 1), { timeout: 5000 }).toBe(true);
    expect(raw.dataOf(3).includes(2)).toBe(false);
  });
});

describe("a peer", () => {
  const answer: Answer = async (_, data) => {
    await data().write([content.subarray(0, 100)]);
  };

  it("may send its bytes one by one", async () => {
    const { port } = await serve(answer);
    const raw = await RawHttp2.connect({ host: "127.0.0.1", port, ca: certificate.ca });
    clients.push(raw);
    const bytes = encodeFrame(frameType.headers, requestEnds, 1, request);
    for (const byte of bytes) await raw.sendBytes(Buffer.of(byte));
    await expect.poll(() => hasEnded(raw, 1)).toBe(true);
    expect(raw.dataOf(1)).toHaveLength(100);
  });

  it.each([
    ["its connection's", 0],
    ["a stream's", 1],
  ])("that widens %s window beyond 2^31 - 1 loses its connection", async (_whose, stream) => {
    const { port } = await serve(async (_, data) => {
      await data().write([content]);
    });
    const raw = await rawClient(port, []);
    await widen(raw, stream, 2 ** 31 - 1);
    await widen(raw, stream, 2 ** 31 - 1);
    await raw.ended;
  });

  // Both are for node:http2 to judge, which ends the connection.
  it.each([
    ["widens by nothing", (raw: RawHttp2) => widen(raw, 1, 0)],
    [
      "sends SETTINGS that can't be",
      (raw: RawHttp2) => raw.send(frameType.settings, 0, 0, settingsPayload([[maxFrameSize, 1]])),
    ],
  ])("that %s loses its connection", async (_what, offend) => {
    const { port } = await serve(async (_, data) => {
      await data().write([content]);
    });
    const raw = await rawClient(port, []);
    await expect.poll(() => raw.dataOf(1).length).toBe(65_535);
    await offend(raw);
    await raw.ended;
  });

  it("that speaks HTTP/1.1 is served by node:http2 alone", async () => {
    const { url } = await serve(answer);
    server.on("request", (request, response) => response.end(`HTTP/${request.httpVersion}`));
    const { get } = await import("node:https");
    const body = await new Promise((resolve, reject) => {
      get(url, { ca: certificate.ca, agent: false }, async (response) => {
        response.once("data", (bytes) => resolve(String(bytes)));
      }).once("error", reject);
    });
    expect(body).toBe("HTTP/1.1");
  });

  it("that breaks off in the middle ends what is written, and leaves nothing", async () => {
    let ended = 0;
    const { port } = await serve(async (_, data) => {
      const stream = data();
      for (;;) {
        try {
          await stream.write([content]);
        } catch (error) {
          ended++;
          throw error;
        }
      }
    });
    for (let i = 0; i < 10; i++) {
      const raw = await rawClient(port, [[initialWindowSize, 2 ** 31 - 1]]);
      await widen(raw, 0, 1_000_000_000);
      await expect.poll(() => raw.dataOf(1).length).toBeGreaterThan(0);
      raw.destroy();
    }
    await expect.poll(() => [ended, sockets.size], { timeout: 5000 }).toEqual([10, 0]);
  });
});
