type Step<In, Out> = (input: In) => Out;

/** Passes `source` through the steps in order: `pipe(batches, match(p), timeWindow(w), limit(l), chunked(header, 65536))`. */
export function pipe<A>(source: A): A;
export function pipe<A, B>(source: A, s1: Step<A, B>): B;
export function pipe<A, B, C>(source: A, s1: Step<A, B>, s2: Step<B, C>): C;
export function pipe<A, B, C, D>(source: A, s1: Step<A, B>, s2: Step<B, C>, s3: Step<C, D>): D;
export function pipe<A, B, C, D, E>(
  source: A,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
): E;
export function pipe<A, B, C, D, E, F>(
  source: A,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
): F;
export function pipe<A, B, C, D, E, F, G>(
  source: A,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
  s6: Step<F, G>,
): G;
export function pipe<A, B, C, D, E, F, G, H>(
  source: A,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
  s6: Step<F, G>,
  s7: Step<G, H>,
): H;
export function pipe<A, B, C, D, E, F, G, H, I>(
  source: A,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
  s6: Step<F, G>,
  s7: Step<G, H>,
  s8: Step<H, I>,
): I;
export function pipe(source: unknown, ...steps: Step<unknown, unknown>[]): unknown {
  return steps.reduce((input, step) => step(input), source);
}
