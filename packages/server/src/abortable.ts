/**
 * Passes items on until the signal aborts; then throws the signal's reason at once.
 *
 * A source may hang in a read that nothing ends. The reader must not hang with it.
 */
export async function* abortable<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let ended = false;
  try {
    while (!ended) {
      signal.throwIfAborted();
      const result = await orAbort(iterator.next(), signal);
      if (result.done === true) ended = true;
      else yield result.value;
    }
  } finally {
    if (!ended) {
      const closed = iterator.return?.();
      // A blocked generator answers `return` only when its read does, so after an abort nobody waits for it.
      if (signal.aborted) closed?.catch(() => {});
      else await closed;
    }
  }
}

/** Waits for a promise until the signal aborts; then throws the signal's reason at once. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}
