import { RequestError } from "./request-error.js";

/** Gives out the places for retrievals that run at once. */
export class Admission {
  readonly #concurrency: number;
  #running = 0;
  #closed = false;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Retrievals that hold a place now. */
  get running(): number {
    return this.#running;
  }

  /** Gives no further place. Those that are held stay. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Takes a place.
   *
   * @returns what gives it back; calling that twice does no harm
   * @throws RequestError "no-free-slot" or "draining"
   */
  enter(): () => void {
    if (this.#closed) throw new RequestError("draining", "the server is shutting down; ask again later");
    if (this.#running >= this.#concurrency) {
      throw new RequestError(
        "no-free-slot",
        `all ${this.#concurrency} places for retrievals are taken; ask again in a second`,
        { retryAfterMs: 1000 },
      );
    }
    this.#running++;
    let held = true;
    return () => {
      if (held) this.#running--;
      held = false;
    };
  }
}
