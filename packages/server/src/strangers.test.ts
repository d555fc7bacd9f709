import { X509Certificate } from "node:crypto";
import type { SecureClientSessionOptions } from "node:http2";
import type { ConnectionOptions } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { Identity } from "@stenogrpc/certs";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { Stenographer } from "@stenogrpc/protocol";
import { ErrorInfoSchema } from "@stenogrpc/protocol/error-details";
import { pcapOf } from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askConnectNode, wide } from "../test-support/ways.js";
import type { Logger } from "./logger.js";
import type { StenographerServer } from "./server.js";
import { createStenographerServer } from "./server.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";

/** Who does not belong stays out: every kind of stranger, by every protocol, for every RPC. */

const day = 86_400_000;
const authority = await createCertificateAuthority();
const issued = (more = {}) => authority.issueClient({ commonName: "analyst", ...more });
const [friend, unmapped, revoked, denied, serverIdentity] = await Promise.all([
  issued(),
  authority.issueClient({ commonName: "intern" }),
  issued(),
  issued(),
  authority.issueServer({ commonName: "sensor", hosts: ["127.0.0.1"] }),
]);
const { serialNumber } = new X509Certificate(revoked.certificate);

/** What was asked of the source: nothing, as long as only strangers ask. */
const touched: string[] = [];
const refusals: unknown[] = [];
const note: Logger["warn"] = (fields, message) => {
  if (message === "TLS refused") refusals.push((fields as { code?: unknown }).code); // its log line has one
};
let server: StenographerServer;
afterEach(() => {
  touched.length = 0;
  refusals.length = 0;
});

function watched(source: PacketSource): PacketSource {
  return {
    kind: source.kind,
    open: (plan, signal) => {
      touched.push("open");
      return source.open(plan, signal);
    },
    describe: (signal) => {
      touched.push("describe");
      return source.describe(signal);
    },
  };
}

interface Caller {
  readonly scheme: "https" | "http";
  readonly tls: ConnectionOptions;
}

const withTls = (identity: Identity | undefined, more: ConnectionOptions = {}): Caller => ({
  scheme: "https",
  tls: {
    ca: authority.certificate,
    ...(identity && { cert: identity.certificate, key: identity.privateKey }),
    ...more,
  },
});
const ofVersion = (version: "TLSv1.1" | "TLSv1.2"): Caller =>
  // TLS 1.1 is only offered where OpenSSL is told that its digests will do.
  withTls(friend, { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" });

/** Strangers that the handshake refuses, and what the log says of each. */
const refusedByTls: Record<string, readonly [Caller, why: RegExp]> = {
  "no certificate": [withTls(undefined), /PEER_DID_NOT_RETURN_A_CERTIFICATE/],
  "a self-signed certificate": [
    withTls(await createCertificateAuthority({ commonName: "myself" })),
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_CRL)$/,
  ],
  "a certificate of another authority": [
    withTls(
      await (await createCertificateAuthority({ commonName: "other" })).issueClient({
        commonName: "analyst",
      }),
    ),
    /^UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT\w*)$/,
  ],
  "a certificate of another authority of the same name": [
    withTls(await (await createCertificateAuthority()).issueClient({ commonName: "analyst" })),
    /^(CERT_SIGNATURE_FAILURE|UNABLE_TO_\w+)$/,
  ],
  "an expired certificate": [
    withTls(
      await issued({ notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }),
    ),
    /^CERT_HAS_EXPIRED$/,
  ],
  "a certificate that is not valid yet": [
    withTls(
      await issued({ notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) }),
    ),
    /^CERT_NOT_YET_VALID$/,
  ],
  "a revoked certificate": [withTls(revoked), /^CERT_REVOKED$/],
  "a server's certificate": [withTls(serverIdentity), /^INVALID_PURPOSE$/],
  "the authority's own certificate": [withTls(authority), /^INVALID_PURPOSE$/],
  "a good certificate in plaintext": [
    { scheme: "http", tls: {} },
    /HTTP_REQUEST|WRONG_VERSION_NUMBER|ECONNRESET/,
  ],
  "a good certificate over TLS 1.1": [ofVersion("TLSv1.1"), /UNSUPPORTED_PROTOCOL/],
  "a good certificate over TLS 1.2": [ofVersion("TLSv1.2"), /UNSUPPORTED_PROTOCOL/],
};

const protocols: Record<string, (caller: Caller) => Transport> = {
  gRPC: (caller) => createGrpcTransport(options(caller)),
  "gRPC for long frames": (caller) => createGrpcTransport(options(withLongFrames(caller))),
  "gRPC through connect-node": (caller) =>
    createGrpcTransport({ ...options(caller), interceptors: [askConnectNode] }),
  "gRPC-Web on HTTP/2": (caller) => createGrpcWebTransport({ ...options(caller), httpVersion: "2" }),
  "gRPC-Web on HTTP/1.1": (caller) => createGrpcWebTransport({ ...options(caller), httpVersion: "1.1" }),
  "Connect on HTTP/2": (caller) => createConnectTransport({ ...options(caller), httpVersion: "2" }),
  "Connect on HTTP/1.1": (caller) => createConnectTransport({ ...options(caller), httpVersion: "1.1" }),
};

const longFrames: SecureClientSessionOptions = { settings: wide.settings };
/** Whoever takes them has a stream of the server's own between HTTP/2 and the connection that knows who it is. */
const withLongFrames = ({ scheme, tls }: Caller): Caller => ({ scheme, tls: { ...tls, ...longFrames } });

function options({ scheme, tls }: Caller): { baseUrl: string; nodeOptions: ConnectionOptions } {
  return { baseUrl: `${scheme}://127.0.0.1:${server.port}`, nodeOptions: tls };
}

const query = { epochStart: 1_700_000_000n, epochEnd: 1_700_000_000n };
const rpcs: Record<string, (transport: Transport) => Promise<unknown>> = {
  FetchPcap: async (transport) => {
    let packets: bigint | undefined;
    for await (const { summary } of createClient(Stenographer, transport).fetchPcap(query)) {
      packets = summary?.packets ?? packets;
    }
    return packets;
  },
  ExplainQuery: async (transport) =>
    (await createClient(Stenographer, transport).explainQuery({ query })).$typeName,
  DescribeSensor: async (transport) =>
    (await createClient(Stenographer, transport).describeSensor({})).source,
};
const answers: Record<string, unknown> = {
  FetchPcap: 1n,
  ExplainQuery: "stenographer.ExplainQueryResponse",
  DescribeSensor: "memory",
};

const failureOf = async (answer: Promise<unknown>): Promise<ConnectError> => {
  const failure = await answer.then(
    (got) => new Error(`was answered: ${String(got)}`),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ConnectError);
  return failure as ConnectError; // as just checked
};

describe.each(Object.entries(protocols))("%s", (_protocol, transportOf) => {
  // One for each protocol: a server leaves lines out of its log where strangers come by the hundred.
  beforeAll(async () => {
    server = await createStenographerServer({
      source: watched(
        memorySource(pcapOf([{ timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(60) }])),
      ),
      access: [{ commonName: "analyst", role: "analyst" }],
      roles: { analyst: {} },
      tls: {
        ca: authority.certificate,
        cert: serverIdentity.certificate,
        key: serverIdentity.privateKey,
        crl: await authority.issueRevocationList({ revoked: [{ serialNumber }] }),
        denylist: [new X509Certificate(denied.certificate).fingerprint256],
      },
      host: "127.0.0.1",
      port: 0,
      logger: { debug: () => {}, info: () => {}, warn: note, error: note },
    });
  });
  afterAll(() => server.close({ graceMs: 0 }));

  describe.each(Object.entries(rpcs))("%s", (rpc, call) => {
    it("answers a client with a certificate of the authority", async () => {
      expect(await call(transportOf(withTls(friend)))).toBe(answers[rpc]);
    });

    it.each(Object.entries(refusedByTls))("is out of reach with %s", async (_who, [caller, why]) => {
      await failureOf(call(transportOf(caller)));
      await expect.poll(() => refusals.length).toBeGreaterThan(0);
      for (const refusal of refusals) expect(refusal).toMatch(why);
      expect(touched).toEqual([]);
    });

    it.each([
      ["a certificate on the denylist", denied, "CERTIFICATE_REVOKED"],
      ["a good certificate of somebody without a role", unmapped, "IDENTITY_UNMAPPED"],
    ])("is refused to %s, with the reason", async (_who, identity, reason) => {
      const failure = await failureOf(call(transportOf(withTls(identity))));
      expect(failure.code).toBe(Code.PermissionDenied);
      expect(failure.findDetails(ErrorInfoSchema)[0]?.reason).toBe(reason);
      expect(touched).toEqual([]);
    });
  });
});
