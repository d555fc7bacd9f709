/** Who has work that holds everybody else up while it is done. */
export interface Passer {
  /** What counts as the same client. */
  readonly identity: string;
  /** Whoever aborts leaves the queue. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly enter: () => void;
}

/** Work that takes less holds nobody up, in milliseconds: one turn for the others will do. */
const shortMs = 4;
/** Behind longer work others have this part of the time that it took: an answer takes several turns. */
const restPart = 0.25;

/**
 * Lets such work through one piece at a time, with a turn of the event loop or more in between, in which all else goes on. Clients take
 * turns, too: one that has much to do waits for itself.
 */
export class Turnstile {
  /** By identity, in the order in which their turns come. */
  readonly #queues = new Map<string, Set<Waiting>>();
  readonly #nowMs: () => number;
  #isTaken = false;

  /** @param nowMs the clock, for tests */
  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Does the work when its turn comes, which is at once where nobody else has some.
   *
   * @throws the signal's reason, and what the work throws
   */
  async pass<Result>({ identity, signal }: Passer, work: () => Result): Promise<Result> {
    signal.throwIfAborted();
    if (this.#isTaken) await this.#wait(identity, signal);
    this.#isTaken = true;
    const startedMs = this.#nowMs();
    try {
      return work();
    } finally {
      const tookMs = this.#nowMs() - startedMs;
      // An immediate in both cases: between it and a timer that is due nothing may be read.
      const letNextIn = (): void => void setImmediate(() => this.#letNextIn());
      if (tookMs < shortMs) letNextIn();
      else setTimeout(letNextIn, tookMs * restPart);
    }
  }

  /** Resolves with the turnstile taken for who waits. */
  #wait(identity: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(identity) ?? new Set();
      this.#queues.set(identity, queue);
      const waiting: Waiting = {
        enter() {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = (): void => {
        queue.delete(waiting);
        reject(signal.reason);
      };
      queue.add(waiting);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #letNextIn(): void {
    for (const [identity, queue] of this.#queues) {
      const [next] = queue;
      // To the end: the others come first.
      this.#queues.delete(identity);
      if (next === undefined) continue;
      queue.delete(next);
      if (queue.size > 0) this.#queues.set(identity, queue);
      next.enter();
      return;
    }
    this.#isTaken = false;
  }
}
