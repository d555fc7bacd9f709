/**
 * Makes the test of a pattern in which `*` stands for one character or more, but for none of `separators`. Everything else
 * stands for itself; the pattern covers the whole text. No regular expressions, and no way back in the text.
 */
export function glob(pattern: string, separators: string): (text: string) => boolean {
  const parts = splitAt(pattern, separators).map((part) => part.split("*"));
  if (!pattern.includes("*")) return (text) => text === pattern;
  const signs = separatorsOf(pattern, separators);
  return (text) => {
    if (separatorsOf(text, separators) !== signs) return false;
    return splitAt(text, separators).every((part, i) => matchesPart(parts[i] ?? [], part));
  };
}

/** The pieces one behind the other, each as far in front as it fits, with something between them. */
function matchesPart(pieces: readonly string[], text: string): boolean {
  const [first = "", ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of others) {
    const found = text.indexOf(piece, at + 1);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length > at && text.endsWith(last);
}

function splitAt(text: string, separators: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !separators.includes(text.charAt(i))) continue;
    parts.push(text.slice(start, i));
    start = i + 1;
  }
  return parts;
}

function separatorsOf(text: string, separators: string): string {
  let found = "";
  for (const sign of text) if (separators.includes(sign)) found += sign;
  return found;
}
