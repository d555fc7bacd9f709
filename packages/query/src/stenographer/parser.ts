import {
  addressBits,
  type IpAddress,
  networkAddress,
  parseIpAddress,
  prefixLengthOf,
  printIpAddress,
} from "../address.js";
import { maxFilterLength } from "../limits.js";
import { describePlace, FilterSyntaxError, quoted } from "../syntax-error.js";
import { parseAgo, parseTime, type TimeReference, unlimitedTimestampNs } from "../time.js";
import { wordAt } from "../words.js";
import type { FilterNode, NetNode, PrimitiveNode } from "./ast.js";
import {
  hintForAddress,
  hintForAgo,
  hintForNumber,
  hintForOperator,
  hintForPrimitive,
  hintForTime,
} from "./hints.js";
import { largest } from "./limits.js";
import { printStenographerFilter, unlimitedTimeProblem } from "./print.js";
import { type Token, Tokenizer } from "./tokenizer.js";

/**
 * Parses a filter in Stenographer's language: `host net port vlan mpls`, `ip proto`, `tcp udp icmp`, `before after`,
 * joined by `and` and `or`, which bind equally and from left to right, and parentheses.
 *
 * Whatever Stenographer takes at its word means the same here. Where it would silently drop the rest of the text
 * (`tcp not port 80` is `tcp` to it) this refuses, with that place. Never uses the call stack for nesting.
 *
 * @throws FilterSyntaxError
 */
export function parseStenographerFilter(text: string): FilterNode {
  if (text.length > maxFilterLength) throw tooLong(text, `${text.length} characters`);
  const filter = new Parser(text).parse();
  // Printing grows a text at most threefold: the shortest join, "tcp||", comes out as "(tcp or )".
  if (text.length > maxFilterLength / 3) {
    const printedLength = printStenographerFilter(filter).length;
    if (printedLength > maxFilterLength)
      throw tooLong(text, `${printedLength} characters when written out in full`);
  }
  return filter;
}

/** An open parenthesis, and what stood before it. */
interface OpenGroup {
  readonly left: FilterNode | undefined;
  readonly operator: "and" | "or";
  readonly open: Token;
}

class Parser {
  private readonly tokenizer: Tokenizer;
  private token: Token;

  constructor(private readonly text: string) {
    this.tokenizer = new Tokenizer(text);
    this.token = this.tokenizer.next();
  }

  parse(): FilterNode {
    const groups: OpenGroup[] = [];
    let left: FilterNode | undefined;
    let operator: "and" | "or" = "and";
    for (;;) {
      if (this.token.kind === "(") {
        groups.push({ left, operator, open: this.take() });
        left = undefined;
        continue;
      }
      left = join(left, operator, this.primitive());
      while (this.token.kind === ")") {
        const group = groups.pop();
        if (group === undefined) throw this.unexpected(["and", "or", "end of filter"], 'No "(" is open here');
        this.take();
        left = join(group.left, group.operator, left);
      }
      if (this.token.kind === "end") {
        const unclosed = groups.at(-1);
        if (unclosed === undefined) return left;
        throw this.unexpected(
          ["and", "or", ")"],
          `The "(" at ${describePlace(this.text, unclosed.open.start)} is not closed`,
        );
      }
      if (this.token.kind !== "and" && this.token.kind !== "or") throw this.notAnOperator(groups.length > 0);
      operator = this.token.kind;
      this.take();
    }
  }

  private primitive(): PrimitiveNode {
    const { kind } = this.token;
    switch (kind) {
      case "tcp":
      case "udp":
      case "icmp":
        this.take();
        return { kind: "protocol", name: kind };
      case "host":
        this.take();
        return { kind, address: this.address(["IP address"]) };
      case "net":
        this.take();
        return this.net();
      case "port":
        this.take();
        return { kind, port: this.number(kind) };
      case "vlan":
        this.take();
        return { kind, id: this.number(kind) };
      case "mpls":
        this.take();
        return { kind, label: this.number(kind) };
      case "ip":
        return this.ipProto();
      case "before":
      case "after":
        this.take();
        return { kind, time: this.time(kind) };
      default:
        throw this.unexpected(primitiveStarts, hintForPrimitive(this.text, this.token));
    }
  }

  private ipProto(): PrimitiveNode {
    const ip = this.take();
    if (this.token.kind !== "proto") {
      const hint = hintForPrimitive(this.text, ip);
      const isOtherWord = this.token.start === ip.end && /^[a-z0-9]/i.test(wordAt(this.text, ip.end));
      throw isOtherWord ? this.unexpected(primitiveStarts, hint, ip) : this.unexpected(["proto"], hint);
    }
    this.take();
    return { kind: "ip-proto", protocol: this.number("ip proto") };
  }

  private net(): NetNode {
    const address = this.address(["IP address"]);
    if (this.token.kind === "mask") {
      this.take();
      return { kind: "net", ...network(address, this.mask(address)) };
    }
    if (this.token.kind !== "/") {
      throw this.unexpected(
        ["/", "mask"],
        `Say how large the network is: "net ${printIpAddress(address)}/24"`,
      );
    }
    this.take();
    const most = addressBits(address);
    const token = this.token;
    if (token.kind === "address") {
      throw this.unexpected(["prefix length"], 'Write an address after "mask", a number after "/"');
    }
    const prefixLength = this.wholeNumber("prefix length", most, "/");
    return { kind: "net", ...network(address, prefixLength) };
  }

  private mask(address: IpAddress): number {
    const token = this.token;
    const mask = this.address(["network mask"]);
    const problem = (what: string, hint: string) =>
      new FilterSyntaxError({ text: this.text, offset: token.start, problem: what, hint });
    if (mask.version !== address.version) {
      throw problem(
        `network mask ${quoted(token.text)} is not of the address's IP version`,
        `Write the prefix length: "net ${printIpAddress(address)}/${addressBits(address)}"`,
      );
    }
    const length = prefixLengthOf(mask);
    if (length === undefined) {
      throw problem(
        `network mask ${quoted(token.text)} is not contiguous`,
        "Its ones must all be in front; Stenographer would search a range of addresses that has nothing to do with it",
      );
    }
    return length;
  }

  private address(expected: readonly string[]): IpAddress {
    const token = this.token;
    const address = token.kind === "address" ? parseIpAddress(token.text) : undefined;
    if (address === undefined) throw this.unexpected(expected, hintForAddress(this.text, token));
    this.take();
    return address;
  }

  private number(what: keyof typeof largest): number {
    return this.wholeNumber(`${what} number`, largest[what], what);
  }

  private wholeNumber(expected: string, most: number, what: string): number {
    const token = this.token;
    if (token.kind !== "number") {
      throw this.unexpected([expected], hintForNumber(this.text, token, what, most));
    }
    const value = Number(token.text);
    if (value > most) {
      throw new FilterSyntaxError({
        text: this.text,
        offset: token.start,
        problem: `${expected} ${quoted(token.text)} is out of range`,
        expected: [`a number from 0 to ${most}`],
      });
    }
    this.take();
    return value;
  }

  private time(side: "before" | "after"): TimeReference {
    const token = this.token;
    if (token.kind === "duration") {
      const ago = parseAgo(token.text);
      if (ago !== undefined) {
        this.take();
        if (this.token.kind !== "ago") throw this.unexpected(["ago"], hintForAgo(this.text, token, ago.text));
        this.take();
        return ago;
      }
    }
    const timestampNs = token.kind === "time" ? parseTime(token.text) : undefined;
    if (timestampNs === undefined) {
      throw this.unexpected(["time", "duration"], hintForTime(this.text, token));
    }
    if (side === "before" && timestampNs === unlimitedTimestampNs) {
      throw new FilterSyntaxError({ text: this.text, offset: token.start, problem: unlimitedTimeProblem });
    }
    this.take();
    return { kind: "absolute", timestampNs };
  }

  private take(): Token {
    const token = this.token;
    this.token = this.tokenizer.next();
    return token;
  }

  private notAnOperator(inGroup: boolean): FilterSyntaxError {
    const hint = hintForOperator(this.text, this.token);
    const dropped = "Stenographer would stop reading here and drop the rest";
    const isDropped = this.token.kind === "unknown" && !inGroup;
    return this.unexpected(
      ["and", "or", inGroup ? ")" : "end of filter"],
      isDropped ? sentences(hint, dropped) : hint,
    );
  }

  private unexpected(
    expected: readonly string[],
    hint: string | undefined,
    token = this.token,
  ): FilterSyntaxError {
    const word = wordAt(this.text, token.start);
    const found = token.kind === "unknown" || word.startsWith(token.text) ? word || token.text : token.text;
    return new FilterSyntaxError({
      text: this.text,
      offset: token.start,
      problem: token.kind === "end" ? "filter ends too early" : `unexpected ${quoted(found)}`,
      expected,
      hint,
    });
  }
}

const primitiveStarts = [
  "host",
  "net",
  "port",
  "vlan",
  "mpls",
  "ip proto",
  "tcp",
  "udp",
  "icmp",
  "before",
  "after",
  "(",
];

function join(left: FilterNode | undefined, kind: "and" | "or", right: FilterNode): FilterNode {
  return left === undefined ? right : { kind, left, right };
}

function sentences(first: string | undefined, second: string): string {
  if (first === undefined) return second;
  return first.endsWith("?") ? `${first} ${second}` : `${first}. ${second}`;
}

function network(address: IpAddress, prefixLength: number): Pick<NetNode, "address" | "prefixLength"> {
  return { address: networkAddress(address, prefixLength), prefixLength };
}

function tooLong(text: string, length: string): FilterSyntaxError {
  return new FilterSyntaxError({
    text,
    offset: Math.min(maxFilterLength, text.length),
    problem: `filter too long: ${length}, the limit is ${maxFilterLength}; passed`,
  });
}
