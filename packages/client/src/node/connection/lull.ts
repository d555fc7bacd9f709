/** The longest that anybody waits for a lull, in milliseconds. */
const longestWaitMs = 20;

/**
 * Tells those who wait when nothing more is to be read from a connection for now, or after 20 ms of one that never rests.
 *
 * Many answers at once come in small pieces by turns. Each piece by itself would cost its reader a turn of the event loop; until a
 * lull they come together.
 */
export class Lull {
  #waiting: (() => void)[] = [];
  #sinceMs = 0;
  #hasRead = false;

  /** Says that something was read. */
  notice(): void {
    this.#hasRead = true;
  }

  /** Has this called, once. */
  wait(told: () => void): void {
    if (this.#waiting.push(told) > 1) return;
    this.#sinceMs = performance.now();
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#hasRead = false;
    setImmediate(() => {
      if (this.#hasRead && performance.now() - this.#sinceMs < longestWaitMs) return this.#lookAgain();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const told of waiting) told();
    });
  }
}
