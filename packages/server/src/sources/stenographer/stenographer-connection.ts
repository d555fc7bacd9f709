import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { join } from "node:path";
import type { PeerCertificate } from "node:tls";
import { checkServerIdentity } from "node:tls";
import { MadeOnNeed } from "../made-on-need.js";
import { SourceError } from "../packet-source.js";
import { readStenographerConfig } from "../stenographer-config.js";
import { explainConnectionError } from "./explain-connection-error.js";
import type { StenographerSettings } from "./stenographer-options.js";

/** Talks to one Stenographer daemon. */
export interface StenographerConnection {
  /** What the daemon sends for a query: from /query, which is the default, its packets as a pcap file. */
  query(query: string, signal: AbortSignal, path?: string): AsyncIterable<Uint8Array>;
  /** A text of the daemon's, of 16 MiB at most: /debug/config, /debug/stats, /debug/tN/files. */
  get(path: string, signal: AbortSignal): Promise<string>;
  /** Closes connections that are kept for the next query. */
  close(): void;
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
}

/** The most bytes read of an answer that is not packets: the names of 900 000 files. */
const maxTextBytes = 16 * 1024 * 1024;

/** The longest silence before or in an answer that is not packets. */
const textTimeoutMs = 30_000;

/** Connects on first need, and again after a failure: the daemon's configuration may not be there yet. */
export function connectStenographer(options: StenographerSettings): StenographerConnection {
  const target = new MadeOnNeed(() => readTarget(options));

  return {
    async *query(query, signal, path = "/query") {
      // Not AbortSignal.any: Node 20 can collect such a signal while it is waited for, and the abort is lost.
      const either = new AbortController();
      const onAbort = (): void => either.abort(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        either.abort();
      }, options.timeoutMs);
      let response: IncomingMessage | undefined;
      try {
        signal.throwIfAborted();
        response = await send(await target.get(), "POST", path, query, either.signal);
        if (response.statusCode !== 200) throw await refusal(response);
        yield* response as AsyncIterable<Uint8Array>; // no encoding is set, so the pieces are bytes
        // A daemon that dies in the middle leaves a response that is not complete.
        if (!response.complete)
          throw new SourceError("source-failed", "Stenographer died before its answer was complete");
      } catch (error) {
        signal.throwIfAborted();
        if (timedOut) throw tooSlow(options.timeoutMs);
        throw explainConnectionError(error);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        response?.destroy();
      }
    },

    async get(path, signal) {
      try {
        const timeoutMs = Math.min(textTimeoutMs, options.timeoutMs);
        const response = await send(await target.get(), "GET", path, "", signal, timeoutMs);
        if (response.statusCode !== 200) throw await refusal(response);
        return await readText(response);
      } catch (error) {
        signal.throwIfAborted();
        throw explainConnectionError(error);
      }
    },

    close: () => void target.ifMade().then((made) => made?.agent.destroy()),
  };
}

async function readTarget(options: StenographerSettings): Promise<Target> {
  try {
    const { host, port, ca, cert, key } = await fillIn(options);
    const expectedName = options.expectedName ?? host;
    const [caPem, certPem, keyPem] = await Promise.all([readFile(ca), readFile(cert), readFile(key)]);
    const agent = new Agent({
      // HTTP/1.1: the daemon writes each packet on its own, and h2 frames cost it twice the processor time.
      keepAlive: true,
      ca: caPem,
      cert: certPem,
      key: keyPem,
      checkServerIdentity: (_host, peer) => checkDaemonIdentity(expectedName, options.fingerprint256, peer),
    });
    return { host, port, agent };
  } catch (error) {
    throw new SourceError(
      "source-unavailable",
      "Stenographer's configuration or client certificate can't be read",
      {
        cause: error,
      },
    );
  }
}

/** Asks Stenographer's configuration only for what the options leave open. */
async function fillIn(options: StenographerSettings) {
  const { host, port, ca, cert, key } = options;
  if (
    host !== undefined &&
    port !== undefined &&
    ca !== undefined &&
    cert !== undefined &&
    key !== undefined
  ) {
    return { host, port, ca, cert, key };
  }
  const config = await readStenographerConfig(options.config);
  return {
    host: host ?? config.host,
    port: port ?? config.port,
    ca: ca ?? join(config.certPath, "ca_cert.pem"),
    cert: cert ?? join(config.certPath, "client_cert.pem"),
    key: key ?? join(config.certPath, "client_key.pem"),
  };
}

/**
 * Checks the daemon's name. The chain is verified by TLS before this runs.
 *
 * A certificate without any SAN, as stenokeys makes them, is judged by its CN; this also tells the daemon's from a
 * client's certificate, which has another CN and else looks the same.
 */
function checkDaemonIdentity(
  expectedName: string,
  fingerprint256: string | undefined,
  peer: PeerCertificate,
): Error | undefined {
  if (fingerprint256 !== undefined && plainHex(peer.fingerprint256) !== plainHex(fingerprint256)) {
    const error = new Error("Stenographer's certificate does not have the configured fingerprint");
    return Object.assign(error, { code: "CERT_FINGERPRINT_MISMATCH" });
  }
  if (peer.subjectaltname === undefined && peer.subject?.CN === expectedName) return undefined;
  return checkServerIdentity(expectedName, peer);
}

function plainHex(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}

async function send(
  target: Target,
  method: string,
  path: string,
  body: string,
  signal: AbortSignal,
  timeoutMs?: number,
): Promise<IncomingMessage> {
  const request = httpsRequest({
    host: target.host,
    port: target.port,
    agent: target.agent,
    method,
    path,
    signal,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  if (timeoutMs !== undefined) request.once("timeout", () => request.destroy(noAnswer(timeoutMs)));
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage]; // what the event carries
  return response;
}

async function refusal(response: IncomingMessage): Promise<SourceError> {
  const text = await readText(response);
  return new SourceError("source-failed", "Stenographer refused the query", {
    details: { status: response.statusCode, text: text.trim() },
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Uint8Array>) {
    // no encoding is set, so the pieces are bytes
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxTextBytes) throw new SourceError("source-failed", "Stenographer's answer is too long");
  }
  return Buffer.concat(pieces).toString("utf8");
}

function noAnswer(timeoutMs: number): Error {
  return Object.assign(new Error(`nothing came for ${timeoutMs / 1000} s`), { code: "ETIMEDOUT" });
}

function tooSlow(timeoutMs: number): SourceError {
  return new SourceError(
    "source-failed",
    `Stenographer took longer than ${timeoutMs / 1000} s; ask for a shorter window`,
  );
}
