import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import {
  type FetchPcapOptions,
  type NodeStenographerClient,
  StenographerError,
} from "@stenogrpc/client/node";
import type { Truth } from "./known-capture.js";

/** One fetch, seen from the client. */
export interface Attempt {
  /** The verdict, or the reason of the error. "HUNG" where neither came. */
  readonly said: string;
  /** Whether the bytes that came are exactly the known ones. */
  readonly isWhole: boolean;
  readonly pcapBytes: number;
  /** When to try again, where the server said so. */
  readonly retryAfterMs?: number | undefined;
}

/** How a fetch is made, and what happens on the way. */
export interface AttemptOptions {
  /** More about the request. */
  readonly request?: Partial<FetchPcapOptions>;
  /** Saves to this file instead of reading. */
  readonly output?: string;
  /** Bytes after which `onMoment` is called and, where it is reading, waited for; 0: when the request is on its way. */
  readonly momentBytes?: number;
  readonly onMoment?: () => unknown;
  /** Leaves the loop at the moment. */
  readonly breaks?: boolean;
}

/** Longer than anything may take. */
const hungAfterMs = 30_000;

const fileHeaderBytes = 24;

/** Fetches what the truth is about, and holds what comes against it. */
export async function attempt(
  client: NodeStenographerClient,
  truth: Truth,
  options: AttemptOptions,
): Promise<Attempt> {
  const hung = new AbortController();
  const reading = read(client, truth, options).catch((error: unknown) => failed(error));
  const giveUp = pause(hungAfterMs, { said: "HUNG", isWhole: false, pcapBytes: 0 }, { signal: hung.signal });
  giveUp.catch(() => {}); // it is called off when something came
  const result = await Promise.race([reading, giveUp]);
  hung.abort();
  return result;
}

function failed(error: unknown): Attempt {
  if (!(error instanceof StenographerError)) throw error;
  return { said: error.reason, isWhole: false, pcapBytes: 0, retryAfterMs: error.retryAfterMs };
}

async function read(client: NodeStenographerClient, truth: Truth, options: AttemptOptions): Promise<Attempt> {
  const { request, output, momentBytes = 0, onMoment = () => {}, breaks = false } = options;
  const { fromNs, toNs } = truth.window;
  const fetch = client.fetchPcap({ from: fromNs, to: toNs, timestampResolution: "microseconds", ...request });
  fetch.summary.catch(() => {}); // the reading itself tells
  const received = new Received(truth);

  let pending: (() => unknown) | undefined = onMoment;
  const passed = (seen: number): unknown => {
    if (pending === undefined || seen < momentBytes) return undefined;
    const happens = pending;
    pending = undefined;
    return happens();
  };
  if (momentBytes === 0) setImmediate(() => passed(0));
  if (output !== undefined) {
    const saved = await fetch.toFile(output, { onProgress: ({ bytes }) => void passed(bytes) });
    return compareSaved(output, truth, saved.verdict);
  }
  for await (const chunk of fetch) {
    received.take(chunk);
    const isMoment = pending !== undefined && received.bytes >= momentBytes;
    await passed(received.bytes);
    if (isMoment && breaks) return received.attempt("LEFT");
  }
  return received.attempt((await fetch.summary).verdict);
}

/** Holds a saved file against the truth. */
export async function compareSaved(path: string, truth: Truth, said: string): Promise<Attempt> {
  const received = new Received(truth);
  for await (const chunk of createReadStream(path)) received.take(chunk);
  return received.attempt(said);
}

/** What has come, held against the truth by nothing of the client's. */
class Received {
  bytes = 0;
  readonly #records = createHash("sha256");

  constructor(private readonly truth: Truth) {}

  take(chunk: Uint8Array): void {
    this.#records.update(chunk.subarray(Math.min(chunk.length, Math.max(0, fileHeaderBytes - this.bytes))));
    this.bytes += chunk.length;
  }

  attempt(said: string): Attempt {
    const { pcapBytes, recordsSha256 } = this.truth;
    const isWhole = this.bytes === pcapBytes && this.#records.digest("hex") === recordsSha256;
    return { said, isWhole, pcapBytes: this.bytes };
  }
}
