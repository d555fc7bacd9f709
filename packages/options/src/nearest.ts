/**
 * The word that begins with `word`, if it is the only one, else the one that differs from it by the fewest edits, if that is at most
 * a third of its letters (and at least two edits are allowed) and leaves a letter of it.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const asked = word.toLowerCase();
  const [whole, ...more] = candidates.filter((candidate) => candidate.toLowerCase().startsWith(asked));
  if (asked !== "" && whole !== undefined && more.length === 0) return whole;
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(2, Math.floor(word.length / 3)) + 1, word.length);
  for (const candidate of candidates) {
    const distance = editDistance(asked, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and substitutions from one word to the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1); // both rows are to.length + 1 long
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1)); // as above
    }
    previous = current;
  }
  return previous[to.length]!; // as above
}
