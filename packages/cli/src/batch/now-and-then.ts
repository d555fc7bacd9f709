/** How far apart at least, in milliseconds. */
const leastRestMs = 1000;
/** Of all time, so much is spent at most: one part in 20. */
const restShare = 20;

/**
 * What is worth doing over and over, but not each time that it is asked for: once at first, then not while it is being done, nor soon after,
 * the less often the longer it takes.
 */
export function nowAndThen(work: () => Promise<unknown>): () => Promise<void> {
  let isBusy = false;
  let nextMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const startedMs = performance.now();
    if (isBusy || startedMs < nextMs) return;
    isBusy = true;
    try {
      await work();
    } finally {
      isBusy = false;
      const endedMs = performance.now();
      nextMs = endedMs + Math.max(leastRestMs, (endedMs - startedMs) * restShare);
    }
  };
}
