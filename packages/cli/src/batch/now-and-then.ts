/** How long it rests at least, in milliseconds. */
const leastRestMs = 1000;
/** It rests for so many times what it took. */
const restShare = 20;

/**
 * What is worth doing over and over, but not each time that it is asked for: once at first, then not while it is being done, nor soon after,
 * the less often the longer it takes.
 */
export function nowAndThen(work: () => Promise<unknown>): () => Promise<void> {
  let nextMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const startedMs = performance.now();
    if (startedMs < nextMs) return;
    nextMs = Number.POSITIVE_INFINITY; // until this one is done
    try {
      await work();
    } finally {
      const endedMs = performance.now();
      nextMs = endedMs + Math.max(leastRestMs, (endedMs - startedMs) * restShare);
    }
  };
}
