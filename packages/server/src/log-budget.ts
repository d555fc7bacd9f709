/**
 * Lines of log that strangers can cause: some at once, then one a second, and how many were left out in between. Whoever
 * connects and leaves a thousand times a second must not fill a disk.
 */
export class LogBudget {
  readonly #burst: number;
  #left: number;
  #filledAtMs = performance.now();
  #suppressed = 0;

  constructor(burst = 100) {
    this.#burst = burst;
    this.#left = burst;
  }

  /** Calls `write` with the fields to add to the line, if there is room for it. */
  spend(write: (more: { suppressed?: number }) => void): void {
    const nowMs = performance.now();
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#filledAtMs) / 1000);
    this.#filledAtMs = nowMs;
    if (this.#left < 1) {
      this.#suppressed++;
      return;
    }
    this.#left--;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    write(suppressed > 0 ? { suppressed } : {});
  }
}
