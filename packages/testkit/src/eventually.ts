/**
 * Waits until a condition holds: asks again and again, never longer than needed.
 *
 * `condition` holds when it returns anything but false or undefined; that is what comes back. An exception of it counts
 * as "not yet", and is the cause of the final error.
 *
 * @param options timeoutMs: when to give up, default 5 000; intervalMs: pause between two looks, default 20; what: named in the error
 * @throws Error when the time is over
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 5000, intervalMs = 20, what = "the condition" }: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + timeoutMs;
  let problem: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>; // just compared
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (performance.now() >= end) {
      throw new Error(`${what} did not hold within ${timeoutMs} ms`, { cause: problem });
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** How long to wait, in milliseconds. */
export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  readonly what?: string;
}
