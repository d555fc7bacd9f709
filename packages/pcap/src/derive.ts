/**
 * An async generator over `upstream` that closes it whenever the reader leaves, also before the first pull.
 *
 * A bare generator that is left before its first pull never enters its body, so its `for await` could not close anything: the file or
 * the child behind it would stay open.
 */
export function derive<In, Out>(
  upstream: AsyncIterable<In>,
  generate: (upstream: AsyncIterable<In>) => AsyncGenerator<Out, void, undefined>,
): AsyncIterableIterator<Out, void, undefined> {
  const generator = generate(upstream);
  let untouched = true;
  const closeUpstream = async () => {
    if (!untouched) return;
    untouched = false;
    await upstream[Symbol.asyncIterator]().return?.();
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      untouched = false;
      return generator.next();
    },
    async return() {
      const result = await generator.return();
      await closeUpstream();
      return result;
    },
    async throw(error) {
      await closeUpstream();
      return generator.throw(error);
    },
  };
}
