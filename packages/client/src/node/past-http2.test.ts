import { constants, createSecureServer, type Http2Session, type SecureServerOptions } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { framed, goodAnswer } from "../../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import { createIdentities, type TestIdentities } from "../../test-support/scripted-server.js";
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
  const seen = { sentBytes: 0 };
  const given = createSecureServer({ ...serverTls(), ...settings });
  given.on("session", (session: Http2Session) => open.add(session));
  given.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const counted = Readable.from(messages).on("data", (piece: Uint8Array) => {
      seen.sentBytes += piece.length;
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
    for (let next = await reader.next(); !next.done; next = await reader.next()) pieces.push(next.value);
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
    await sleep(200);
    expect(seen.sentBytes).toBeLessThan(capture.bytes.length / 2);
    for (let next = await reader.next(); !next.done; next = await reader.next()) pieces.push(next.value);
    expect(Buffer.compare(joined(pieces), capture.bytes)).toBe(0);
  });

  it("ends where a server does not stop at its window", async () => {
    let connection: TLSSocket | undefined;
    const flooding = createServer({ ...serverTls(), ALPNProtocols: ["h2"] }, (socket) => {
      open.add(socket);
      connection = socket;
      socket.on("error", () => {});
      socket.once("data", () => void flood(socket));
    });
    const fetch = (await connectTo(flooding)).fetchPcap({ ...hour, uid });
    const reader = fetch[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(joined([capture.header]));
    await expect.poll(() => connection?.destroyed, { timeout: 10_000 }).toBe(true);
    expect(await failureOf(() => reader.next())).toMatchObject({ reason: "CONNECTION_LOST" });
  });
});

/** Sends the beginning of an answer, in HTTP/2 by hand, and then as much of a message as goes. */
async function flood(socket: TLSSocket): Promise<void> {
  const frame = (type: number, flags: number, streamId: number, payload: Uint8Array): Buffer => {
    const header = Buffer.alloc(9);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId, 5);
    return Buffer.concat([header, payload]);
  };
  const name = Buffer.from("content-type");
  const value = Buffer.from("application/grpc+proto");
  // HPACK (RFC 7541): ":status: 200" is indexed; then a field in plain letters.
  const fields = [Buffer.of(0x88, 0x00, name.length), name, Buffer.of(value.length), value];
  socket.write(frame(0x4, 0, 0, Buffer.alloc(0)));
  socket.write(frame(0x1, 0x4, 1, Buffer.concat(fields)));
  socket.write(frame(0x0, 0, 1, messages[0] ?? Buffer.alloc(0)));
  await sleep(100); // the reader has the header by then, and wants no more
  const longMessage = Buffer.from([0, 1, 0xff, 0xff, 0xff]);
  socket.write(frame(0x0, 0, 1, longMessage));
  const zeros = frame(0x0, 0, 1, Buffer.alloc(16_384));
  const more = (): void => {
    while (!socket.destroyed && socket.write(zeros));
  };
  socket.on("drain", more);
  more();
}
