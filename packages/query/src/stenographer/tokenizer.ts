const keywords = [
  "after",
  "ago",
  "and",
  "before",
  "host",
  "icmp",
  "ip",
  "mask",
  "mpls",
  "net",
  "or",
  "port",
  "proto",
  "tcp",
  "udp",
  "vlan",
] as const;

type Keyword = (typeof keywords)[number];

/**
 * What a token is. `unknown` is where Stenographer's own lexer would take the text to be at its end, and silently drop
 * the rest.
 */
type TokenKind = Keyword | "(" | ")" | "/" | "number" | "address" | "time" | "duration" | "unknown" | "end";

/** One token and where it stands, in UTF-16 code units; `end` is behind its last one. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const space = /[ \t\n\v\f\r]*/y;
// No keyword begins another, so the order is free. There is no word boundary: `tcpandport80` is five tokens.
const keyword = new RegExp(`${keywords.join("|")}|&&|\\|\\|`, "y");
// Everything that numbers, addresses, times and durations are made of; m or h ends a duration.
const literal = /[0-9a-f:.\-+TZ]*[mh]?/y;

/** Cuts a filter into tokens exactly as Stenographer's lexer does, one at a time. */
export class Tokenizer {
  private position = 0;

  constructor(private readonly text: string) {}

  /** The next token; at the end of the text, `end` again and again. */
  next(): Token {
    space.lastIndex = this.position;
    space.test(this.text);
    const start = Math.max(this.position, space.lastIndex);
    if (start >= this.text.length) return this.token("end", start, start);

    const character = this.text.charAt(start);
    if (character === "(" || character === ")" || character === "/") {
      return this.token(character, start, start + 1);
    }

    const word = this.matchAt(keyword, start);
    if (word === "&&") return this.token("and", start, start + 2);
    if (word === "||") return this.token("or", start, start + 2);
    if (word !== "") return this.token(word as Keyword, start, start + word.length); // the pattern has only keywords left

    const run = this.matchAt(literal, start);
    if (run !== "") return this.token(literalKind(run), start, start + run.length);

    return this.token("unknown", start, start + 1);
  }

  private matchAt(pattern: RegExp, start: number): string {
    pattern.lastIndex = start;
    return pattern.exec(this.text)?.[0] ?? "";
  }

  private token(kind: TokenKind, start: number, end: number): Token {
    this.position = end;
    return { kind, text: this.text.slice(start, end), start, end };
  }
}

function literalKind(run: string): TokenKind {
  if (/[-+TZ]/.test(run)) return "time";
  if (/[.:]/.test(run)) return "address";
  if (/[mh]$/.test(run)) return "duration";
  return /^[0-9]+$/.test(run) ? "number" : "unknown";
}
