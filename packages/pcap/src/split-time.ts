/** A time as a record holds it; numbers, so that a packet's time is compared without allocating. */
export interface SplitTime {
  /** Whole seconds since the epoch. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/** Nanoseconds since the epoch in two numbers, rounded down for times before it. */
export function splitTime(timeNs: bigint): SplitTime {
  const remainder = timeNs % 1_000_000_000n;
  const nanoseconds = remainder < 0n ? remainder + 1_000_000_000n : remainder;
  return { seconds: Number((timeNs - nanoseconds) / 1_000_000_000n), nanoseconds: Number(nanoseconds) };
}

/** Seconds and nanoseconds in one bigint. Not for the hot path: it allocates. */
export function timestampNs(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}
