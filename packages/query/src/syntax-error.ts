/** What a FilterSyntaxError is made from. */
interface SyntaxProblem {
  readonly text: string;
  readonly offset: number;
  readonly problem: string;
  readonly expected?: readonly string[];
  readonly hint?: string | undefined;
}

/**
 * A filter that cannot be read: where, what could have stood there, and what to do about it.
 *
 * `message` is one line without control characters; `render()` shows the place.
 */
export class FilterSyntaxError extends Error {
  override readonly name = "FilterSyntaxError";
  readonly kind = "filter-syntax";
  /** Where the problem begins in `text`, in UTF-16 code units from 0. */
  readonly offset: number;
  /** Line of the problem, from 1. */
  readonly line: number;
  /** Column of the problem, from 1, in UTF-16 code units. */
  readonly column: number;
  /** What could have stood there; empty if the problem is of another kind. */
  readonly expected: readonly string[];
  /** The filter as it was given. */
  readonly text: string;
  /** What to do about it, if that is known. */
  readonly hint: string | undefined;

  constructor({ text, offset, problem, expected = [], hint }: SyntaxProblem) {
    const place = placeOf(text, offset);
    const instead = expected.length > 0 ? `: expected ${listed(expected)}` : "";
    super(`${problem} at ${describePlace(text, offset)}${instead}${hint === undefined ? "" : `. ${hint}`}`);
    this.text = text;
    this.offset = offset;
    this.line = place.line;
    this.column = place.column;
    this.expected = expected;
    this.hint = hint;
  }

  /** The line of the filter with a caret under the place; of a long line, the part around it. */
  render(): string {
    const { lineStart, lineEnd } = placeOf(this.text, this.offset);
    const from = Math.max(lineStart, this.offset - contextCharacters);
    const to = Math.min(lineEnd, this.offset + contextCharacters);
    const before = `${from > lineStart ? "..." : ""}${visible(this.text.slice(from, this.offset))}`;
    const after = `${visible(this.text.slice(this.offset, to))}${to < lineEnd ? "..." : ""}`;
    return `${before}${after}\n${before.replace(/[^\t]/g, " ")}^`;
  }
}

const contextCharacters = 60;
const isDescription = /number|address|mask$|length|^time$|duration|end of/;

/** A piece of the filter as it can stand in a message: short, quoted, without control characters. */
export function quoted(piece: string): string {
  return `"${visible(clip(piece, 40))}"`;
}

/** The first so many characters, and dots for more. Never half of one that takes two units of UTF-16: UTF-8 has no bytes for that. */
export function clip(piece: string, most = 45): string {
  return piece.length > most ? `${piece.slice(0, most).replace(/\p{Cs}$/u, "")}...` : piece;
}

/** Control characters would move the caret, or the terminal's cursor; tabs keep their width. Half characters are none. */
function visible(piece: string): string {
  return piece.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]|\p{Cs}/gu, "\ufffd");
}

/** Where in the text, for a message: `column 5`, or `line 2, column 3`. */
export function describePlace(text: string, offset: number): string {
  const { line, column } = placeOf(text, offset);
  return line === 1 ? `column ${column}` : `line ${line}, column ${column}`;
}

function listed(expected: readonly string[]): string {
  // "and", "or" or end of filter: what can be typed is quoted, what describes is not.
  const alternatives = expected.map((item) => (isDescription.test(item) ? item : `"${item}"`));
  const last = alternatives.at(-1) ?? "";
  return alternatives.length < 2 ? last : `${alternatives.slice(0, -1).join(", ")} or ${last}`;
}

function placeOf(text: string, offset: number) {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", lineStart)) {
    line++;
    lineStart = at + 1;
  }
  const nextBreak = text.indexOf("\n", offset);
  const lineEnd = nextBreak === -1 ? text.length : nextBreak;
  return { line, column: offset - lineStart + 1, lineStart, lineEnd };
}
