import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type Settings,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { fetchEnvelope } from "../../test-support/fetch-request.js";
import { readSlowly } from "../../test-support/read-slowly.js";
import { stenographerRoutes } from "../routes.js";
import { memorySource } from "../testing/memory-source.js";
import { sendPacketsDirectly } from "./send-directly.js";
import { dataSocketOf, tlsSocketOf } from "./session-sockets.js";

type Pem = { readonly ca: string; readonly cert: string; readonly key: string };

let pem: { readonly server: Pem; readonly client: Pem };
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const ca = authority.certificate;
  const server = await authority.issueServer({
    commonName: "sensor",
    hosts: ["127.0.0.1", "sensor.example"],
  });
  const client = await authority.issueClient({ commonName: "alice" });
  pem = {
    server: { ca, cert: server.certificate, key: server.privateKey },
    client: { ca, cert: client.certificate, key: client.privateKey },
  };
});

const started: { close(): void }[] = [];
afterEach(() => {
  for (const one of started.splice(0)) one.close();
});

function serverOf(prepare: (server: Http2SecureServer) => void): Http2SecureServer {
  const server = createSecureServer({ ...pem.server, requestCert: true });
  prepare(server);
  started.push(server.listen(0, "127.0.0.1"));
  return server;
}

async function sessionTo(server: Http2SecureServer, settings: Settings = {}): Promise<ClientHttp2Session> {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const session = connect(`https://127.0.0.1:${port}`, {
    ...pem.client,
    servername: "sensor.example",
    settings: { maxFrameSize: 1_048_576, ...settings },
  });
  started.push(session);
  await once(session, "connect");
  session.setLocalWindowSize(10_000_000);
  return session;
}

/** What a service may ask of a connection, as far as two of them have it in common. */
function told(socket: TLSSocket) {
  const { encrypted, authorized, authorizationError, alpnProtocol } = socket;
  const { remoteAddress, remoteFamily, localAddress, localFamily } = socket;
  const { servername } = socket as { servername?: unknown }; // Node's types don't have it
  return {
    ...{ encrypted, authorized, authorizationError, alpnProtocol },
    ...{ remoteAddress, remoteFamily, localAddress, localFamily, servername },
    counts: [typeof socket.bytesRead, typeof socket.bytesWritten],
    ports: [typeof socket.remotePort, typeof socket.localPort],
    address: Object.keys(socket.address()),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    peer: socket.getPeerX509Certificate()?.subject,
    legacyPeer: socket.getPeerCertificate().subject.CN,
    own: socket.getX509Certificate()?.subject,
    keys: socket.exportKeyingMaterial(32, "EXPORTER-test", Buffer.alloc(0)).length,
    isReused: socket.isSessionReused(),
  };
}

describe("sendPacketsDirectly", () => {
  it("leaves what handlers are told of a connection as it is without it", async () => {
    const answers: object[] = [];
    for (const prepare of [() => {}, sendPacketsDirectly]) {
      const server = serverOf(prepare);
      server.on("request", (request, response) => {
        const { session } = request.stream;
        if (session === undefined) throw new Error("the session is gone");
        const sockets = [request.socket, session.socket, tlsSocketOf(session)];
        const { encrypted, alpnProtocol, originSet } = session;
        response.end(
          JSON.stringify({
            isDirect: dataSocketOf(session) !== undefined,
            told: sockets.map((socket) => told(socket as TLSSocket)),
            session: {
              encrypted,
              alpnProtocol,
              origins: originSet?.map((origin) => new URL(origin).hostname),
            },
          }),
        );
      });
      const client = await sessionTo(server);
      answers.push(JSON.parse(await text(client.request({ ":path": "/" }))));
    }
    const [before, after] = answers as { isDirect: boolean; told: object[]; session: object }[];
    expect([before?.isDirect, after?.isDirect]).toEqual([false, true]);
    expect(before?.told[0]).toMatchObject({ authorized: true, peer: "CN=alice", remoteAddress: "127.0.0.1" });
    expect(after?.told).toEqual(before?.told);
    expect(before?.session).toEqual({ encrypted: true, alpnProtocol: "h2", origins: ["sensor.example"] });
    expect(after?.session).toEqual(before?.session);
  });

  it("is done once, however often it is called, whoever else listens to connections", async () => {
    const seen: string[] = [];
    const server = serverOf((made) => {
      made.on("secureConnection", (socket) => void seen.push(String(socket.alpnProtocol)));
      sendPacketsDirectly(made);
      sendPacketsDirectly(made);
    });
    server.on("stream", (stream) => {
      stream.respond();
      stream.end(
        String(dataSocketOf(stream.session)?.socket === (stream.session && tlsSocketOf(stream.session))),
      );
    });
    const client = await sessionTo(server);
    expect([await text(client.request({ ":path": "/" })), seen]).toEqual(["true", ["h2"]]);
  });

  it("lets a session keep the process, or not", async () => {
    const server = serverOf(sendPacketsDirectly);
    const opened = once(server, "session");
    await sessionTo(server);
    const [session] = (await opened) as [ServerHttp2Session];
    const connections = () =>
      process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;
    const all = connections();
    session.unref();
    expect(connections()).toBe(all - 1);
    session.ref();
    expect(connections()).toBe(all);
  });

  it("sends a client away that has not begun when the server closes", async () => {
    const server = serverOf(sendPacketsDirectly);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens on TCP
    const silent = connectTls({ host: "127.0.0.1", port, ...pem.client, ALPNProtocols: ["h2"] });
    started.push({ close: () => silent.destroy() });
    await once(server, "secureConnection");
    const closed = once(server, "close");
    server.close();
    silent.resume();
    await closed;
  });

  it("begins a service's timeouts anew when packets leave", async () => {
    const capture = pcapOf(
      Array.from({ length: 4000 }, () => ({ timestampNs: 5_000_000_000n, data: new Uint8Array(1000) })),
    );
    const routes = stenographerRoutes({ source: memorySource(capture) });
    const server = serverOf(sendPacketsDirectly);
    server.setTimeout(600);
    const timedOut: string[] = [];
    server.on("timeout", (session: ServerHttp2Session) => {
      timedOut.push("session");
      session.destroy();
    });
    server.on("request", (request, response) => {
      response.setTimeout(600, () => {
        timedOut.push("response");
        response.stream.close();
      });
      routes.answer(request, response);
    });
    const opened = once(server, "session");
    const client = await sessionTo(server, { initialWindowSize: 65_536 });
    const [session] = (await opened) as [ServerHttp2Session];
    const stream = client.request({
      ":method": "POST",
      ":path": "/stenographer.Stenographer/FetchPcap",
      "content-type": "application/grpc+proto",
    });
    stream.end(fetchEnvelope);
    const startedAt = performance.now();
    const bytes = await readSlowly(stream, 300_000);
    expect(performance.now() - startedAt).toBeGreaterThan(1200);
    expect([bytes > capture.length, timedOut]).toEqual([true, []]);
    expect(session.socket.bytesWritten).toBeGreaterThan(capture.length);
    await routes.close();
  });
});
