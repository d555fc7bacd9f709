import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { constants } from "node:http2";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { GapReason, Status, type StenoRequest, StoppedBy } from "@stenogrpc/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goodAnswer } from "../../test-support/answers.js";
import { collect, hour, joined, noonNs, packetsFromNoon, second } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import type { Script } from "../../test-support/in-memory.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import {
  createIdentities,
  type ScriptedServer,
  startScriptedServer,
  type TestIdentities,
} from "../../test-support/scripted-server.js";
import { sentUntilBlocked } from "../../test-support/sent-until-blocked.js";
import { createStenographerClient, type NodeClientOptions, verifyEvidence } from "./index.js";

const capture = packetsFromNoon(3);
const good: Script = (request) => goodAnswer(request, capture);

let identities: TestIdentities;
let others: TestIdentities;
let folder: string;
let before: string[];
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  identities = await createIdentities();
  others = await createIdentities(["elsewhere.example"]);
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-client-"));
});
afterAll(async () => {
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  before = activeResources();
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  await expectNothingLeft(before);
});

async function serve(
  script: Script,
  tls: Parameters<typeof startScriptedServer>[2] = {},
): Promise<ScriptedServer> {
  const server = await startScriptedServer(identities, script, tls);
  opened.push(server);
  return server;
}

function connectTo(
  port: number,
  change: Partial<Omit<NodeClientOptions, "tls">> & { tls?: Partial<NodeClientOptions["tls"]> } = {},
) {
  const { authority, client: identity } = identities;
  const client = createStenographerClient({
    server: `127.0.0.1:${port}`,
    ...change,
    tls: { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey, ...change.tls },
  });
  opened.push(client);
  return client;
}

/** Answers with the file header, tells that it got the call, and waits until the call is cancelled. */
function stalling() {
  const seen = { called: false, canceled: false };
  const script: Script = async function* ({ request }: StenoRequest, { signal }) {
    seen.called = true;
    signal.addEventListener("abort", () => {
      seen.canceled = true;
    });
    yield { uid: request?.uid, pcap: capture.header };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  return { script, seen };
}

/** Sends packets for as long as somebody takes them, and counts them. */
function endless() {
  const big = packetsFromNoon(1, 60_000);
  const seen = { sent: 0, canceled: false };
  const script: Script = async function* ({ request }, { signal }) {
    signal.addEventListener("abort", () => {
      seen.canceled = true;
    });
    yield { uid: request?.uid, pcap: big.header };
    while (!signal.aborted) {
      yield { uid: request?.uid, pcap: big.records[0] };
      seen.sent++;
    }
  };
  return { script, seen, recordBytes: big.records[0]?.length ?? 0 };
}

describe("a fetch over mutual TLS", () => {
  it("brings packets, records and a summary, several at once on one connection", async () => {
    const server = await serve(good);
    const client = connectTo(server.port);
    const fetches = [client.fetchPcap(hour), client.fetchPcap(hour), client.fetchPcap(hour)];
    for (const pieces of await Promise.all(fetches.map(collect)))
      expect(joined(pieces)).toEqual(capture.bytes);
    for (const fetch of fetches)
      expect(await fetch.summary).toMatchObject({ verdict: "complete", verification: "full" });
    let packets = 0;
    for await (const _ of client.fetchPcap(hour).records()) packets++;
    expect(packets).toBe(3);
    expect(server.connections()).toBe(1);
  });

  it("brings the same bytes to every reader, however slow, in memory that is used again or not", async () => {
    const large = packetsFromNoon(3000, 4000);
    const server = await serve((request) => goodAnswer(request, large));
    const client = connectTo(server.port);
    const pause = () => new Promise((resolve) => setImmediate(resolve));
    const kept = await collect(client.fetchPcap(hour));
    expect(Buffer.compare(joined(kept), large.bytes)).toBe(0);
    const lent: Uint8Array[] = [];
    await client.fetchPcap(hour).forEachPiece(async (piece) => {
      await pause();
      lent.push(piece.slice());
    });
    expect(Buffer.compare(joined(lent), large.bytes)).toBe(0);
    const memory = new Set<ArrayBufferLike>();
    await client.fetchPcap(hour).forEachPiece(({ buffer }) => memory.add(buffer));
    // Records that straddle pieces have memory of their own.
    expect([...memory].filter(({ byteLength }) => byteLength >= 32_768).length).toBeLessThan(30);
    let i = 0;
    for await (const { data } of client.fetchPcap(hour).records()) {
      if (i % 100 === 0) await pause();
      expect(data.every((byte) => byte === i % 256)).toBe(true);
      i++;
    }
    expect(i).toBe(3000);
    const path = join(folder, "large.pcap");
    await client.fetchPcap(hour).toFile(path);
    expect(Buffer.compare(await readFile(path), large.bytes)).toBe(0);
    await rm(path);
  });

  it("opens the connection's window wide, and lets answers at once share it", async () => {
    const { script } = stalling();
    const server = await serve(script);
    const client = connectTo(server.port);
    const first = client.fetchPcap(hour)[Symbol.asyncIterator]();
    await first.next();
    expect(server.windows().stream).toBe(1_048_576);
    // Less what the request itself has taken of it.
    await expect.poll(() => server.windows().connection).toBeGreaterThan(33_554_432 - 1000);
    const more = Array.from({ length: 39 }, () => client.fetchPcap(hour)[Symbol.asyncIterator]());
    for (const each of more) await each.next();
    await expect.poll(() => server.windows().stream).toBe(524_288);
    for (const each of more) await each.return?.();
    await expect.poll(() => server.windows().stream).toBe(1_048_576);
  });

  it("goes on with a new connection when the old one broke", async () => {
    const server = await serve(good);
    const client = connectTo(server.port);
    await collect(client.fetchPcap(hour));
    server.kill();
    await expect
      .poll(async () => (await client.fetchPcap(hour).summary.catch(() => undefined))?.packets)
      .toBe(3);
    expect(server.connections()).toBe(2);
  });

  it("can be asked of a server with TLS 1.2 only when allowed", async () => {
    const server = await serve(good, { maxVersion: "TLSv1.2" });
    const failure = await failureOf(connectTo(server.port).fetchPcap(hour).summary);
    expect(failure).toMatchObject({ reason: "CONNECTION_FAILED", code: "unavailable", retryable: false });
    expect(failure.message).toMatch(/share no TLS version; set tls\.minVersion to "TLSv1\.2"/);
    const allowed = connectTo(server.port, { tls: { minVersion: "TLSv1.2" } });
    expect((await allowed.fetchPcap(hour).summary).packets).toBe(3);
  });

  it("checks the server's name by tls.serverName where that is given", async () => {
    const server = await serve(good);
    const client = connectTo(server.port, { tls: { serverName: "localhost" } });
    expect((await client.fetchPcap(hour).summary).packets).toBe(3);
    const wrong = connectTo(server.port, { tls: { serverName: "elsewhere.example" } });
    expect((await failureOf(wrong.fetchPcap(hour).summary)).reason).toBe("TLS_SERVER_UNTRUSTED");
  });

  it.each([
    ["reaches a server by an IPv6 literal that its certificate has", "0:0:0:0:0:0:0:1", undefined],
    ["trusts no server by an IPv6 literal that its certificate has not", "::2", "TLS_SERVER_UNTRUSTED"],
  ])("%s", async (_, certified, reason) => {
    const ipv6 = await createIdentities([certified]);
    const server = await startScriptedServer(ipv6, good, { host: "::1" });
    opened.push(server);
    const client = createStenographerClient({
      server: `[::1]:${server.port}`,
      tls: { ca: ipv6.authority.certificate, cert: ipv6.client.certificate, key: ipv6.client.privateKey },
    });
    opened.push(client);
    const { summary } = client.fetchPcap(hour);
    if (reason === undefined) expect(await summary).toMatchObject({ packets: 3 });
    else expect(await failureOf(summary)).toMatchObject({ reason });
  });
});

describe("cancelling over a real connection", () => {
  it.each<[string, (fetch: ReturnType<ReturnType<typeof connectTo>["fetchPcap"]>) => Promise<unknown>]>([
    [
      "break",
      async (fetch) => {
        for await (const _ of fetch) break;
      },
    ],
    [
      "a destroyed Readable",
      async (fetch) => {
        const readable = fetch.toReadable();
        await new Promise((resolve) => readable.once("data", resolve));
        readable.destroy();
        await new Promise((resolve) => readable.once("close", resolve));
      },
    ],
    [
      "a cancelled web stream",
      async (fetch) => {
        const reader = fetch.toWebStream().getReader();
        await reader.read();
        await reader.cancel();
      },
    ],
    [
      "await using",
      async (fetch) => {
        await using left = fetch;
        await left[Symbol.asyncIterator]().next();
      },
    ],
  ])("%s ends the call on a server that stalls", async (_, leave) => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const fetch = connectTo(server.port).fetchPcap(hour);
    await leave(fetch);
    await expect.poll(() => seen.canceled).toBe(true);
    expect(await failureOf(fetch.summary)).toMatchObject({ reason: "CANCELED", code: "canceled" });
  });

  it("a break ends the call on a server that is blocked on its slow reader", async () => {
    const { script, seen, recordBytes } = endless();
    const server = await serve(script);
    const pieces = connectTo(server.port).fetchPcap(hour)[Symbol.asyncIterator]();
    await pieces.next();
    // The reader stops reading: what is under way fills the window, and then the server has to wait.
    expect((await sentUntilBlocked(seen)) * recordBytes).toBeLessThan(40_000_000);
    await pieces.return?.();
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("a signal ends the call, and is told from a lost connection", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const controller = new AbortController();
    const fetch = connectTo(server.port).fetchPcap({ ...hour, signal: controller.signal, timeoutMs: 60_000 });
    const failing = failureOf(() => collect(fetch));
    await expect.poll(() => seen.called).toBe(true);
    controller.abort();
    expect(await failing).toMatchObject({ reason: "CANCELED", code: "canceled", retryable: false });
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("a time limit ends the call, here and on the server", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const failure = await failureOf(() =>
      collect(connectTo(server.port).fetchPcap({ ...hour, timeoutMs: 100 })),
    );
    expect(failure).toMatchObject({ reason: "TIMEOUT", code: "deadline_exceeded" });
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("closing the client ends its calls and its connections", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const client = connectTo(server.port);
    const failing = failureOf(() => collect(client.fetchPcap(hour)));
    await expect.poll(() => seen.called).toBe(true);
    await client.close();
    expect(await failing).toMatchObject({ reason: "CANCELED", message: "the client was closed" });
    await expect.poll(() => seen.canceled).toBe(true);
    await server.close();
    opened.length = 0;
    await expectNothingLeft(before);
  });
});

describe("a connection that breaks", () => {
  it("mid-stream is CONNECTION_LOST, and never looks complete", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const fetch = connectTo(server.port).fetchPcap({ ...hour, uid: "u1" });
    const failing = failureOf(() => collect(fetch));
    await expect.poll(() => seen.called).toBe(true);
    server.kill();
    const failure = await failing;
    expect(failure).toMatchObject({
      reason: "CONNECTION_LOST",
      code: "unavailable",
      retryable: true,
      uid: "u1",
    });
    expect(failure.message).toBe(
      `the connection to 127.0.0.1:${server.port} was lost before the answer was whole; try again`,
    );
    expect(await failureOf(fetch.summary)).toBe(failure);
  });

  it("between the last packet and the summary is CONNECTION_LOST too", async () => {
    const script: Script = async function* (request, { signal }) {
      yield* goodAnswer(request, capture).slice(0, -1);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    const server = await serve(script);
    const pieces = connectTo(server.port).fetchPcap(hour)[Symbol.asyncIterator]();
    for (let bytes = 0; bytes < capture.bytes.length; )
      bytes += ((await pieces.next()).value as Uint8Array).length; // it has not ended
    const failing = failureOf(pieces.next());
    server.kill();
    expect((await failing).reason).toBe("CONNECTION_LOST");
  });

  it.each([
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["REFUSED_STREAM", constants.NGHTTP2_REFUSED_STREAM],
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
  ])("is told from a server that resets the call with %s", async (_, code) => {
    const { script } = stalling();
    const server = await serve(script);
    const pieces = connectTo(server.port).fetchPcap(hour)[Symbol.asyncIterator]();
    await pieces.next();
    const failing = failureOf(pieces.next());
    server.reset(code);
    const failure = await failing;
    expect(failure).toMatchObject({ reason: "CONNECTION_LOST", code: "unavailable", retryable: true });
    expect(failure.message).toMatch(/broke the call off before the answer was whole/);
  });

  it("is told from a server that says the call was canceled", async () => {
    const server = await serve(() => {
      throw new ConnectError("going down", Code.Canceled);
    });
    const failure = await failureOf(connectTo(server.port).fetchPcap(hour).summary);
    expect(failure).toMatchObject({ reason: "CONNECTION_LOST", code: "unavailable", retryable: true });
    expect(failure.message).toMatch(/the server gave the call up/);
  });
});

describe("a server that shuts down", () => {
  it("after it has sent an answer does not take the end of it from a slow reader", async () => {
    let sendTheRest = () => {};
    const theRest = new Promise<void>((resolve) => {
      sendTheRest = resolve;
    });
    const long = packetsFromNoon(15, 60_000);
    const server = await serve(async function* (request) {
      const [first, ...rest] = goodAnswer(request, long);
      yield first ?? {};
      await theRest;
      yield* rest;
    });
    const fetch = connectTo(server.port).fetchPcap(hour);
    const pieces = fetch[Symbol.asyncIterator]();
    const first = await pieces.next();
    server.closeGracefully();
    sendTheRest();
    // Gone, with 0.9 MB that have come and were not read.
    await expect.poll(() => server.openConnections()).toBe(0);
    const rest = await collect({ [Symbol.asyncIterator]: () => pieces });
    expect(
      Buffer.concat([first.value ?? "", ...rest].map((piece) => Buffer.from(piece))).equals(long.bytes),
    ).toBe(true);
    expect((await fetch.summary).verdict).toBe("complete");
  });

  it("in the middle of an answer, by force, makes it a lost one", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const pieces = connectTo(server.port).fetchPcap(hour)[Symbol.asyncIterator]();
    await pieces.next();
    expect(seen.called).toBe(true);
    server.closeGracefully();
    const failing = failureOf(pieces.next());
    server.kill();
    expect((await failing).reason).toBe("CONNECTION_LOST");
  });
});

describe("no connection", () => {
  it("to a port where nothing listens is CONNECTION_FAILED", async () => {
    const server = await serve(good);
    await server.close();
    opened.length = 0;
    const client = connectTo(server.port);
    const failure = await failureOf(client.fetchPcap({ ...hour, uid: "u1" }).summary);
    expect(failure).toMatchObject({
      reason: "CONNECTION_FAILED",
      code: "unavailable",
      retryable: true,
      uid: "u1",
    });
    expect(failure.message).toBe(
      `no connection to 127.0.0.1:${server.port}: nothing listens there (ECONNREFUSED); check the address and that the server runs`,
    );
  });

  it("to a name that does not exist is CONNECTION_FAILED", async () => {
    const failure = await failureOf(
      connectTo(1, { server: "no-such-sensor.invalid:8443" }).fetchPcap(hour).summary,
    );
    expect(failure).toMatchObject({ reason: "CONNECTION_FAILED", code: "unavailable", retryable: true });
    // Which of the two depends on whether this machine has a name server.
    expect(failure.message).toMatch(
      /no connection to no-such-sensor\.invalid:8443: the name .*(ENOTFOUND|EAI_AGAIN)/,
    );
  });

  it("to something that is silent ends with the time limit for connecting", async () => {
    const silent = await listen(createServer());
    const failure = await failureOf(connectTo(silent.port, { connectTimeoutMs: 50 }).fetchPcap(hour).summary);
    expect(failure).toMatchObject({ reason: "CONNECTION_FAILED", retryable: true });
    expect(failure.message).toMatch(/nobody answers \(ETIMEDOUT\)/);
  });

  it("to something that does not speak TLS says so", async () => {
    const plain = await listen(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const failure = await failureOf(connectTo(plain.port).fetchPcap(hour).summary);
    expect(failure).toMatchObject({ reason: "CONNECTION_FAILED", retryable: false });
    expect(failure.message).toMatch(/does not speak TLS; check the port/);
  });

  it("can be given up by closing the client", async () => {
    const silent = await listen(createServer());
    const client = connectTo(silent.port);
    const failing = failureOf(client.fetchPcap(hour).summary);
    await silent.connected;
    await client.close();
    expect((await failing).reason).toBe("CANCELED");
  });

  async function listen(server: Server) {
    let announce = () => {};
    const connected = new Promise<void>((resolve) => {
      announce = resolve;
    });
    const sockets = new Set<{ destroy(): void }>();
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      announce();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    opened.push({
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const address = server.address();
    return { port: typeof address === "object" && address ? address.port : 0, connected };
  }
});

describe("certificates", () => {
  it("of a server that another CA signed are TLS_SERVER_UNTRUSTED", async () => {
    const server = await serve(good);
    const client = connectTo(server.port, { tls: { ca: others.authority.certificate } });
    const failure = await failureOf(client.fetchPcap({ ...hour, uid: "u1" }).summary);
    expect(failure).toMatchObject({
      reason: "TLS_SERVER_UNTRUSTED",
      code: "unavailable",
      retryable: false,
      uid: "u1",
    });
    expect(failure.message).toMatch(
      /is not to be trusted \(\w+\); check that tls\.ca is the CA that signed it/,
    );
  });

  it("of a server made out to another name say how to go on", async () => {
    const server = await startScriptedServer(
      {
        ...identities,
        server: await identities.authority.issueServer({
          commonName: "x",
          hosts: ["x.example", "192.0.2.1"],
        }),
      },
      good,
    );
    opened.push(server);
    const failure = await failureOf(connectTo(server.port).fetchPcap(hour).summary);
    expect(failure.reason).toBe("TLS_SERVER_UNTRUSTED");
    expect(failure.message).toMatch(
      /made out to other names \(x\.example, 192\.0\.2\.1\): connect by such a name, or set tls\.serverName to it$/,
    );
  });

  it("of a server that have expired say so", async () => {
    const notBefore = new Date("2020-01-01T00:00:00Z");
    const notAfter = new Date("2020-02-01T00:00:00Z");
    const expired = { commonName: "x", hosts: ["127.0.0.1"], notBefore, notAfter };
    const server = await startScriptedServer(
      { ...identities, server: await identities.authority.issueServer(expired) },
      good,
    );
    opened.push(server);
    const failure = await failureOf(connectTo(server.port).fetchPcap(hour).summary);
    expect(failure.message).toMatch(/CERT_HAS_EXPIRED\); have it renewed/);
  });

  it.each(["TLSv1.3", "TLSv1.2"] as const)(
    "of a client that another CA signed are CLIENT_CERTIFICATE_REJECTED (%s)",
    async (version) => {
      const server = await serve(good, version === "TLSv1.2" ? { maxVersion: version } : {});
      const { certificate: cert, privateKey: key } = others.client;
      for (let attempt = 0; attempt < 5; attempt++) {
        const client = connectTo(server.port, { tls: { cert, key, minVersion: "TLSv1.2" } });
        const failure = await failureOf(client.fetchPcap({ ...hour, uid: "u1" }).summary);
        expect(failure).toMatchObject({
          reason: "CLIENT_CERTIFICATE_REJECTED",
          code: "unauthenticated",
          retryable: false,
          uid: "u1",
        });
        expect(failure.message).toMatch(
          /; it may be revoked, expired by the server's clock, or of another CA: set tls\.cert and tls\.key to a valid one/,
        );
      }
    },
  );

  it("of a client that have expired say so", async () => {
    const server = await serve(good);
    const notAfter = new Date("2020-02-01T00:00:00Z");
    const { certificate: cert, privateKey: key } = await identities.authority.issueClient({
      commonName: "analyst",
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter,
    });
    const failure = await failureOf(connectTo(server.port, { tls: { cert, key } }).fetchPcap(hour).summary);
    expect(failure.reason).toBe("CLIENT_CERTIFICATE_REJECTED");
    expect(failure.message).toContain(`; it expired at ${notAfter.toISOString()}: set tls.cert`);
  });

  it("of a client refused while describing the sensor are told the same way", async () => {
    const server = await serve(good);
    const { certificate: cert, privateKey: key } = others.client;
    const failure = await failureOf(connectTo(server.port, { tls: { cert, key } }).describeSensor());
    expect(failure).toMatchObject({ reason: "CLIENT_CERTIFICATE_REJECTED", code: "unauthenticated" });
  });
});

describe("toFile", () => {
  const target = () => join(folder, "alert.pcap");
  afterEach(async () => {
    await rm(target(), { force: true });
  });

  it("saves what came, and says what it is", async () => {
    const server = await serve(good);
    const reports: object[] = [];
    const saved = await connectTo(server.port)
      .fetchPcap(hour)
      .toFile(target(), { onProgress: (report) => reports.push(report) });
    expect(new Uint8Array(await readFile(target()))).toEqual(capture.bytes);
    expect(saved).toMatchObject({ path: target(), verdict: "complete", packets: 3, verification: "full" });
    expect(reports.at(-1)).toMatchObject({ packets: 3, bytes: capture.bytes.length });
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("puts a manifest beside it that says who was asked, and by which certificate", async () => {
    const server = await serve((request) =>
      goodAnswer(request, capture, { summary: { serverVersion: "stenogrpc/9", clientIdentity: "analyst" } }),
    );
    const saved = await connectTo(server.port)
      .fetchPcap({ ...hour, filter: "port 443", reason: "case 4711" })
      .toFile(target(), { manifest: true });
    expect(saved.manifestPath).toBe(`${target()}.manifest.json`);
    const { isGood, manifest } = await verifyEvidence(target());
    const certificate = new X509Certificate(identities.server.certificate);
    expect(isGood).toBe(true);
    expect(manifest).toMatchObject({
      file: { name: "alert.pcap", bytes: capture.bytes.length, sha256: saved.sha256 },
      request: { uid: saved.uid, reason: "case 4711", filter: "port 443", dialect: "pcap", maxBytes: null },
      server: {
        address: `127.0.0.1:${server.port}`,
        certificate: { subject: certificate.subject, fingerprint256: certificate.fingerprint256 },
        version: "stenogrpc/9",
        sensor: "edge-1",
        source: "directory",
      },
      client: { identity: "analyst", node: process.version },
      plan: { filter: "(port 443)", policyFilter: null, payloadLimitBytes: null },
      result: { verdict: "complete", packets: 3, verification: "full" },
    });
    await rm(saved.manifestPath ?? "");
  });

  it("saves a truncated answer as far as it goes, and an empty one as a valid empty pcap", async () => {
    const empty = packetsFromNoon(0);
    const server = await serve((request) =>
      request.bpf === "icmp"
        ? goodAnswer(request, empty)
        : goodAnswer(request, capture, {
            status: Status.TRUNCATED,
            summary: { stoppedBy: StoppedBy.MAX_PACKETS },
          }),
    );
    const client = connectTo(server.port);
    const truncated = await client.fetchPcap({ ...hour, maxPackets: 3 }).toFile(target());
    expect(truncated).toMatchObject({ verdict: "truncated", stoppedBy: "max-packets" });
    expect(new Uint8Array(await readFile(target()))).toEqual(capture.bytes);
    const none = await client.fetchPcap({ ...hour, filter: "icmp" }).toFile(target());
    expect(none.verdict).toBe("no-packets");
    expect(new Uint8Array(await readFile(target()))).toEqual(empty.header);
  });

  it.each<[string, Script, string]>([
    ["the summary is missing", (request) => goodAnswer(request, capture).slice(0, -1), "SUMMARY_MISSING"],
    [
      "the digest is wrong",
      (request) => goodAnswer(request, capture, { summary: { sha256: new Uint8Array(32) } }),
      "DIGEST_MISMATCH",
    ],
    [
      "a message follows the summary",
      (request) => [...goodAnswer(request, capture), { uid: request.request?.uid }],
      "MALFORMED_ANSWER",
    ],
    [
      "a record is cut",
      (request) => goodAnswer(request, capture, { pieces: [capture.bytes.subarray(0, 150)] }),
      "MALFORMED_ANSWER",
    ],
    ["the uid is another's", () => [{ uid: "other", pcap: capture.bytes }], "MALFORMED_ANSWER"],
  ])("saves nothing when %s", async (_, script, reason) => {
    const server = await serve(script);
    const failure = await failureOf(connectTo(server.port).fetchPcap(hour).toFile(target()));
    expect(failure.reason).toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });

  it("saves nothing when requireCoverage is not met, and what there is where it is not required", async () => {
    const start = { seconds: noonNs / second };
    const coverage = { gaps: [{ start, end: { seconds: start.seconds + 60n }, reason: GapReason.AGED_OUT }] };
    const server = await serve((request) => goodAnswer(request, capture, { summary: { coverage } }));
    const client = connectTo(server.port);
    const failure = await failureOf(client.fetchPcap({ ...hour, requireCoverage: true }).toFile(target()));
    expect(failure.reason).toBe("COVERAGE_INCOMPLETE");
    expect(await readdir(folder)).toEqual([]);
    expect(await client.fetchPcap(hour).toFile(target())).toMatchObject({
      verdict: "complete",
      coverage: { gaps: [{ reason: "aged-out" }] },
    });
  });

  it("saves nothing when the server is killed, and removes what it had written", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const failing = failureOf(
      connectTo(server.port)
        .fetchPcap({ ...hour, uid: "u1" })
        .toFile(target()),
    );
    await expect.poll(() => seen.called && readdir(folder)).toEqual([".alert.pcap.u1.partial"]);
    server.kill();
    expect((await failing).reason).toBe("CONNECTION_LOST");
    expect(await readdir(folder)).toEqual([]);
  });

  it("saves nothing when it is aborted, and cancels the call", async () => {
    const { script, seen } = stalling();
    const server = await serve(script);
    const controller = new AbortController();
    const fetch = connectTo(server.port).fetchPcap({ ...hour, signal: controller.signal });
    const failing = failureOf(fetch.toFile(target()));
    await expect.poll(() => seen.called).toBe(true);
    controller.abort();
    expect((await failing).reason).toBe("CANCELED");
    expect(await readdir(folder)).toEqual([]);
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("cancels the call when the file is to blame", async () => {
    let called = false;
    const server = await serve((request) => {
      called = true;
      return goodAnswer(request, capture);
    });
    const fetch = connectTo(server.port).fetchPcap(hour);
    const failure = await failureOf(fetch.toFile(join(folder, "no", "alert.pcap")));
    expect(failure.reason).toBe("FILE_FAILED");
    expect(called).toBe(false);
    expect((await failureOf(fetch.summary)).reason).toBe("CANCELED");
  });

  it("gives way to an error of onProgress", async () => {
    const { script } = endless();
    const server = await serve(script);
    const onProgress = () => {
      throw new Error("no more");
    };
    await expect(connectTo(server.port).fetchPcap(hour).toFile(target(), { onProgress })).rejects.toThrow(
      "no more",
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it("leaves the file and its manifest as they were where the last onProgress throws", async () => {
    const server = await serve(good);
    const client = connectTo(server.port);
    await client.fetchPcap(hour).toFile(target(), { manifest: true });
    const names = await readdir(folder);
    const contents = () => Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    const before = await contents();
    const onProgress = () => {
      throw new Error("no more");
    };
    const again = client.fetchPcap({ ...hour, reason: "another" });
    await expect(again.toFile(target(), { onProgress, manifest: true })).rejects.toThrow("no more");
    expect(await readdir(folder)).toEqual(names);
    expect(await contents()).toEqual(before);
    await rm(`${target()}.manifest.json`);
  });

  it.each<[unknown, string]>([
    ["", "an empty one"],
    [new URL("file:///tmp/a.pcap"), "a URL; pass fileURLToPath(url)"],
    [Buffer.from("/tmp/a.pcap"), "a value of type object"],
    [undefined, "a value of type undefined"],
    [null, "null"],
  ])("refuses %o as a path before anything is sent", async (path, got) => {
    const fetch = connectTo(1).fetchPcap(hour);
    const failure = await failureOf(fetch.toFile(path as string)); // wrong on purpose
    expect(failure).toMatchObject({ reason: "OPTIONS_INVALID", retryable: false });
    expect(failure.message).toBe(`toFile: the path must be a string that names a file, not ${got}`);
  });

  it("refuses unknown options before anything is sent", async () => {
    const client = connectTo(1);
    const failure = await failureOf(client.fetchPcap(hour).toFile(target(), { overwright: true } as object)); // wrong on purpose
    expect(failure.message).toBe('toFile: unknown key "overwright"; did you mean "overwrite"?');
  });
});

describe("toReadable", () => {
  it("gives the bytes, and ends", async () => {
    const server = await serve(good);
    const pieces: Uint8Array[] = [];
    for await (const piece of connectTo(server.port).fetchPcap(hour).toReadable()) pieces.push(piece);
    expect(joined(pieces)).toEqual(capture.bytes);
  });

  it("is destroyed by what is wrong with the answer", async () => {
    const server = await serve((request) => goodAnswer(request, capture).slice(0, -1));
    const readable = connectTo(server.port).fetchPcap(hour).toReadable();
    const failure = await failureOf(pipeline(readable, new Writable({ write: (_, __, done) => done() })));
    expect(failure.reason).toBe("SUMMARY_MISSING");
  });

  it("holds the server back when its reader is slow", async () => {
    const { script, seen, recordBytes } = endless();
    const server = await serve(script);
    const readable = connectTo(server.port).fetchPcap(hour).toReadable();
    const sink = new Writable({ highWaterMark: 1, write() {} }); // takes one piece and never comes back
    readable.pipe(sink);
    expect((await sentUntilBlocked(seen)) * recordBytes).toBeLessThan(40_000_000);
    readable.destroy();
    await expect.poll(() => seen.canceled).toBe(true);
  });
});

describe("an original server over a real connection", () => {
  it("that sends empty messages for ever is left at the first", async () => {
    let canceled = false;
    const server = await serve(async function* ({ request }, { signal }) {
      signal.addEventListener("abort", () => {
        canceled = true;
      });
      yield { uid: request?.uid, pcap: capture.bytes };
      while (!signal.aborted) yield { uid: request?.uid };
    });
    const client = connectTo(server.port, { originalServer: true });
    const saved = await client.fetchPcap(hour).toFile(join(folder, "original.pcap"));
    await rm(saved.path);
    expect(saved).toMatchObject({ verdict: "complete", packets: 3, verification: "structure-only" });
    await expect.poll(() => canceled).toBe(true);
  });
});
