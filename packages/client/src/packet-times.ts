const nsPerSecond = 1_000_000_000n;

/** Earliest and latest of the packet times added, and whether each lies in the window. Numbers only: it runs once per packet. */
export class PacketTimes {
  readonly #startSeconds: number;
  readonly #startNanoseconds: number;
  readonly #endSeconds: number;
  readonly #endNanoseconds: number;
  #firstSeconds = Number.POSITIVE_INFINITY;
  #firstNanoseconds = 0;
  #lastSeconds = Number.NEGATIVE_INFINITY;
  #lastNanoseconds = 0;

  constructor(window: { readonly startNs: bigint; readonly endNs: bigint }) {
    this.#startSeconds = Number(window.startNs / nsPerSecond);
    this.#startNanoseconds = Number(window.startNs % nsPerSecond);
    this.#endSeconds = Number(window.endNs / nsPerSecond);
    this.#endNanoseconds = Number(window.endNs % nsPerSecond);
  }

  /** Adds a time; true if it is one and lies in the window, start included, end not. */
  add(seconds: number, nanoseconds: number): boolean {
    if (isBefore(seconds, nanoseconds, this.#firstSeconds, this.#firstNanoseconds)) {
      this.#firstSeconds = seconds;
      this.#firstNanoseconds = nanoseconds;
    }
    if (isBefore(this.#lastSeconds, this.#lastNanoseconds, seconds, nanoseconds)) {
      this.#lastSeconds = seconds;
      this.#lastNanoseconds = nanoseconds;
    }
    return (
      nanoseconds < 1e9 &&
      !isBefore(seconds, nanoseconds, this.#startSeconds, this.#startNanoseconds) &&
      isBefore(seconds, nanoseconds, this.#endSeconds, this.#endNanoseconds)
    );
  }

  get firstNs(): bigint | undefined {
    return toNanoseconds(this.#firstSeconds, this.#firstNanoseconds);
  }

  get lastNs(): bigint | undefined {
    return toNanoseconds(this.#lastSeconds, this.#lastNanoseconds);
  }
}

function isBefore(
  seconds: number,
  nanoseconds: number,
  otherSeconds: number,
  otherNanoseconds: number,
): boolean {
  return seconds < otherSeconds || (seconds === otherSeconds && nanoseconds < otherNanoseconds);
}

function toNanoseconds(seconds: number, nanoseconds: number): bigint | undefined {
  return Number.isFinite(seconds) ? BigInt(seconds) * nsPerSecond + BigInt(nanoseconds) : undefined;
}
