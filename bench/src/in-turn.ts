/** Measures one after the other, and all of them so many times: whatever else the machine does falls on each. */
export async function inTurn<P, R>(
  pairs: readonly P[],
  times: number,
  measure: (pair: P) => Promise<R>,
): Promise<readonly { readonly pair: P; readonly runs: readonly R[] }[]> {
  const results = pairs.map((pair) => ({ pair, runs: [] as R[] }));
  for (let time = 0; time < times; time++) {
    for (const { pair, runs } of results) runs.push(await measure(pair));
  }
  return results;
}
