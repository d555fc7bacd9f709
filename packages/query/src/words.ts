/** What a reader would call the word that begins at `offset`: up to a space or parenthesis. */
export function wordAt(text: string, offset: number): string {
  return /^[^\s()]*/.exec(text.slice(offset, offset + 100))?.[0] ?? "";
}

/** One letter too many, too few or wrong, or two neighbours swapped. */
export function isOneEditAway(word: string, target: string): boolean {
  if (word === target || Math.abs(word.length - target.length) > 1) return false;
  let same = 0;
  while (same < word.length && word[same] === target[same]) same++;
  const left = word.slice(same);
  const right = target.slice(same);
  const swapped = right.charAt(1) + right.charAt(0) + right.slice(2);
  return (
    left.slice(1) === right.slice(1) ||
    left.slice(1) === right ||
    left === right.slice(1) ||
    (right.length > 1 && left === swapped)
  );
}
