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
    for (;;) {
      const result = await nextOrAbort(iterator, signal);
      if (result.done === true) {
        ended = true;
        return;
      }
      yield result.value;
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

function nextOrAbort<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    iterator.next().then(
      (result) => {
        signal.removeEventListener("abort", onAbort);
        resolve(result);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/** Waits for a promise until the signal aborts; then throws the signal's reason at once. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  async function* once(): AsyncGenerator<T> {
    yield await promise;
  }
  const { value } = await nextOrAbort(once(), signal);
  return value as T; // the generator yields before it ends
}
