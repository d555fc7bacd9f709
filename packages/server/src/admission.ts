import { RequestError } from "./request-error.js";

/** How many retrievals run at once, and how many wait for a place, and how long. */
export interface AdmissionOptions {
  readonly concurrency: number;
  readonly queue: { readonly length: number; readonly timeoutMs: number };
}

/** Who wants a place. */
export interface Applicant {
  /** What counts as the same client. */
  readonly identity: string;
  /** Most places that client holds or waits for; undefined: as many as there are. */
  readonly limit?: number | undefined;
  /** Whoever aborts leaves the queue. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Gives out the places for retrievals that run at once: first come, first served, and a bounded queue. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Places held and waited for, by identity. */
  readonly #held = new Map<string, number>();
  /** In the order they came. */
  readonly #waiting = new Set<Waiting>();
  #running = 0;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Retrievals that hold a place now. */
  get running(): number {
    return this.#running;
  }

  /** Retrievals that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Gives no further place, and sends away who waits. Those that are held stay. */
  close(): void {
    this.#closed = true;
    for (const { reject } of [...this.#waiting]) reject(draining());
  }

  /**
   * Takes a place, or waits for one.
   *
   * @returns what gives it back; calling that twice does no harm
   * @throws RequestError "identity-limit", "no-free-slot" or "draining"; the signal's reason
   */
  async enter({ identity, limit, signal }: Applicant): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#closed) throw draining();
    if (limit !== undefined && (this.#held.get(identity) ?? 0) >= limit) {
      throw new RequestError(
        "identity-limit",
        `you have ${limit} retrievals under way, which is as many as you may`,
        { retryAfterMs: 1000 },
      );
    }
    this.#count(identity, 1);
    try {
      if (this.#running < this.#options.concurrency) this.#running++;
      else await this.#wait(signal);
    } catch (error) {
      this.#count(identity, -1);
      throw error;
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#count(identity, -1);
      this.#free();
    };
  }

  /** Resolves with a place. */
  #wait(signal: AbortSignal): Promise<void> {
    const { concurrency, queue } = this.#options;
    const full = (): RequestError =>
      new RequestError("no-free-slot", `all ${concurrency} places for retrievals are taken`, {
        retryAfterMs: 1000,
      });
    if (this.#waiting.size >= queue.length) throw full();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiting.reject(signal.reason);
      const timer = setTimeout(() => waiting.reject(full()), queue.timeoutMs);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** The place goes from hand to hand: whoever comes meanwhile does not overtake. */
  #free(): void {
    const [next] = this.#waiting;
    if (next) next.resolve();
    else this.#running--;
  }

  #count(identity: string, change: number): void {
    const held = (this.#held.get(identity) ?? 0) + change;
    if (held === 0) this.#held.delete(identity);
    else this.#held.set(identity, held);
  }
}

function draining(): RequestError {
  return new RequestError("draining", "the server is shutting down");
}
