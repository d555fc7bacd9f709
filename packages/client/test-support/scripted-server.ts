import { createSecureServer, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type CertificateAuthority, createCertificateAuthority, type Identity } from "@stenogrpc/certs";
import { Stenographer } from "@stenogrpc/protocol";
import { type Script, scriptedService } from "./in-memory.js";

export interface TestIdentities {
  readonly authority: CertificateAuthority;
  readonly server: Identity;
  readonly client: Identity;
}

export async function createIdentities(
  hosts: readonly string[] = ["localhost", "127.0.0.1"],
): Promise<TestIdentities> {
  const authority = await createCertificateAuthority();
  const server = await authority.issueServer({ commonName: "sensor", hosts });
  const client = await authority.issueClient({ commonName: "analyst" });
  return { authority, server, client };
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Settings of the latest client: what it lets be under way. */
  windows(): { stream: number | undefined; connection: number | undefined };
  /** Connections accepted so far. */
  connections(): number;
  /** Connections open now. */
  openConnections(): number;
  /** Resets every call with an HTTP/2 error code, and leaves the connections open. */
  reset(code: number): void;
  /** Says goodbye (GOAWAY), and closes each connection when its calls have ended, as a server does that shuts down. */
  closeGracefully(): void;
  /** Destroys every connection, as a killed server does. */
  kill(): void;
  close(): Promise<void>;
}

/** A server over real sockets with mutual TLS that answers by a script. */
export async function startScriptedServer(
  identities: TestIdentities,
  script: Script,
  {
    onSocket,
    ...tls
  }: {
    maxVersion?: "TLSv1.2";
    rejectUnauthorized?: boolean;
    host?: string;
    port?: number;
    onSocket?: (socket: TLSSocket) => void;
  } = {},
): Promise<ScriptedServer> {
  const sessions = new Set<Http2Session>();
  const sockets = new Set<TLSSocket>();
  const streams = new Set<ServerHttp2Stream>();
  let accepted = 0;
  let latest: Http2Session | undefined;
  const server = createSecureServer(
    {
      ca: identities.authority.certificate,
      cert: identities.server.certificate,
      key: identities.server.privateKey,
      requestCert: true,
      rejectUnauthorized: true,
      ...tls,
    },
    connectNodeAdapter({ routes: (router) => router.service(Stenographer, scriptedService(script)) }),
  );
  server.on("session", (session) => {
    latest = session;
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    accepted++;
    onSocket?.(socket);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("stream", (stream) => {
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
  });
  await new Promise<void>((resolve) => server.listen(tls.port ?? 0, tls.host ?? "127.0.0.1", resolve));

  function kill(): void {
    for (const socket of sockets) socket.destroy();
  }

  function closeGracefully(): void {
    for (const session of sessions) session.close();
  }

  function reset(code: number): void {
    for (const stream of streams) stream.close(code);
  }

  async function close(): Promise<void> {
    for (const session of sessions) session.destroy();
    kill();
    await new Promise((resolve) => server.close(resolve));
  }

  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    windows: () => ({
      stream: latest?.remoteSettings.initialWindowSize,
      connection: latest?.state.remoteWindowSize,
    }),
    connections: () => accepted,
    openConnections: () => sockets.size,
    closeGracefully,
    reset,
    kill,
    close,
    [Symbol.asyncDispose]: close,
  };
}
