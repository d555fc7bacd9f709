import { once } from "node:events";
import { connect as connectHttp2, createSecureServer, type Http2SecureServer } from "node:http2";
import { type AddressInfo, connect as connectPlain } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import type { CertificateAuthority, Identity } from "@stenogrpc/certs";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { Stenographer } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientIdentity } from "./identity.js";
import { OptionsError } from "./index.js";
import { stenographerRoutes } from "./routes.js";
import type { StenographerServer } from "./server.js";
import { createStenographerServer } from "./server.js";
import { memorySource } from "./testing/memory-source.js";

const onePacket = pcapOf([{ timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(60) }]);

let authority: CertificateAuthority;
let server: StenographerServer;
let serverIdentity: Identity;
let friend: Identity;

beforeAll(async () => {
  authority = await createCertificateAuthority();
  serverIdentity = await authority.issueServer({ commonName: "sensor", hosts: ["127.0.0.1"] });
  friend = await authority.issueClient({ commonName: "analyst" });
  server = await createStenographerServer({
    source: memorySource(onePacket),
    tls: { ca: authority.certificate, cert: serverIdentity.certificate, key: serverIdentity.privateKey },
    host: "127.0.0.1",
    port: 0,
  });
});

afterAll(() => server.close({ graceMs: 0 }));

function baseUrl(): string {
  return `https://127.0.0.1:${server.port}`;
}

function tls(identity: Identity): ConnectionOptions {
  return { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey };
}

const window = { epochStart: 1_700_000_000n, epochEnd: 1_700_000_000n };

async function fetchPackets(transport: Transport): Promise<bigint | undefined> {
  let packets: bigint | undefined;
  for await (const message of createClient(Stenographer, transport).fetchPcap(window)) {
    packets = message.summary?.packets ?? packets;
  }
  return packets;
}

describe("transport", () => {
  const versionOf = (port: number, maxVersion: "TLSv1.3" | "TLSv1.2"): Promise<string | null> =>
    new Promise((resolve, reject) => {
      const socket = connectTls(
        { port, host: "127.0.0.1", maxVersion, ALPNProtocols: ["h2"], ...tls(friend) },
        () => {
          resolve(socket.getProtocol());
          socket.destroy();
        },
      );
      socket.once("error", reject);
    });

  it("speaks TLS 1.3", async () => {
    expect(await versionOf(server.port, "TLSv1.3")).toBe("TLSv1.3");
  });

  it("speaks TLS 1.2 on request", async () => {
    const older = await createStenographerServer({
      source: memorySource(new Uint8Array()),
      tls: {
        ca: authority.certificate,
        cert: serverIdentity.certificate,
        key: serverIdentity.privateKey,
        minVersion: "TLSv1.2",
      },
      host: "127.0.0.1",
      port: 0,
    });
    expect(await versionOf(older.port, "TLSv1.2")).toBe("TLSv1.2");
    await older.close();
  });

  it("survives an authority that is no URL", async () => {
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, tls(friend));
    for (const path of [
      "/stenographer.Stenographer/FetchPcap",
      "/stenographer.Stenographer/DescribeSensor",
    ]) {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        ":authority": "::1:8443",
        "content-type": "application/json",
      });
      stream.end("{}");
      const [headers] = await once(stream, "response");
      expect(headers[":status"]).toBe(400);
      stream.close();
    }
    session.destroy();
    expect(await fetchPackets(createGrpcTransport({ baseUrl: baseUrl(), nodeOptions: tls(friend) }))).toBe(
      1n,
    );
  });

  it("closes at once though a peer never finishes its handshake", async () => {
    const other = await createStenographerServer({
      source: memorySource(new Uint8Array()),
      tls: { ca: authority.certificate, cert: serverIdentity.certificate, key: serverIdentity.privateKey },
      host: "127.0.0.1",
      port: 0,
    });
    const peer = connectPlain(other.port, "127.0.0.1");
    await once(peer, "connect");
    const gone = once(peer, "close");
    peer.resume().on("error", () => {});
    await other.close({ graceMs: 0 });
    await gone;
  });

  it("fails to start on a port that is taken", async () => {
    const second = createStenographerServer({
      source: memorySource(new Uint8Array()),
      tls: { ca: authority.certificate, cert: serverIdentity.certificate, key: serverIdentity.privateKey },
      host: "127.0.0.1",
      port: server.port,
    });
    await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("refuses options it does not know, by name", async () => {
    const options = { source: memorySource(new Uint8Array()), tls: { ca: "", cert: "", keys: "" } };
    const failure = await createStenographerServer(options as never).catch((error: unknown) => error); // wrong on purpose
    expect(failure).toBeInstanceOf(OptionsError);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/unknown key "keys"; did you mean "key"\?/),
    });
  });
});

describe("routes on a server of another's", () => {
  it("refuse every call where the identity is not passed on", async () => {
    const transport = createRouterTransport(stenographerRoutes({ source: memorySource(new Uint8Array()) }));
    const failure = ConnectError.from(await fetchPackets(transport).catch((error: unknown) => error));
    expect(failure.code).toBe(Code.Unauthenticated);
    expect(failure.rawMessage).toContain("contextValues: clientIdentity");
  });

  describe("that asks them first", () => {
    const routes = () => stenographerRoutes({ source: memorySource(onePacket), sensor: "embedded" });
    let sensor: ReturnType<typeof routes>;
    let service: Http2SecureServer;
    const adapted: string[] = [];

    beforeAll(async () => {
      sensor = routes();
      const adapter = connectNodeAdapter({ routes: sensor, contextValues: clientIdentity });
      const { certificate: cert, privateKey: key } = serverIdentity;
      service = createSecureServer(
        {
          ca: authority.certificate,
          cert,
          key,
          requestCert: true,
          rejectUnauthorized: false,
          allowHTTP1: true,
        },
        (request, response) => {
          if (sensor.answer(request, response)) return;
          adapted.push(request.url);
          adapter(request, response);
        },
      );
      service.listen(0, "127.0.0.1");
      await once(service, "listening");
    });
    beforeEach(() => {
      adapted.length = 0;
    });
    afterAll(async () => {
      await sensor.close();
      service.close();
    });

    const transportTo = (nodeOptions: ConnectionOptions) => {
      const { port } = service.address() as AddressInfo; // it listens
      return createGrpcTransport({ baseUrl: `https://127.0.0.1:${port}`, nodeOptions });
    };

    it("answer FetchPcap in gRPC past its adapter, and leave the rest to that", async () => {
      const transport = transportTo(tls(friend));
      expect(await fetchPackets(transport)).toBe(1n);
      expect(adapted).toEqual([]);
      const { sensor: name } = await createClient(Stenographer, transport).describeSensor({});
      expect(name).toBe("embedded");
      expect(adapted).toEqual(["/stenographer.Stenographer/DescribeSensor"]);
    });

    it.each(["1.1", "2"] as const)("leave FetchPcap in Connect over HTTP/%s to it", async (httpVersion) => {
      const { port } = service.address() as AddressInfo; // it listens
      const baseUrl = `https://127.0.0.1:${port}`;
      const transport = createConnectTransport({ baseUrl, httpVersion, nodeOptions: tls(friend) });
      expect(await fetchPackets(transport)).toBe(1n);
      expect(adapted).toEqual(["/stenographer.Stenographer/FetchPcap"]);
    });

    it("count what comes of calls, also of those that they refuse before they read them, and tell whether the source can be asked", async () => {
      const sum = () => sensor.metrics().retrievals;
      const { served } = sum();
      await fetchPackets(transportTo(tls(friend)));
      expect(sum()).toMatchObject({ running: 0, queued: 0, served: served + 1 });
      const before = sum().refused;
      await fetchPackets(transportTo({ ca: authority.certificate })).catch(() => {});
      expect(sum().refused).toBe(before + 1);
      expect(sum().shortfalls).toContainEqual({
        outcome: "refused",
        reason: "CLIENT_CERTIFICATE_REQUIRED",
        count: expect.any(Number),
      });
      expect(await sensor.health()).toEqual({ isHealthy: true });
    });

    it("refuse who has no certificate, though the server lets everybody in", async () => {
      const transport = transportTo({ ca: authority.certificate });
      const failure = ConnectError.from(await fetchPackets(transport).catch((error: unknown) => error));
      expect(failure.code).toBe(Code.Unauthenticated);
      expect(adapted).toEqual([]);
    });

    it("answer nothing more once they are closed", async () => {
      await sensor.close();
      const transport = transportTo(tls(friend));
      const failure = ConnectError.from(await fetchPackets(transport).catch((error: unknown) => error));
      expect(failure.code).toBe(Code.Unavailable);
    });
  });
});
