import { onAbort } from "./on-abort.js";
import { StenographerError } from "./stenographer-error.js";

/** Asking again at the very moment that the server named is what all others do, too. */
const mostJitter = 0.25;

/** How long a retrieval that finds no place asks again. */
export interface PatienceOptions {
  readonly retryForMs: number;
  /** Of the call, all attempts together. */
  readonly timeoutMs: number | undefined;
}

/** Decides whether a request that a server has no place for is sent again, and when. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #startedAt = performance.now();

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Milliseconds that the next attempt may take; undefined: any. */
  get timeoutMs(): number | undefined {
    const { timeoutMs } = this.#options;
    return timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(timeoutMs - this.#elapsedMs));
  }

  /** Milliseconds to wait before the request is sent again; undefined: that makes no sense, or takes too long. */
  waitMs(error: unknown): number | undefined {
    if (!(error instanceof StenographerError) || error.code !== "resource_exhausted") return undefined;
    if (error.retryAfterMs === undefined) return undefined;
    const { retryForMs, timeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    const waitMs = error.retryAfterMs * (1 + mostJitter * Math.random());
    return this.#elapsedMs + waitMs < Math.min(retryForMs, timeoutMs) ? waitMs : undefined;
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
