import { type ClientHttp2Session, connect } from "node:http2";
import { Agent, request } from "node:https";
import type { HostileRequest } from "./hostile-request.js";

/** What came back. */
export interface Answer {
  readonly status: number;
  /** Headers and trailers together. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Puts one request after another to a server, over a connection of each version of HTTP. */
export interface Asker {
  /** Rejects where there is no answer. */
  ask(hostile: HostileRequest): Promise<Answer>;
  close(): Promise<void>;
}

export interface AskerOptions {
  readonly port: number;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Then a new connection: a server ends one on which too many requests come to a bad end. */
const requestsPerSession = 100;
/** No request of these may take as long. */
const answerMs = 30_000;

export function createAsker({ port, ...tls }: AskerOptions): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ALPNProtocols: ["http/1.1"], ...tls });
  let session: ClientHttp2Session | undefined;
  let asked = 0;

  function http2Session(): ClientHttp2Session {
    if (asked++ % requestsPerSession === 0) session?.close();
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(`https://127.0.0.1:${port}`, tls);
      session.on("error", () => {}); // its streams tell
    }
    return session;
  }

  return {
    ask: (hostile) =>
      hostile.http === "HTTP/2" ? askHttp2(http2Session(), hostile) : askHttp1(port, agent, hostile),
    async close() {
      agent.destroy();
      const closing = session;
      if (closing === undefined || closing.destroyed) return;
      await new Promise<void>((resolve) => closing.close(resolve));
    },
  };
}

function askHttp2(
  session: ClientHttp2Session,
  { method, path, headers, body }: HostileRequest,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...headers, ":method": method, ":path": path }, { endStream: false });
    const pieces: Buffer[] = [];
    let status = 0;
    let received: Record<string, unknown> = {};
    stream.on("response", (head) => {
      status = Number(head[":status"]);
      received = { ...received, ...head };
    });
    stream.on("trailers", (trailers) => {
      received = { ...received, ...trailers };
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    let problem: Error | undefined;
    stream.on("error", (error) => {
      problem = error;
    });
    stream.setTimeout(answerMs, () => {
      problem = new Error(`no answer in ${answerMs} ms`);
      stream.destroy();
    });
    stream.on("close", () => {
      // A server that has said all may reset what it does not want to read: RFC 9113, section 8.1.
      if (status === 0)
        reject(problem ?? new Error(`the stream ended without an answer, code ${stream.rstCode}`));
      else resolve({ status, headers: received, body: Buffer.concat(pieces) });
    });
    stream.end(body);
  });
}

function askHttp1(
  port: number,
  agent: Agent,
  { method, path, headers, body }: Omit<HostileRequest, "protocol" | "http">,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, agent, method, path, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    });
    asked.setTimeout(answerMs, () => asked.destroy(new Error(`no answer in ${answerMs} ms`)));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      // A kept connection may have ended meanwhile: as Node's documentation advises, once more over a new one.
      const isStale = asked.reusedSocket && error.code === "ECONNRESET";
      if (isStale) resolve(askHttp1(port, agent, { method, path, headers, body }));
      else reject(error);
    });
    asked.end(body);
  });
}
