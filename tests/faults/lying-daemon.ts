import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { RunningStenographer } from "@stenogrpc/testkit";

/** What is done to an answer of /query: whatever it does not do, is not done. */
export type Lie = (answer: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** Stands before a real Stenographer, and passes on what that says, but for one thing. */
export interface LyingDaemon {
  readonly port: number;
  /** What is done to answers from now on. Undefined: they are passed on. */
  lie: Lie | undefined;
  /** Shows another certificate to new connections, and ends those that exist. Undefined: the daemon's own. */
  showCertificate(other?: { readonly cert: string; readonly key: string }): void;
  /** Nobody listens, and every connection is reset. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startLyingDaemon(daemon: RunningStenographer): Promise<LyingDaemon> {
  const { ca, cert, key, serverCert, serverKey } = daemon.certs;
  const read = (paths: { cert: string; key: string }) => ({
    ca: readFileSync(ca),
    cert: readFileSync(paths.cert),
    key: readFileSync(paths.key),
  });
  const own = read({ cert: serverCert, key: serverKey });
  const asClient = read({ cert, key });
  const server = createServer({ ...own, requestCert: true, rejectUnauthorized: true }, (asked, response) => {
    const onward = request(
      {
        host: daemon.host,
        port: daemon.port,
        method: asked.method,
        path: asked.url,
        agent: false,
        ...asClient,
      },
      (answer) => {
        const isQuery = asked.url === "/query";
        response.on("close", () => answer.destroy());
        const passed = isQuery && lying.lie ? lying.lie(answer, response) : passOn(answer, response);
        Promise.resolve(passed).catch(() => response.destroy());
      },
    );
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one

  async function goDown(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  const lying: LyingDaemon = {
    port,
    lie: undefined,
    showCertificate(other) {
      server.setSecureContext(other === undefined ? own : read(other));
      server.closeAllConnections();
    },
    goDown,
    async comeBack() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    close: goDown,
  };
  return lying;
}

/** Passes an answer on, to its end or as far as a number of bytes; then the response is still open. */
export async function passOn(
  answer: IncomingMessage,
  response: ServerResponse,
  bytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  await pipeline(answer, (chunks: AsyncIterable<Buffer>) => firstBytes(chunks, bytes), response, {
    end: bytes === Number.POSITIVE_INFINITY,
  });
}

async function* firstBytes(chunks: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of chunks) {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    yield piece;
    if (left <= 0) return;
  }
}
