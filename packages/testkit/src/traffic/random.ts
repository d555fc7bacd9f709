/** Numbers that look random and are the same for the same seed on every machine. */
export interface Random {
  /** The next 32 bits, unsigned. */
  bits(): number;
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [from, to). */
  between(from: number, to: number): number;
  /** One of the elements. */
  pick<T>(from: readonly T[]): T;
  /** Waiting time until the next event of a Poisson process, for a mean of `mean`. */
  exponential(mean: number): number;
}

/** SFC32 of PractRand by Chris Doty-Humphrey (public domain): three words and a counter, 2^32 streams by seed. */
export function createRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const bits = (): number => {
    const next = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + next) | 0;
    return next >>> 0;
  };
  for (let i = 0; i < 15; i++) bits();
  const fraction = (): number => bits() / 2 ** 32;
  const between = (from: number, to: number): number => from + Math.floor(fraction() * (to - from));
  return {
    bits,
    fraction,
    between,
    pick: <T>(from: readonly T[]): T => from[between(0, from.length)] as T, // the index is in range
    exponential: (mean) => -Math.log(1 - fraction()) * mean,
  };
}
