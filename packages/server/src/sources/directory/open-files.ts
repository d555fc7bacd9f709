/**
 * What one piece of work has open. Closed one by one as each ends, and all at once when the signal aborts: a generator
 * that waits for a reader who is gone is never resumed, so its `finally` alone would leak.
 */
export class OpenFiles {
  readonly signal: AbortSignal;
  readonly #closers = new Set<() => Promise<void>>();

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => void this.closeAll(), { once: true });
  }

  /** Takes over closing. The returned function closes it earlier; it never rejects, and calling it twice is harmless. */
  add(close: () => void | Promise<void>): () => Promise<void> {
    let closing: Promise<void> | undefined;
    const closeOnce = (): Promise<void> => {
      closing ??= (async () => {
        try {
          await close();
        } catch {
          // Nothing was written, so a failed close loses nothing; the descriptor is gone either way (close(2)).
        } finally {
          this.#closers.delete(closeOnce);
        }
      })();
      return closing;
    };
    this.#closers.add(closeOnce);
    if (this.signal.aborted) void closeOnce();
    return closeOnce;
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#closers].map((close) => close()));
  }
}
