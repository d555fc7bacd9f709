import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2, createSecureServer, type SecureServerOptions } from "node:http2";
import { type AddressInfo, connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { CertificateAuthority, Identity } from "@stenogrpc/certs";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { OptionsError } from "@stenogrpc/options";
import { decodeCapture, PcapWriter } from "@stenogrpc/pcap";
import type { Response } from "@stenogrpc/protocol";
import { Stenographer } from "@stenogrpc/protocol";
import { ErrorInfoSchema } from "@stenogrpc/protocol/error-details";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { fetchEnvelope } from "../test-support/fetch-request.js";
import { beginCall, readAnswer } from "../test-support/grpc-call.js";
import { ClientTrust } from "./certificates/client-trust.js";
import type { TlsOptions } from "./certificates/tls-options.js";
import { clientIdentity } from "./identity.js";
import type { Logger } from "./logger.js";
import { stenographerRoutes } from "./routes.js";
import type { StenographerServer } from "./server.js";
import { createStenographerServer } from "./server.js";
import type { PacketSource } from "./sources/packet-source.js";

const startNs = 1_700_000_000_000_000_000n;
const window = { epochStart: 1_700_000_000n, epochEnd: 1_700_000_000n };
const day = 86_400_000;

let authority: CertificateAuthority;
let first: Identity;
let second: Identity;
let alice: Identity;
let mallory: Identity;
let server: StenographerServer;
let gate: Gate;
const lines: { level: string; fields: Record<string, unknown>; message: string | undefined }[] = [];
const managers = new Set<Http2SessionManager>();

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function createGate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const logger = Object.fromEntries(
  (["debug", "info", "warn", "error"] as const).map((level) => [
    level,
    (fields: object, message?: string) => void lines.push({ level, fields: { ...fields }, message }),
  ]),
) as unknown as Logger; // all four of its methods

/** A source that gives half of its packets, and the rest when the gate opens. */
function gatedSource(): PacketSource {
  const writer = new PcapWriter({
    byteOrder: "little",
    resolution: "microseconds",
    snaplen: 65535,
    linkType: 1,
  });
  const half = (from: number) =>
    Buffer.concat(
      Array.from({ length: 1000 }, (_, i) =>
        writer.record({ timestampNs: startNs + BigInt(from + i) * 1000n, data: new Uint8Array(1000) }),
      ),
    );
  async function* pieces() {
    yield Buffer.concat([writer.header(), half(0)]);
    await gate.opened;
    yield half(1000);
  }
  return {
    kind: "gated",
    open: async () => ({ ...(await decodeCapture(pieces())), warnings: [] }),
    describe: async () => ({}),
  };
}

beforeAll(async () => {
  authority = await createCertificateAuthority();
  [first, second] = await Promise.all([
    authority.issueServer({ commonName: "first", hosts: ["127.0.0.1"] }),
    authority.issueServer({ commonName: "second", hosts: ["127.0.0.1"] }),
  ]);
  [alice, mallory] = await Promise.all([
    authority.issueClient({ commonName: "alice" }),
    authority.issueClient({ commonName: "mallory" }),
  ]);
});

beforeEach(async () => {
  gate = createGate();
  lines.length = 0;
  server = await createStenographerServer({
    source: gatedSource(),
    tls: tlsOf(first),
    host: "127.0.0.1",
    port: 0,
    logger,
  });
});

afterEach(async () => {
  gate.open();
  for (const manager of managers) manager.abort();
  managers.clear();
  await server.close({ graceMs: 0 });
});

function tlsOf(identity: Identity, more: Partial<TlsOptions> = {}): TlsOptions {
  return { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey, ...more };
}

function clientTls(identity: Identity): ConnectionOptions {
  return { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey };
}

const baseUrl = (): string => `https://127.0.0.1:${server.port}`;

/** A transport with connections of its own. */
function grpc(identity: Identity, url = baseUrl()): Transport {
  const manager = new Http2SessionManager(url, {}, clientTls(identity));
  managers.add(manager);
  return createGrpcTransport({ baseUrl: url, sessionManager: manager });
}

const describeSensor = (transport: Transport) => createClient(Stenographer, transport).describeSensor({});

async function failureOf(outcome: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await outcome.then(
      () => new Error("it did not fail"),
      (error: unknown) => error,
    ),
  );
}

const reasonIn = (failure: ConnectError): string | undefined =>
  failure.findDetails(ErrorInfoSchema)[0]?.reason;

async function drain(answer: AsyncIterator<Response>): Promise<number> {
  let bytes = 0;
  for (let next = await answer.next(); !next.done; next = await answer.next())
    bytes += next.value.pcap.length;
  return bytes;
}

const fingerprint = (identity: Identity): string => new X509Certificate(identity.certificate).fingerprint256;
const serial = (identity: Identity): string => new X509Certificate(identity.certificate).serialNumber;

/** What a new handshake sees. */
async function handshake(more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({
    host: "127.0.0.1",
    port: server.port,
    ALPNProtocols: ["h2"],
    ...clientTls(alice),
    ...more,
  });
  await once(socket, "secureConnect");
  return socket;
}

async function shown(): Promise<string> {
  const socket = await handshake();
  const seen = socket.getPeerX509Certificate()?.fingerprint256;
  socket.destroy();
  return seen ?? "";
}

describe("reload", () => {
  it("shows the new certificate to new connections, and lets a retrieval under way end untouched", async () => {
    let bytes = 0;
    let summary: bigint | undefined;
    let reloaded = false;
    for await (const message of createClient(Stenographer, grpc(alice)).fetchPcap(window)) {
      bytes += message.pcap.length;
      summary = message.summary?.packets ?? summary;
      if (reloaded) continue;
      expect(await shown()).toBe(fingerprint(first));
      server.reload(tlsOf(second));
      expect(await shown()).toBe(fingerprint(second));
      reloaded = true;
      gate.open();
    }
    expect(summary).toBe(2000n);
    expect(bytes).toBe(24 + 2000 * 1016);
    expect(server.metrics()).toMatchObject({
      reloads: { done: 1, refused: 0 },
      retrievals: { running: 0, served: 1, pcapBytes: bytes, packets: 2000 },
    });
  });

  it("goes on with the connections that exist", async () => {
    const transport = grpc(alice);
    await describeSensor(transport);
    server.reload(tlsOf(second));
    expect((await describeSensor(transport)).source).toBe("gated");
    expect(server.metrics().connections).toEqual({ open: 1, accepted: 1, turnedAway: 0, tlsRefused: 0 });
  });

  it("keeps TLS 1.3, client certificates, HTTP/2 and HTTP/1.1 in force", async () => {
    server.reload(tlsOf(second));
    const socket = await handshake({ ALPNProtocols: ["h2", "http/1.1"] });
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual(["TLSv1.3", "h2"]);
    socket.destroy();
    await expect(handshake({ maxVersion: "TLSv1.2" })).rejects.toThrow();
    const stranger = createConnectTransport({
      baseUrl: baseUrl(),
      httpVersion: "1.1",
      nodeOptions: { ca: authority.certificate },
    });
    await expect(describeSensor(stranger)).rejects.toBeInstanceOf(ConnectError);
    const old = createConnectTransport({
      baseUrl: baseUrl(),
      httpVersion: "1.1",
      nodeOptions: clientTls(alice),
    });
    expect((await describeSensor(old)).source).toBe("gated");
  });

  it("takes a new certificate authority, and refuses the old one's clients on the connections that they have", async () => {
    const other = await createCertificateAuthority();
    const carol = await other.issueClient({ commonName: "carol" });
    const [old, both] = [grpc(alice), tlsOf(second, { ca: authority.certificate + other.certificate })];
    await describeSensor(old);
    server.reload(both);
    const fresh = grpc(carol);
    for (const transport of [old, fresh]) expect((await describeSensor(transport)).source).toBe("gated");
    server.reload(tlsOf(second, { ca: other.certificate }));
    expect((await describeSensor(fresh)).source).toBe("gated");
    expect(reasonIn(await failureOf(describeSensor(old)))).toBe("CERTIFICATE_UNTRUSTED");
    await expect(describeSensor(grpc(alice))).rejects.toBeInstanceOf(ConnectError);
  });

  it("resumes no TLS session, whose client nobody would verify again", async () => {
    const socket = await handshake();
    const [session] = await once(socket, "session");
    socket.destroy();
    const again = await handshake({ session });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });

  it.each<[string, () => Promise<TlsOptions> | TlsOptions, RegExp]>([
    [
      "a key of another certificate",
      () => tlsOf(second, { key: first.privateKey }),
      /tls\.key: is not the key/,
    ],
    ["a key that is none", () => tlsOf(second, { key: "x\n" }), /tls\.key: is no private key/],
    ["a certificate that is none", () => tlsOf(second, { cert: "x\n" }), /tls\.cert: is no certificate/],
    ["an empty authority", () => tlsOf(second, { ca: "" }), /ca: must be PEM, as text or bytes, or the path/],
    ["a list that is none", () => tlsOf(second, { crl: "x\n" }), /tls\.crl: is no list/],
    [
      "the list of an authority that is not there",
      async () =>
        tlsOf(second, {
          crl: await (await createCertificateAuthority({ commonName: "other" })).issueRevocationList({
            revoked: [],
          }),
        }),
      /tls\.crl: is of no authority/,
    ],
    [
      "a chain that is none",
      () => tlsOf(second, { cert: second.certificate + first.certificate }),
      /certificate 2 of the chain is not the issuer/,
    ],
    [
      "an expired certificate",
      async () =>
        tlsOf(
          await authority.issueServer({
            commonName: "old",
            hosts: ["127.0.0.1"],
            notBefore: new Date(Date.now() - 2 * day),
            notAfter: new Date(Date.now() - day),
          }),
        ),
      /tls\.cert: has expired/,
    ],
    [
      "a fingerprint that is none",
      () => tlsOf(second, { denylist: ["alice"] }),
      /must be a SHA-256 fingerprint/,
    ],
    ["an unknown key", () => ({ ...tlsOf(second), crls: "" }) as TlsOptions, /did you mean "crl"/], // wrong on purpose
  ])("refuses %s, and the old ones stay", async (_what, make, message) => {
    const transport = grpc(alice);
    await describeSensor(transport);
    const options = await make();
    const reload = () => server.reload(options);
    expect(reload).toThrow(OptionsError);
    expect(reload).toThrow(message);
    expect(await shown()).toBe(fingerprint(first));
    expect((await describeSensor(transport)).source).toBe("gated");
    expect(server.metrics().reloads).toEqual({ done: 0, refused: 2 });
  });
});

describe("a client that is revoked while its request is on its way", () => {
  it.each([
    ["past Connect", ""],
    ["by connect-node", "?"],
  ])("gets no answer, %s", async (_, suffix) => {
    const session = connectHttp2(baseUrl(), clientTls(mallory));
    const path = `/${Stenographer.typeName}/${Stenographer.method.fetchPcap.name}${suffix}`;
    const looked = vi.spyOn(ClientTrust.prototype, "refusal");
    const stream = beginCall(session, { path });
    stream.write(fetchEnvelope.subarray(0, 3));
    await vi.waitFor(() => expect(looked).toHaveReturnedWith(undefined));
    looked.mockRestore();
    server.reload(tlsOf(first, { denylist: [fingerprint(mallory)] }));
    stream.end(fetchEnvelope.subarray(3));
    const { headers, messages, trailers } = await readAnswer(stream);
    session.destroy();
    expect(messages).toEqual([]);
    expect({ ...headers, ...trailers }).toMatchObject({
      "grpc-status": String(Code.PermissionDenied),
      "grpc-message": expect.stringContaining("has%20been%20revoked"),
    });
    expect(server.metrics().retrievals).toMatchObject({ served: 0, refused: 1 });
  });
});

describe("a client of an intermediate authority", () => {
  it("is served as long as its root is trusted, and proves itself anew when any authority is gone", async () => {
    const { root, chain, key } = issuedByIntermediate();
    const dave = { certificate: chain, privateKey: key };
    server.reload(tlsOf(first, { ca: authority.certificate + root }));
    const transport = grpc(dave);
    expect((await describeSensor(transport)).source).toBe("gated");
    const other = await createCertificateAuthority({ commonName: "other" });
    server.reload(tlsOf(first, { ca: authority.certificate + root + other.certificate }));
    expect((await describeSensor(transport)).source).toBe("gated");
    server.reload(tlsOf(first, { ca: root }));
    expect(reasonIn(await failureOf(describeSensor(transport)))).toBe("CERTIFICATE_UNTRUSTED");
    const again = grpc(dave);
    expect((await describeSensor(again)).source).toBe("gated");
    server.reload(tlsOf(first, { ca: authority.certificate }));
    expect(reasonIn(await failureOf(describeSensor(again)))).toBe("CERTIFICATE_UNTRUSTED");
    await expect(describeSensor(grpc(dave))).rejects.toBeInstanceOf(ConnectError);
  });
});

describe("a handshake", () => {
  it("that began before its authority was lost is worth nothing after it", async () => {
    const { root, chain, key } = issuedByIntermediate();
    server.reload(tlsOf(first, { ca: authority.certificate + root }));
    const pipe = connectPlain(server.port, "127.0.0.1");
    await once(pipe, "connect");
    await expect.poll(() => server.metrics().connections.open).toBe(1);
    server.reload(tlsOf(first));
    const socket = connectTls({
      socket: pipe,
      host: "127.0.0.1",
      ca: authority.certificate,
      cert: chain,
      key,
      ALPNProtocols: ["h2"],
    });
    await once(socket, "secureConnect");
    const session = connectHttp2(baseUrl(), { createConnection: () => socket });
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/stenographer.Stenographer/DescribeSensor",
      "content-type": "application/json",
    });
    stream.end("{}");
    let answer = "";
    for await (const piece of stream.setEncoding("utf8")) answer += piece;
    expect(answer).toContain("no longer trusted");
    session.destroy();
  });
});

/** As step-ca and SPIRE issue them: behind an intermediate, for servers and clients, with a URI as their name. */
function issuedByIntermediate(): { root: string; chain: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), "stenogrpc-chain-"));
  const openssl = (...args: string[]) => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const issue = (name: string, issuer: string | undefined, extensions: string[]) => {
    const by = issuer === undefined ? [] : ["-CA", `${issuer}.crt`, "-CAkey", `${issuer}.key`];
    openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", `/O=corp/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.crt`, ...by],
      ...extensions.flatMap((extension) => ["-addext", extension]),
    );
  };
  try {
    issue("root", undefined, ["keyUsage=critical,keyCertSign,cRLSign"]);
    issue("intermediate", "root", ["keyUsage=critical,keyCertSign,cRLSign"]);
    issue("dave", "intermediate", [
      "basicConstraints=critical,CA:FALSE",
      "extendedKeyUsage=serverAuth,clientAuth",
      "subjectAltName=URI:spiffe://corp.example/dave",
    ]);
    return {
      root: read("root.crt"),
      chain: read("dave.crt") + read("intermediate.crt"),
      key: read("dave.key"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a revoked client", () => {
  const revoking = async (...who: Identity[]): Promise<string> =>
    authority.issueRevocationList({ revoked: who.map((one) => ({ serialNumber: serial(one) })) });

  it("is refused in the handshake by the list, and others are not", async () => {
    server.reload(tlsOf(first, { crl: await revoking(mallory) }));
    await expect(describeSensor(grpc(mallory))).rejects.toBeInstanceOf(ConnectError);
    expect((await describeSensor(grpc(alice))).source).toBe("gated");
    await expect
      .poll(() => lines.find(({ message }) => message === "TLS refused")?.fields)
      .toEqual({ peer: "127.0.0.1", code: "CERT_REVOKED" });
  });

  it("gets no new call on a connection that it has, is told why, and loses the connection", async () => {
    const transport = grpc(mallory);
    await describeSensor(transport);
    server.reload(tlsOf(first, { crl: await revoking(mallory) }));
    const failure = await failureOf(describeSensor(transport));
    expect([failure.code, reasonIn(failure)]).toEqual([Code.PermissionDenied, "CERTIFICATE_REVOKED"]);
    await expect.poll(() => server.metrics().connections.open, { timeout: 5000 }).toBe(0);
  });

  it("loses what it has under way, and its neighbour's goes on", async () => {
    const answers = [mallory, alice].map((who) =>
      createClient(Stenographer, grpc(who)).fetchPcap(window)[Symbol.asyncIterator](),
    );
    const [theirs, ours] = answers as [AsyncIterator<Response>, AsyncIterator<Response>]; // two were made
    let bytes = 0;
    for (const answer of answers) bytes = (await answer.next()).value?.pcap.length;
    server.reload(tlsOf(first, { crl: await revoking(mallory) }));
    const failure = await failureOf(drain(theirs));
    expect([failure.code, reasonIn(failure)]).toEqual([Code.PermissionDenied, "CERTIFICATE_REVOKED"]);
    expect(server.metrics().retrievals).toMatchObject({ running: 1, failed: 1 });
    gate.open();
    expect(bytes + (await drain(ours))).toBe(24 + 2000 * 1016);
  });

  it.each([
    ["gRPC", grpc],
    [
      "Connect on HTTP/1.1",
      (identity: Identity) =>
        createConnectTransport({ baseUrl: baseUrl(), httpVersion: "1.1", nodeOptions: clientTls(identity) }),
    ],
  ])("on the denylist is told so, in %s, and others are served", async (_protocol, transportOf) => {
    const denied = fingerprint(mallory).replaceAll(":", "").toLowerCase();
    server.reload(tlsOf(first, { denylist: [denied] }));
    const client = createClient(Stenographer, transportOf(mallory));
    for (const call of [
      () => client.describeSensor({}),
      () => client.explainQuery({ query: window }),
      () => client.fetchPcap(window)[Symbol.asyncIterator]().next(),
    ]) {
      const failure = await failureOf(call());
      expect([failure.code, reasonIn(failure)]).toEqual([Code.PermissionDenied, "CERTIFICATE_REVOKED"]);
    }
    const refused = lines.filter(({ level, message }) => level === "warn" && message === "call refused");
    expect(refused.map(({ fields }) => [fields.rpc, fields.reason, fields.peer])).toEqual(
      ["DescribeSensor", "ExplainQuery", "FetchPcap"].map((rpc) => [rpc, "CERTIFICATE_REVOKED", "127.0.0.1"]),
    );
    expect((await describeSensor(transportOf(alice))).source).toBe("gated");
  });

  it("is refused by the second list in a text, and clients of both authorities are served", async () => {
    const other = await createCertificateAuthority({ commonName: "another" });
    const carol = await other.issueClient({ commonName: "carol" });
    const crl = (await other.issueRevocationList({ revoked: [] })) + (await revoking(mallory));
    server.reload(tlsOf(first, { ca: authority.certificate + other.certificate, crl }));
    for (const who of [alice, carol]) expect((await describeSensor(grpc(who))).source).toBe("gated");
    await expect(describeSensor(grpc(mallory))).rejects.toBeInstanceOf(ConnectError);
  });

  it("is served by a server that has a list of another authority's of the same serial numbers", async () => {
    const other = await createCertificateAuthority({ commonName: "another" });
    const crl = [
      await revoking(),
      await other.issueRevocationList({ revoked: [{ serialNumber: serial(mallory) }] }),
    ];
    server.reload(tlsOf(first, { crl }));
    expect((await describeSensor(grpc(mallory))).source).toBe("gated");
  });
});

describe("routes on a server of another's", () => {
  it("refuse a client from when they are told to, on the connection that it has", async () => {
    const routes = stenographerRoutes({ source: gatedSource() });
    const host = createSecureServer(
      { ...tlsOf(first), requestCert: true, rejectUnauthorized: true } as SecureServerOptions, // strings, all of them
      connectNodeAdapter({ routes, contextValues: clientIdentity }),
    );
    host.listen(0, "127.0.0.1");
    await once(host, "listening");
    const url = `https://127.0.0.1:${(host.address() as AddressInfo).port}`; // it listens
    const [theirs, ours] = [grpc(mallory, url), grpc(alice, url)];
    for (const transport of [theirs, ours]) expect((await describeSensor(transport)).source).toBe("gated");
    expect(() => routes.refuse({ crl: "x\n" })).toThrow(/crl: is no list/);
    routes.refuse({ denylist: [fingerprint(mallory)] });
    expect(reasonIn(await failureOf(describeSensor(theirs)))).toBe("CERTIFICATE_REVOKED");
    expect((await describeSensor(ours)).source).toBe("gated");
    routes.refuse({
      crl: await authority.issueRevocationList({ revoked: [{ serialNumber: serial(alice) }] }),
    });
    expect(reasonIn(await failureOf(describeSensor(ours)))).toBe("CERTIFICATE_REVOKED");
    expect((await describeSensor(theirs)).source).toBe("gated");
    for (const manager of managers) manager.abort();
    await routes.close();
    host.close();
  });
});

describe("a certificate that ends", () => {
  afterEach(() => void vi.useRealTimers());
  const withinDays = (days: number) => ({
    notBefore: new Date(Date.now() - 100 * day),
    notAfter: new Date(Date.now() + days * day),
  });
  const soon = async () => authority.issueClient({ commonName: "shortly", ...withinDays(10) });

  it("is a client's: the log says so once, the metrics count it, and nobody else", async () => {
    const shortly = await soon();
    for (const who of [shortly, alice, shortly]) await describeSensor(grpc(who));
    const said = lines.filter(({ message }) => message?.includes("client's certificate expires soon"));
    expect(said.map(({ level, fields }) => [level, fields])).toEqual([
      [
        "warn",
        expect.objectContaining({ subject: "CN=shortly", fingerprint: fingerprint(shortly), daysLeft: 9 }),
      ],
    ]);
    expect(server.metrics().certificates.clientsNearExpiry).toBe(1);
  });

  it("gets no further answer on a connection that outlives it", async () => {
    const transport = grpc(await soon());
    await describeSensor(transport);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11 * day });
    expect(reasonIn(await failureOf(describeSensor(transport)))).toBe("CERTIFICATE_EXPIRED");
    expect(server.metrics().certificates.clientsNearExpiry).toBe(0);
  });

  it("is the server's, its authority's, or a list's: the log says how soon, and the metrics when", async () => {
    const ending = await authority.issueServer({
      commonName: "ending",
      hosts: ["127.0.0.1"],
      ...withinDays(10),
    });
    const crl = await authority.issueRevocationList({ revoked: [], days: 9 });
    lines.length = 0;
    server.reload(tlsOf(ending, { crl }));
    const ends = (level: string) =>
      lines.filter((line) => line.level === level).map(({ fields }) => [fields.what, fields.daysLeft]);
    expect(ends("warn")).toEqual([["server certificate", 9]]);
    const { certificates } = server.metrics();
    expect(certificates.serverExpiresAt).toBe(endOf(ending) / 1000);
    expect(certificates.authorityExpiresAt).toBe(endOf(authority) / 1000);
    expect(certificates.revocationListExpiresAt).toBeCloseTo((Date.now() + 9 * day) / 1000, -2);
  });

  it("is said again each day, and as an error when it has come", async () => {
    const startsAt = Date.now();
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"], now: startsAt });
    const ending = await authority.issueServer({
      commonName: "ending",
      hosts: ["127.0.0.1"],
      ...withinDays(2),
    });
    const watched = await createStenographerServer({
      source: gatedSource(),
      tls: tlsOf(ending, { crl: await authority.issueRevocationList({ revoked: [], days: 1 }) }),
      host: "127.0.0.1",
      port: 0,
      logger,
    });
    lines.length = 0;
    vi.advanceTimersByTime(3 * day);
    await watched.close({ graceMs: 0 });
    vi.advanceTimersByTime(3 * day);
    const said = lines
      .filter(({ fields }) => "what" in fields)
      .map(({ level, fields }) => `${level} ${fields.what}`);
    expect(said.filter((line) => line === "warn revocation list")).toHaveLength(1);
    expect(said.filter((line) => line === "error revocation list")).toHaveLength(3);
    expect(said.filter((line) => line === "warn server certificate")).toHaveLength(1);
    expect(said.filter((line) => line === "error server certificate")).toHaveLength(2);
  });
});

const endOf = ({ certificate }: { readonly certificate: string }): number =>
  Date.parse(new X509Certificate(certificate).validTo);
