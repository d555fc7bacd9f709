import { onAbort } from "./on-abort.js";
import { StenographerError } from "./stenographer-error.js";
import type { StenographerReason } from "./stenographer-reason.js";

/** Asking again at the very moment that the server named is what all others do, too. */
const mostJitter = 0.25;

/** The first wait for what says not how long it takes; each next one is twice as long, up to the longest. */
const firstBackoffMs = 250;
const longestBackoffMs = 5000;

/** What may pass by itself: the sensor, its server or the way there is out of order. "UNAVAILABLE" is what a proxy says. */
const outages: ReadonlySet<StenographerReason> = new Set([
  "CONNECTION_FAILED",
  "CONNECTION_LOST",
  "SERVER_DRAINING",
  "SOURCE_UNAVAILABLE",
  "SOURCE_CHANGED",
  "UNAVAILABLE",
]);

/** For how long, and for what, a retrieval asks again. */
export interface PatienceOptions {
  /** The time in which an answer comes does not count. */
  readonly retryForMs: number;
  readonly retryOutages: boolean;
  /** Of the call, all attempts together. */
  readonly timeoutMs: number | undefined;
}

/** Decides whether a request that failed is sent again, and when. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #startedAt = performance.now();
  #retries = 0;
  #answeringMs = 0;
  #answersSince: number | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** How often the request is sent again so far. */
  get retries(): number {
    return this.#retries;
  }

  /** An answer has begun to come. */
  answered(): void {
    this.#answersSince = performance.now();
  }

  /** Milliseconds that the next attempt may take; undefined: any. */
  get timeoutMs(): number | undefined {
    const { timeoutMs } = this.#options;
    return timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(timeoutMs - this.#elapsedMs));
  }

  /** Milliseconds to wait before the request is sent again; undefined: that makes no sense, or takes too long. */
  waitMs(error: unknown): number | undefined {
    if (this.#answersSince !== undefined) this.#answeringMs += performance.now() - this.#answersSince;
    this.#answersSince = undefined;
    const wait = this.#waitFor(error);
    if (wait === undefined) return undefined;
    const { retryForMs, timeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    const leftMs = Math.min(retryForMs + this.#answeringMs, timeoutMs) - this.#elapsedMs;
    if (wait.leastMs >= leftMs) return undefined;
    this.#retries++;
    return wait.leastMs + Math.random() * Math.min(wait.jitterMs, leftMs - wait.leastMs);
  }

  #waitFor(error: unknown): { leastMs: number; jitterMs: number } | undefined {
    if (!(error instanceof StenographerError)) return undefined;
    const { retryAfterMs, code, reason, retryable } = error;
    // Packets that are not on disk yet come by themselves. But each attempt gets the whole answer, so there is none without a time for it.
    const mayPass = outages.has(reason) || (reason === "COVERAGE_INCOMPLETE" && retryAfterMs !== undefined);
    const isOutage = this.#options.retryOutages && retryable && mayPass;
    if (!isOutage && code !== "resource_exhausted") return undefined;
    if (retryAfterMs !== undefined) return { leastMs: retryAfterMs, jitterMs: retryAfterMs * mostJitter };
    if (!isOutage) return undefined;
    const backoffMs = Math.min(firstBackoffMs * 2 ** this.#retries, longestBackoffMs);
    return { leastMs: backoffMs / 2, jitterMs: backoffMs / 2 };
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }
}

/** Resolves after a time, or at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      unlink();
      resolve();
    };
    const timer = setTimeout(end, ms);
    const unlink = onAbort(signal, end);
  });
}
