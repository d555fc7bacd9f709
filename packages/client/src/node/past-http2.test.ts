import { constants, createSecureServer, type Http2Session, type SecureServerOptions } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { framed, goodAnswer } from "../../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import { encodeFrame, frameFlag, frameType } from "../../test-support/http2-frame.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import { createIdentities, type TestIdentities } from "../../test-support/scripted-server.js";
import { sentUntilBlocked } from "../../test-support/sent-until-blocked.js";
import { planFetch } from "../fetch-options.js";
import { requestMessage } from "../request-message.js";
import { ConnectionManager } from "./connection/connection-manager.js";
import { DivertingSocket } from "./connection/diverting-socket.js";
import { createStenographerClient, type NodeClientOptions, type NodeStenographerClient } from "./index.js";

const uid = "u1";
/** 2.9 MB. */
const capture = packetsFromNoon(1000, 2850);
const messages = framed(goodAnswer(requestMessage(planFetch({ ...hour, uid }, {})), capture));
const smallest = { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 };

let identities: TestIdentities;
let before: string[];
let server: Server | undefined;
let client: NodeStenographerClient | undefined;
const open = new Set<{ destroy(): void }>();

beforeAll(async () => {
  identities = await createIdentities();
});
beforeEach(() => {
  before = activeResources();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await client?.close();
  for (const each of open) each.destroy();
  open.clear();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  await expectNothingLeft(before);
});

function serverTls(): SecureServerOptions {
  const { authority, server: identity } = identities;
  const ca = authority.certificate;
  return { ca, cert: identity.certificate, key: identity.privateKey, requestCert: true };
}

async function connectTo(given: Server, options: Partial<NodeClientOptions> = {}) {
  server = given;
  await new Promise<void>((resolve) => given.listen(0, "127.0.0.1", resolve));
  const { port } = given.address() as AddressInfo; // it listens on TCP
  const { authority, client: own } = identities;
  const tls = { ca: authority.certificate, cert: own.certificate, key: own.privateKey };
  client = createStenographerClient({ server: `127.0.0.1:${port}`, tls, ...options });
  return client;
}

/** A server that answers every call with all of the messages, and counts the bytes it gets rid of. */
function answering(settings: SecureServerOptions = {}) {
  const seen = { sent: 0 };
  const given = createSecureServer({ ...serverTls(), ...settings });
  given.on("session", (session: Http2Session) => open.add(session));
  given.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const counted = Readable.from(messages).on("data", (piece: Uint8Array) => {
      seen.sent += piece.length;
    });
    pipeline(counted, stream).catch(() => {}); // the client may leave
  });
  return { server: given, seen };
}

describe("an answer's way past node:http2", () => {
  it("is the usual one", async () => {
    const divert = vi.spyOn(DivertingSocket.prototype, "divert");
    const { summary } = (await connectTo(answering().server)).fetchPcap({ ...hour, uid });
    expect(await summary).toMatchObject({ verdict: "complete", packets: 1000 });
    expect(divert).toHaveBeenCalledOnce();
  });

  it.each<[string, Partial<NodeClientOptions>, SecureServerOptions]>([
    ["through the smallest windows", smallest, {}],
    ["through the smallest window of a connection", { connectionWindowBytes: 65_535 }, {}],
    ["through the smallest windows of streams", { streamWindowBytes: 65_535 }, {}],
    ["out of frames with padding", {}, { paddingStrategy: constants.PADDING_STRATEGY_MAX }],
    [
      "out of padding through the smallest windows",
      smallest,
      { paddingStrategy: constants.PADDING_STRATEGY_MAX },
    ],
  ])("gives the same %s", async (_, options, settings) => {
    const fetch = (await connectTo(answering(settings).server, options)).fetchPcap({ ...hour, uid });
    expect(Buffer.compare(joined(await collect(fetch)), capture.bytes)).toBe(0);
    expect(await fetch.summary).toMatchObject({ verdict: "complete" });
  });

  it("is open to many answers on one connection at once, and to those that follow some that were left", async () => {
    const asking = await connectTo(answering().server, smallest);
    for (let round = 0; round < 3; round++) {
      const left = asking.fetchPcap({ ...hour, uid });
      for await (const _ of left) break;
      const fetches = Array.from({ length: 8 }, () => asking.fetchPcap({ ...hour, uid }));
      const answers = await Promise.all(fetches.map(collect));
      for (const answer of answers) {
        expect(Buffer.compare(joined(answer), capture.bytes)).toBe(0);
      }
    }
  });

  it("stays open when others come while it has the widest window", async () => {
    const asking = await connectTo(answering().server, { connectionWindowBytes: 4_194_304 });
    const reader = asking.fetchPcap({ ...hour, uid })[Symbol.asyncIterator]();
    const pieces = [(await reader.next()).value as Uint8Array]; // the answer has many
    const others = await Promise.all(
      Array.from({ length: 12 }, () => collect(asking.fetchPcap({ ...hour, uid }))),
    );
    pieces.push(...(await restOf(reader)));
    for (const answer of [pieces, ...others]) expect(Buffer.compare(joined(answer), capture.bytes)).toBe(0);
  });

  it.each([
    ["past node:http2", false],
    ["through node:http2, where there is no way past it", true],
  ])("holds the server back for a slow reader, %s", async (_, through) => {
    if (through) vi.spyOn(ConnectionManager.prototype, "divert").mockReturnValue(undefined);
    const { server: given, seen } = answering();
    const fetch = (await connectTo(given, smallest)).fetchPcap({ ...hour, uid });
    const reader = fetch[Symbol.asyncIterator]();
    const pieces = [(await reader.next()).value as Uint8Array]; // the answer has many
    expect(await sentUntilBlocked(seen)).toBeLessThan(capture.bytes.length / 2);
    pieces.push(...(await restOf(reader)));
    expect(Buffer.compare(joined(pieces), capture.bytes)).toBe(0);
  });

  it("ends where a server does not stop at its window", async () => {
    let connection: TLSSocket | undefined;
    const flooding = createServer({ ...serverTls(), ALPNProtocols: ["h2"] }, (socket) => {
      open.add(socket);
      connection = socket;
      socket.on("error", () => {});
      socket.once("data", () => beginAnswer(socket));
    });
    const fetch = (await connectTo(flooding)).fetchPcap({ ...hour, uid });
    const reader = fetch[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(joined([capture.header]));
    if (connection) sendWithoutEnd(connection);
    await expect.poll(() => connection?.destroyed, { timeout: 10_000 }).toBe(true);
    expect(await failureOf(() => reader.next())).toMatchObject({ reason: "CONNECTION_LOST" });
  });

  it("ends where a server says goodbye, breaks HTTP/2, and keeps the connection", async () => {
    const staying = createServer({ ...serverTls(), ALPNProtocols: ["h2"], allowHalfOpen: true }, (socket) => {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("data", () => {
        beginAnswer(socket);
        const lastStreamAndCode = Buffer.of(0, 0, 0, 1, 0, 0, 0, constants.NGHTTP2_NO_ERROR);
        socket.write(
          encodeFrame({ type: frameType.goaway, flags: 0, streamId: 0, payload: lastStreamAndCode }),
        );
        socket.write(
          encodeFrame({ type: frameType.headers, flags: 0, streamId: 0, payload: Buffer.alloc(1) }),
        );
      });
    });
    const fetch = (await connectTo(staying)).fetchPcap({ ...hour, uid });
    expect(await failureOf(fetch.summary)).toMatchObject({ reason: "CONNECTION_LOST" });
  });
});

/** What a reader that has begun has still to come. */
async function restOf(reader: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let next = await reader.next(); !next.done; next = await reader.next()) pieces.push(next.value);
  return pieces;
}

const frameOfAnswer = (type: number, flags: number, payload: Uint8Array): Uint8Array =>
  encodeFrame({ type, flags, streamId: 1, payload });

/** Sends the headers and the first message of an answer, in HTTP/2 by hand. */
function beginAnswer(socket: TLSSocket): void {
  const name = Buffer.from("content-type");
  const value = Buffer.from("application/grpc+proto");
  // HPACK (RFC 7541): ":status: 200" is indexed; then a field in plain letters.
  const fields = [Buffer.of(0x88, 0x00, name.length), name, Buffer.of(value.length), value];
  socket.write(encodeFrame({ type: frameType.settings, flags: 0, streamId: 0, payload: Buffer.alloc(0) }));
  socket.write(frameOfAnswer(frameType.headers, frameFlag.endHeaders, Buffer.concat(fields)));
  socket.write(frameOfAnswer(frameType.data, 0, messages[0] ?? Buffer.alloc(0)));
}

/** Sends as much of a long message as goes, whatever the windows are. */
function sendWithoutEnd(socket: TLSSocket): void {
  socket.write(frameOfAnswer(frameType.data, 0, Buffer.from([0, 1, 0xff, 0xff, 0xff])));
  const zeros = frameOfAnswer(frameType.data, 0, Buffer.alloc(16_384));
  const more = (): void => {
    while (!socket.destroyed && socket.write(zeros));
  };
  socket.on("drain", more);
  more();
}
