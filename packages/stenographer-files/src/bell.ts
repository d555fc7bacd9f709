/** Wakes up whoever waits. One waits at a time. */
export class Bell {
  #wake: () => void = () => {};

  ring(): void {
    this.#wake();
  }

  /** Waits until it rings. Rejects when the signal aborts. */
  async heard(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    signal.addEventListener("abort", this.#wake, { once: true });
    await woken;
    signal.removeEventListener("abort", this.#wake);
    signal.throwIfAborted();
  }
}
