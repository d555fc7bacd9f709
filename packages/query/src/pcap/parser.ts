import { maxFilterLength } from "../limits.js";
import { describePlace, FilterSyntaxError, quoted } from "../syntax-error.js";
import { parseAgo, parseTime } from "../time.js";
import type {
  ArithmeticNode,
  ArithmeticOperator,
  Direction,
  LlcType,
  LoadProtocol,
  PcapFilterNode,
  PcapNode,
  ProtocolName,
  RelationOperator,
} from "./ast.js";
import { type IdType, idNode, numberNode, type Qualifiers } from "./id-nodes.js";
import { type FilterMeaningError, lowestProblem } from "./meaning.js";
import { isPrintedWithin, printedNesting } from "./print.js";
import { hintForId, TokenReader } from "./token-reader.js";
import type { PcapToken } from "./tokenizer.js";

/** Most parentheses, `not`s, brackets and minus signs around one another. */
const maxNesting = 400;
/** Most operators in one arithmetic expression. */
const maxOperators = 400;

/**
 * Parses a filter in the pcap-filter(7) language as libpcap 1.10 reads it, with Stenographer's `before` and `after` added.
 *
 * @throws FilterSyntaxError
 */
export function parsePcapFilter(text: string): PcapFilterNode {
  if (text.length > maxFilterLength) throw tooLong(text, `${text.length} characters`);
  const parser = new PcapParser(text);
  const filter: PcapFilterNode = { kind: "pcap", expression: parser.parse() };
  const problem = lowestProblem(filter);
  if (problem !== undefined) throw parser.meaningless(problem);
  requireReadable(text, filter);
  return filter;
}

/** Refuses what would not be read again when it is printed, which is how filters travel. */
function requireReadable(text: string, filter: PcapFilterNode): void {
  // A minus sign is printed with a parenthesis around it, which makes two levels of one character.
  if (text.length > maxNesting / 2 && printedNesting(filter) > maxNesting) {
    const problem = `filter nested more than ${maxNesting} deep when written out in full; it ends`;
    throw new FilterSyntaxError({ text, offset: text.length, problem });
  }
  // The shortest test in a list, "1||", comes out as "rarp src and dst host 0.0.0.1 or ".
  if (text.length > maxFilterLength / 12 && !isPrintedWithin(filter, maxFilterLength)) {
    throw tooLong(text, `more than ${maxFilterLength} characters when written out in full`);
  }
}

function tooLong(text: string, length: string): FilterSyntaxError {
  return new FilterSyntaxError({
    text,
    offset: Math.min(maxFilterLength, text.length),
    problem: `filter too long: ${length}, the limit is ${maxFilterLength}; passed`,
  });
}

/** A part of the filter as far as it is known what it is: a number may turn out an id or a part of a comparison. */
type Part =
  | { readonly tag: "term" | "id"; readonly node: PcapNode; readonly qualifiers: Qualifiers | undefined }
  | {
      readonly tag: "arithmetic";
      readonly node: ArithmeticNode;
      readonly token: PcapToken;
      /** A number and nothing else, perhaps in parentheses. */
      readonly isBare: boolean;
    };

const protocolNames = new Set<string>(
  (
    "ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah esp atalk aarp decnet lat sca moprc mopdl iso " +
    "esis isis clnp l1 l2 iih lsp snp csnp psnp stp ipx netbeui"
  ).split(" "),
);
const loadProtocols = new Set<string>(
  "ether ip ip6 arp rarp atalk decnet sca lat moprc mopdl tcp udp sctp icmp igmp igrp pim vrrp carp icmp6".split(
    " ",
  ),
);
const idTypes = new Set<string>(["host", "net", "port", "portrange"]);
const llcTypes = new Set<string>("i s u rr rnr rej ui ua disc dm sabme test xid frmr".split(" "));

/** What the words of other link types are about. */
const otherLinkTypes = new Map<string, string>();
for (const [kind, words] of [
  ["IEEE 802.11", "type subtype dir addr1 addr2 addr3 addr4 ra ta radio"],
  ["OpenBSD's packet filter log", "ifname rset rnr srnr reason action"],
  ["ATM", "lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect"],
  ["SS7", "fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls"],
] as const) {
  for (const word of words.split(" ")) otherLinkTypes.set(word, kind);
}

/** How tightly arithmetic binds. `%` and `^` have no place in libpcap's grammar: see `arithmetic`. */
const precedence: Readonly<Record<string, number>> = {
  "|": 1,
  "&": 2,
  "<<": 3,
  ">>": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 7,
  "^": 7,
};
const unaryPrecedence = 6;

class PcapParser extends TokenReader {
  private depth = 0;
  private operators = 0;
  /** Where each primitive began, for problems that only its meaning shows. */
  private readonly places = new Map<PcapNode, number>();

  parse(): PcapNode {
    if (this.token.kind === "end") {
      throw this.problem(this.token, "filter is empty", undefined, primitiveStarts);
    }
    let { node, qualifiers } = this.term(undefined);
    for (let operator = this.operator(); operator !== undefined; operator = this.operator()) {
      const right = this.condition(this.part(qualifiers, true, false), qualifiers);
      node = { kind: operator, left: node, right: right.node };
      qualifiers = right.qualifiers;
    }
    if (!this.isEnd()) throw this.unexpected(["and", "or", "end of filter"]);
    return node;
  }

  /** The error for a filter that can be read but means nothing. */
  meaningless(problem: FilterMeaningError): FilterSyntaxError {
    const offset = problem.node === undefined ? 0 : (this.places.get(problem.node) ?? 0);
    return new FilterSyntaxError({ text: this.text, offset, problem: problem.message, hint: problem.hint });
  }

  private operator(): "and" | "or" | undefined {
    const { kind, text } = this.token;
    if (kind !== "word" || (text !== "and" && text !== "or")) return undefined;
    this.take();
    return text;
  }

  /** A part that stands for itself, without qualifiers from before. */
  private term(qualifiers: Qualifiers | undefined) {
    const part = this.part(qualifiers, false, false);
    if (part.tag === "arithmetic") throw this.unexpected(part.isBare ? comparisonsAfter : comparisons);
    return part;
  }

  /** A part as a condition: a bare number takes the qualifiers from before. */
  private condition(part: Part, qualifiers: Qualifiers | undefined): Exclude<Part, { tag: "arithmetic" }> {
    if (part.tag !== "arithmetic") return part;
    if (!part.isBare) throw this.unexpected(comparisons);
    return this.numberId(part, qualifiers);
  }

  private numberId(part: Extract<Part, { tag: "arithmetic" }>, qualifiers: Qualifiers | undefined) {
    const value = part.node.kind === "number" ? part.node.value : 0;
    const node = this.placed(numberNode(this, value, qualifiers, part.token), part.token);
    return { tag: "id", node, qualifiers } as const;
  }

  /**
   * The next operand of `and` and `or`, with its `not`s.
   *
   * @param mayBeId whether an address or a port may stand without qualifiers, since there are some from before
   * @param isFirst whether a parenthesis has just been opened
   */
  private part(qualifiers: Qualifiers | undefined, mayBeId: boolean, isFirst: boolean): Part {
    let nots = 0;
    while (this.isWord("not")) {
      this.deeper();
      this.take();
      nots++;
    }
    const start = this.token;
    let part = this.bare(qualifiers, mayBeId);
    this.depth -= nots;
    if (nots === 0) {
      // libpcap's grammar has no place for a list of ids that begins with another one in parentheses.
      if (part.tag === "id" && isFirst && start.text === "(") {
        throw this.problem(start, 'unexpected "("', "Leave out the inner parentheses");
      }
      return part;
    }
    if (part.tag === "arithmetic") {
      if (!part.isBare || !mayBeId) throw this.unexpected(comparisons);
      part = this.numberId(part, qualifiers);
    }
    if (nots % 2 === 0) return part;
    const { node } = part;
    return { ...part, node: node.kind === "not" ? node.operand : { kind: "not", operand: node } };
  }

  private bare(qualifiers: Qualifiers | undefined, mayBeId: boolean): Part {
    const token = this.token;
    switch (token.kind) {
      case "symbol": {
        if (token.text === "-") return this.comparison(undefined);
        if (token.text !== "(") break;
        const group = this.group(qualifiers, mayBeId);
        return group.tag === "arithmetic" ? this.comparison(group) : group;
      }
      case "number":
        return this.comparison(undefined);
      case "name":
      case "ipv4":
      case "ipv6":
      case "mac":
        if (!mayBeId) break;
        return { tag: "id", node: this.id(qualifiers), qualifiers };
      case "word":
        return this.wordPart();
      default:
    }
    throw this.unexpected(primitiveStarts);
  }

  /** What stands in parentheses: an expression, a list of ids, or arithmetic. */
  private group(qualifiers: Qualifiers | undefined, mayBeId: boolean): Part {
    const open = this.take();
    this.deeper();
    let part = this.part(qualifiers, mayBeId, true);
    const isListStart = this.isWord("and") || this.isWord("or");
    if (part.tag === "arithmetic" && part.isBare && isListStart && mayBeId)
      part = this.numberId(part, qualifiers);
    if (part.tag === "arithmetic") {
      this.close(open, part.isBare ? [...comparisonsAfter, ")"] : [...comparisons, ")"]);
      return part;
    }
    let { tag, node, qualifiers: inner } = part;
    for (let operator = this.operator(); operator !== undefined; operator = this.operator()) {
      const right = this.condition(this.part(inner, true, false), inner);
      if (tag === "id" && right.tag !== "id") {
        throw this.problem(
          open,
          "this list of addresses, ports or protocols has something else in it",
          "Repeat the word before each: (port 80 or udp)",
        );
      }
      node = { kind: operator, left: node, right: right.node };
      inner = right.qualifiers;
    }
    this.close(open, ["and", "or", ")"]);
    return { tag, node, qualifiers };
  }

  private close(open: PcapToken, expected: readonly string[]): void {
    if (!this.isSymbol(")")) {
      const unclosed = `The "(" at ${describePlace(this.text, open.start)} is not closed`;
      throw this.unexpected(expected, this.token.kind === "end" ? unclosed : undefined);
    }
    this.depth--;
    this.take();
  }

  /** Arithmetic, and the comparison it is a part of if there is one. */
  private comparison(first: Extract<Part, { tag: "arithmetic" }> | undefined): Part {
    const token = first?.token ?? this.token;
    this.operators = 0;
    const before = this.token;
    const left = this.arithmetic(0, first?.node);
    const isBare = first === undefined ? isNumberAlone(before, left) : first.isBare && left === first.node;
    const operator = this.token.text;
    if (this.token.kind !== "symbol" || !comparisons.includes(operator)) {
      return { tag: "arithmetic", node: left, token, isBare };
    }
    this.take();
    const right = this.arithmetic(0, undefined);
    const node = this.placed(
      { kind: "relation", operator: operator as RelationOperator, left, right }, // it is one of them
      token,
    );
    return { tag: "term", node, qualifiers: undefined };
  }

  /**
   * An arithmetic expression whose operators bind at least as tightly as `least`.
   *
   * libpcap gives `%` and `^` no precedence, so its parser takes what is on their right as far as it goes, and on their
   * left only the last operand: `8 % 2 + 1` is `8 % (2 + 1)`, `1 + 8 % 3` is `1 + (8 % 3)`.
   */
  private arithmetic(least: number, first: ArithmeticNode | undefined): ArithmeticNode {
    let left = first ?? this.operand();
    for (;;) {
      const operator = this.token.text;
      const binding = this.token.kind === "symbol" ? precedence[operator] : undefined;
      if (binding === undefined || binding < least) return left;
      this.take();
      if (++this.operators > maxOperators) {
        throw this.problem(this.token, `more than ${maxOperators} operators in one expression`);
      }
      this.deeper();
      const right = this.arithmetic(binding === 7 ? 0 : binding + 1, undefined);
      this.depth--;
      left = { kind: "operation", operator: operator as ArithmeticOperator, left, right }; // it has a precedence
    }
  }

  private operand(): ArithmeticNode {
    const token = this.token;
    if (token.kind === "number") return { kind: "number", value: this.number("number") };
    if (token.kind === "word") {
      if (token.text === "len") {
        this.take();
        return { kind: "length" };
      }
      this.take();
      if (this.isSymbol("[")) return this.load(token);
      throw this.unexpected(["number", "len", "ip[0]"], undefined, token);
    }
    if (this.isSymbol("-")) {
      this.take();
      this.deeper();
      const operand = this.arithmetic(unaryPrecedence, undefined);
      this.depth--;
      return { kind: "negative", operand };
    }
    if (this.isSymbol("(")) {
      const open = this.take();
      this.deeper();
      const inner = this.arithmetic(0, undefined);
      this.close(open, [...arithmeticOperators, ")"]);
      return inner;
    }
    throw this.unexpected(["number", "len", "ip[0]"]);
  }

  /** `[offset]` or `[offset:size]` behind a protocol. */
  private load(protocol: PcapToken): ArithmeticNode {
    const name = protocol.text;
    if (!loadProtocols.has(name)) {
      const other = otherLinkTypes.get(name);
      throw this.problem(
        protocol,
        other === undefined ? `${quoted(name)} has no bytes to load` : `${quoted(name)} is about ${other}`,
        other === undefined ? "Load them from ether, ip, ip6, arp, tcp, udp, icmp or icmp6" : undefined,
      );
    }
    this.take();
    this.deeper();
    const offset = this.arithmetic(0, undefined);
    this.depth--;
    let size = 1;
    if (this.isSymbol(":")) {
      this.take();
      const token = this.token;
      size = this.number("1, 2 or 4 bytes");
      if (size !== 1 && size !== 2 && size !== 4) {
        throw this.problem(token, `a number has 1, 2 or 4 bytes, not ${size}`);
      }
    }
    if (!this.isSymbol("]")) throw this.unexpected([...arithmeticOperators, ":", "]"]);
    this.take();
    return { kind: "load", protocol: name as LoadProtocol, offset, size: size as 1 | 2 | 4 }; // checked above
  }

  /** A part that begins with a word of the language. */
  private wordPart(): Part {
    const token = this.token;
    const word = token.text;
    const term = (node: PcapNode): Part => ({
      tag: "term",
      node: this.placed(node, token),
      qualifiers: undefined,
    });
    const other = otherLinkTypes.get(word);
    if (other !== undefined) throw this.otherLinkType(token, other);
    if (word === "len") return this.comparison(undefined);
    if (protocolNames.has(word) || word === "ether") return this.protocolPart(token);
    switch (word) {
      case "src":
      case "dst":
      case "host":
      case "net":
      case "port":
      case "portrange":
      case "proto":
      case "protochain":
      case "gateway":
        return this.qualified(undefined, token);
      case "broadcast":
      case "multicast":
        this.take();
        return term({ kind: word, protocol: "ether" });
      case "less":
      case "greater": {
        this.take();
        const value = this.number("length");
        return term({
          kind: "relation",
          operator: word === "less" ? "<=" : ">=",
          left: { kind: "length" },
          right: { kind: "number", value },
        });
      }
      case "byte":
        return term(this.byte());
      case "inbound":
      case "outbound":
      case "pppoed":
        this.take();
        return term({ kind: word });
      case "ifindex":
        this.take();
        return term({ kind: word, index: this.number("interface number") });
      case "vlan":
        this.take();
        return term({ kind: word, id: this.optionalNumber(word, 0xfff) });
      case "mpls":
        this.take();
        return term({ kind: word, label: this.optionalNumber(word, 0xfffff) });
      case "pppoes":
        this.take();
        return term({ kind: word, session: this.optionalNumber(word, 0xffff) });
      case "geneve":
        this.take();
        return term({ kind: word, vni: this.optionalNumber(word, 0xffffff) });
      case "llc":
        this.take();
        return term(this.llc());
      case "before":
      case "after":
        return term(this.time(word));
      default:
        throw this.unexpected(primitiveStarts);
    }
  }

  /** A part that begins with the name of a protocol. */
  private protocolPart(token: PcapToken): Part {
    const name = token.text;
    this.take();
    if (this.isSymbol("["))
      return this.comparison({ tag: "arithmetic", node: this.load(token), token, isBare: false });
    if (this.token.kind === "word") {
      const next = this.token.text;
      if (/^(src|dst|host|net|port|portrange|proto|protochain|gateway)$/.test(next))
        return this.qualified(name, token);
      const other = otherLinkTypes.get(next);
      if (other !== undefined && next !== "radio") throw this.otherLinkType(this.token, other);
      if (next === "broadcast" || next === "multicast") {
        if (name !== "ether" && name !== "ip" && (name !== "ip6" || next === "broadcast")) {
          throw this.problem(
            this.token,
            `${quoted(name)} has no ${next} test`,
            `Write ether ${next} or ip ${next}`,
          );
        }
        this.take();
        return {
          tag: "term",
          node: this.placed({ kind: next, protocol: name as "ether" | "ip" | "ip6" }, token), // checked above
          qualifiers: undefined,
        };
      }
    }
    if (name === "ether") {
      throw this.unexpected(["host", "src", "dst", "proto", "broadcast", "multicast", "["]);
    }
    const node: PcapNode = { kind: "protocol", name: name as ProtocolName }; // it is one of them
    return { tag: "term", node: this.placed(node, token), qualifiers: undefined };
  }

  private otherLinkType(token: PcapToken, about: string): FilterSyntaxError {
    return this.problem(
      token,
      `${quoted(token.text)} is about ${about}, which this does not filter`,
      "It filters Ethernet, raw IP, Linux cooked and BSD loopback captures",
    );
  }

  /** Direction and type, and the id behind them. */
  private qualified(protocol: string | undefined, first: PcapToken): Part {
    const direction = this.direction();
    let type: IdType | undefined;
    const token = this.token;
    if (token.kind === "word") {
      if (token.text === "gateway") {
        throw this.problem(token, '"gateway" needs a host\'s name, and names are not looked up');
      }
      const other = otherLinkTypes.get(token.text);
      if (other !== undefined) throw this.otherLinkType(token, other);
      if (idTypes.has(token.text))
        type = token.text as IdType; // it is one of them
      else if (!direction.isGiven && (token.text === "proto" || token.text === "protochain"))
        type = token.text;
      if (type !== undefined) this.take();
    }
    const qualifiers: Qualifiers = { protocol, direction: direction.value, type };
    if (type === "port" && this.isSymbol("-")) throw this.unexpected(["port number"]);
    if (this.token.kind === "word" && !this.isWord("not"))
      throw this.unexpected([expectedIds[type ?? "host"]]);
    const part = this.part(qualifiers, true, false);
    if (part.tag === "term") {
      throw this.problem(first, "a test stands where an address, port or protocol should");
    }
    return { ...this.condition(part, qualifiers), tag: "term" };
  }

  private direction(): { isGiven: boolean; value: Direction | undefined } {
    const word = this.token.kind === "word" ? this.token.text : "";
    if (word !== "src" && word !== "dst") return { isGiven: false, value: undefined };
    this.take();
    const joint = this.operator();
    if (joint === undefined) return { isGiven: true, value: word };
    const other = word === "src" ? "dst" : "src";
    if (!this.isWord(other)) throw this.unexpected([other]);
    this.take();
    return { isGiven: true, value: joint === "and" ? "src and dst" : undefined };
  }

  /** An id other than a number. */
  private id(qualifiers: Qualifiers | undefined): PcapNode {
    const token = this.take();
    if (qualifiers === undefined) {
      throw this.problem(token, `unexpected ${quoted(token.text)}`, hintForId(token), primitiveStarts);
    }
    return this.placed(idNode(this, token, qualifiers), token);
  }

  private byte(): PcapNode {
    const byte = this.take();
    const offset = this.number("number of the byte");
    const operator = this.token;
    if (operator.kind === "symbol" && (operator.text === "&" || operator.text === "|")) {
      throw this.problem(
        byte,
        `byte ${offset} ${operator.text} does not look at the byte in libpcap`,
        `Write ether[${offset}] ${operator.text} ... != 0`,
      );
    }
    if (operator.kind !== "symbol" || !/^[=<>]$/.test(operator.text)) throw this.unexpected(["=", "<", ">"]);
    this.take();
    const value = this.number("number");
    return {
      kind: "relation",
      operator: operator.text as RelationOperator, // one of three of them
      left: { kind: "load", protocol: "ether", offset: { kind: "number", value: offset }, size: 1 },
      right: { kind: "number", value },
    };
  }

  private llc(): PcapNode {
    const token = this.token;
    if (token.kind === "word" && token.text === "rnr") {
      this.take();
      return { kind: "llc", type: "rnr" };
    }
    if (token.kind !== "name") return { kind: "llc" };
    const type = token.text.toLowerCase();
    if (!llcTypes.has(type)) {
      throw this.problem(token, `${quoted(token.text)} is not a type of LLC frame`, undefined, [...llcTypes]);
    }
    this.take();
    return { kind: "llc", type: type as LlcType }; // it is one of them
  }

  private time(side: "before" | "after"): PcapNode {
    const token = this.readAsTime();
    const ago = token.kind === "time" ? parseAgo(token.text) : undefined;
    if (ago !== undefined) {
      this.take();
      if (this.token.text !== "ago") throw this.unexpected(["ago"], `Write "${ago.text} ago"`);
      this.take();
      return { kind: side, time: ago };
    }
    const timestampNs = token.kind === "time" ? parseTime(token.text) : undefined;
    if (timestampNs === undefined) {
      throw this.unexpected(["time", "duration"], "Write a time as 2015-01-01T13:14:15Z, or as 45m ago");
    }
    this.take();
    return { kind: side, time: { kind: "absolute", timestampNs } };
  }

  private optionalNumber(what: string, most: number): number | undefined {
    let opened = 0;
    const open = this.token;
    while (this.isSymbol("(")) {
      this.deeper();
      this.take();
      opened++;
    }
    if (opened === 0 && this.token.kind !== "number") return undefined;
    const token = this.token;
    const value = this.number(`${what} number`);
    while (opened > 0) {
      this.close(open, [")"]);
      opened--;
    }
    if (value <= most) return value;
    throw this.problem(token, `${what} ${value} is more than ${most}`);
  }

  private placed<Node extends PcapNode>(node: Node, token: PcapToken): Node {
    this.places.set(node, token.start);
    return node;
  }

  private deeper(): void {
    if (++this.depth > maxNesting) {
      throw this.problem(this.token, `nested more than ${maxNesting} deep`);
    }
  }
}

const expectedIds: Readonly<Record<IdType, string>> = {
  host: "IP address",
  net: "IP address",
  port: "port number",
  portrange: "port number",
  proto: "protocol number",
  protochain: "protocol number",
};
const primitiveStarts = ["host", "net", "port", "tcp", "udp", "not", "("];
const comparisons = ["=", "!=", "<", "<=", ">", ">="];
const arithmeticOperators = ["+", "-", "*", "/", "&", "|"];
const comparisonsAfter = [...comparisons, ...arithmeticOperators];

function isNumberAlone(first: PcapToken, node: ArithmeticNode): boolean {
  return first.kind === "number" && node.kind === "number";
}
