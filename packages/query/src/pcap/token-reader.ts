import { clip, FilterSyntaxError, quoted } from "../syntax-error.js";
import { isOneEditAway, wordAt } from "../words.js";
import { portByName } from "./names.js";
import { type PcapToken, PcapTokenizer, pcapWords } from "./tokenizer.js";

/** Reads a filter token by token, and tells what is wrong with one. */
export class TokenReader {
  /** The one that is read next. */
  token: PcapToken;
  private readonly tokenizer: PcapTokenizer;

  constructor(readonly text: string) {
    this.tokenizer = new PcapTokenizer(text);
    this.token = this.tokenizer.next();
  }

  take(): PcapToken {
    const token = this.token;
    this.token = this.tokenizer.next();
    return token;
  }

  /** What is next, read anew as a time: no other token looks like one. */
  readAsTime(): PcapToken {
    this.token = this.tokenizer.nextTime();
    return this.token;
  }

  number(expected: string): number {
    const token = this.token;
    if (token.kind !== "number") throw this.unexpected([expected]);
    if (typeof token.value === "string") {
      throw this.problem(token, `number ${quoted(token.text)} ${token.value}`);
    }
    this.take();
    return token.value;
  }

  isEnd(): boolean {
    return this.token.kind === "end";
  }

  isWord(word: string): boolean {
    return this.token.kind === "word" && this.token.text === word;
  }

  isSymbol(symbol: string): boolean {
    return this.token.kind === "symbol" && this.token.text === symbol;
  }

  unexpected(expected: readonly string[], hint?: string, token = this.token): FilterSyntaxError {
    const found = wordAt(this.text, token.start);
    const written = this.text.slice(token.start, token.end);
    const shown = token.kind === "unknown" || found.startsWith(written) ? found || written : written;
    const isEnd = token.kind === "end";
    let help = hint ?? (token.kind === "name" || token.kind.startsWith("ip") ? hintForId(token) : undefined);
    if (help === undefined && this.isSymbol("/"))
      help = "Write all four numbers of an address with a prefix length";
    return this.problem(
      token,
      isEnd ? "filter ends too early" : `unexpected ${quoted(shown)}`,
      help,
      expected,
    );
  }

  problem(
    token: PcapToken,
    problem: string,
    hint?: string,
    expected: readonly string[] = [],
  ): FilterSyntaxError {
    return new FilterSyntaxError({ text: this.text, offset: token.start, problem, hint, expected });
  }
}

/** What to do about an address or a name that nothing stands before. */
export function hintForId(token: PcapToken): string | undefined {
  const { text, kind } = token;
  if (kind === "ipv4" || kind === "ipv6") return `Say what the address is: host ${clip(text)}`;
  if (kind === "mac") return `Say what the address is: ether host ${clip(text)}`;
  const lower = text.toLowerCase();
  if (lower !== text && pcapWords.includes(lower)) return `Write it in lower case: ${lower}`;
  const near = text.length > 2 ? pcapWords.find((word) => isOneEditAway(lower, word)) : undefined;
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (portByName(text) !== undefined) return `Say what the name is: port ${clip(text)}`;
  return undefined;
}
