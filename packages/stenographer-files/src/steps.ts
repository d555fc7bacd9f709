/** What may be there at once. Whoever gives it never throws: what fails is a promise that rejects. */
export type PromiseOrValue<T> = T | Promise<T>;

/**
 * Work in steps, which goes on at once as long as all it needs is there: `yield*` is to it what `await` is to an async function, which
 * leaves its caller waiting even for what is there, and over hundreds of files spends most of the time on that.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** The value, waited for where it is not there yet. */
export function* wait<T>(value: PromiseOrValue<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value; // finish() resumes with what the promise gives
}

/** Does work to its end: gives its result, or a promise of it where it has to wait, or fails. */
export function finish<T>(steps: Steps<T>): PromiseOrValue<T> {
  try {
    const first = steps.next();
    return first.done === true ? first.value : finishLater(steps, first.value);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Does several at a time: one that has to wait lets the next begin. */
export function* together<T>(all: readonly Steps<T>[]): Steps<T[]> {
  const results = all.map(finish);
  const isThere = (result: PromiseOrValue<T>): result is T => !(result instanceof Promise);
  return results.every(isThere) ? results : yield* wait(Promise.all(results));
}

async function finishLater<T>(steps: Steps<T>, waitedFor: Promise<unknown>): Promise<T> {
  let step = await resume(steps, waitedFor);
  while (step.done !== true) step = await resume(steps, step.value);
  return step.value;
}

async function resume<T>(
  steps: Steps<T>,
  waitedFor: Promise<unknown>,
): Promise<IteratorResult<Promise<unknown>, T>> {
  let value: unknown;
  try {
    value = await waitedFor;
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next(value);
}
