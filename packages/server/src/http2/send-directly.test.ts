import { once } from "node:events";
import { type ClientHttp2Session, connect, createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { dataSocketOf, sendPacketsDirectly, tlsSocketOf } from "./send-directly.js";

type Pem = { readonly ca: string; readonly cert: string; readonly key: string };

let pem: { readonly server: Pem; readonly client: Pem };
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const ca = authority.certificate;
  const server = await authority.issueServer({ commonName: "sensor", hosts: ["127.0.0.1"] });
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

async function sessionTo(server: Http2SecureServer): Promise<ClientHttp2Session> {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const session = connect(`https://127.0.0.1:${port}`, {
    ...pem.client,
    settings: { maxFrameSize: 1_048_576 },
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
  return {
    ...{ encrypted, authorized, authorizationError, alpnProtocol },
    ...{ remoteAddress, remoteFamily, localAddress, localFamily },
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
        const sockets = [request.socket, request.stream.session?.socket, tlsSocketOf(session)];
        const isDirect = dataSocketOf(session) !== undefined;
        response.end(JSON.stringify({ isDirect, told: sockets.map((socket) => told(socket as TLSSocket)) }));
      });
      let body = "";
      for await (const piece of (await sessionTo(server)).request({ ":path": "/" })) body += String(piece);
      answers.push(JSON.parse(body));
    }
    const [before, after] = answers as { isDirect: boolean; told: object[] }[];
    expect([before?.isDirect, after?.isDirect]).toEqual([false, true]);
    expect(before?.told[0]).toMatchObject({ authorized: true, peer: "CN=alice", remoteAddress: "127.0.0.1" });
    expect(after?.told).toEqual(before?.told);
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
    let body = "";
    for await (const piece of (await sessionTo(server)).request({ ":path": "/" })) body += String(piece);
    expect([body, seen]).toEqual(["true", ["h2"]]);
  });
});
