import { TokenBucket } from "./token-bucket.js";

/**
 * Lines of log that strangers can cause: a hundred at once, then one a second, and how many were left out in between.
 * Whoever connects and leaves a thousand times a second must not fill a disk.
 */
export class LogBudget {
  readonly #lines = new TokenBucket(100, 1);
  #suppressed = 0;

  /** Calls `write` with the fields to add to the line, if there is room for it. */
  spend(write: (more: { suppressed?: number }) => void): void {
    if (!this.#lines.take()) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    write(suppressed > 0 ? { suppressed } : {});
  }
}
