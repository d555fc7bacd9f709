/** Works on every item, at most `concurrency` at once, in order of their start. Rejects with the first failure, after the others under way have ended. */
export async function atOnce<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  // The workers share one iterator: each takes the next item when it is free.
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  const workers = Array.from({ length: Math.min(concurrency, items.length) }, worker);
  for (const end of await Promise.allSettled(workers)) if (end.status === "rejected") throw end.reason;
}
