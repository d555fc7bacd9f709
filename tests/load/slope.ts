/** A reading of a number at a time. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** How fast a number grows, by least squares: per hour. */
export function slopePerHour(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [meanMs, meanValue] = [mean(({ atMs }) => atMs), mean(({ value }) => value)];
  const covariance = mean(({ atMs, value }) => (atMs - meanMs) * (value - meanValue));
  const variance = mean(({ atMs }) => (atMs - meanMs) ** 2);
  return variance === 0 ? 0 : (covariance / variance) * 3_600_000;
}
