import { type IpAddress, networkAddress, parseIpv6Words, prefixMask, printIpAddress } from "../address.js";
import { maxFilterLength } from "../limits.js";
import { clip, describePlace, FilterSyntaxError, quoted } from "../syntax-error.js";
import { parseAgo, parseTime } from "../time.js";
import { isOneEditAway, wordAt } from "../words.js";
import type {
  ArithmeticNode,
  ArithmeticOperator,
  Direction,
  LlcType,
  LoadProtocol,
  PcapFilterNode,
  PcapNode,
  PcapPrimitiveNode,
  ProtocolName,
  RelationOperator,
} from "./ast.js";
import { type FilterMeaningError, lowestProblem } from "./meaning.js";
import { etherProtocolByName, ipProtocolByName, isoProtocolByName, portByName } from "./names.js";
import { isPrintedWithin, printedNesting } from "./print.js";
import { type PcapToken, PcapTokenizer, pcapWords } from "./tokenizer.js";

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

type IdType = "host" | "net" | "port" | "portrange" | "proto" | "protochain";

/** What stands before an address, port or protocol, and holds for those that follow it: `tcp port 80 or 443`. */
interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction | undefined;
  /** Undefined is a host. */
  readonly type: IdType | undefined;
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

const relations = new Set(["=", "!=", "<", "<=", ">", ">="]);
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

class PcapParser {
  private readonly tokenizer: PcapTokenizer;
  private token: PcapToken;
  private depth = 0;
  private operators = 0;
  /** Where each primitive began, for problems that only its meaning shows. */
  private readonly places = new Map<PcapNode, number>();

  constructor(private readonly text: string) {
    this.tokenizer = new PcapTokenizer(text);
    this.token = this.tokenizer.next();
  }

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
    const node = this.placed(this.numberNode(value, qualifiers, part.token), part.token);
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
    if (this.token.kind !== "symbol" || !relations.has(operator)) {
      return { tag: "arithmetic", node: left, token, isBare };
    }
    this.take();
    const right = this.arithmetic(0, undefined);
    const node = this.placed(
      { kind: "relation", operator: operator as RelationOperator, left, right }, // it is in the set of them
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
    const node: PcapNode = { kind: "protocol", name: name as ProtocolName }; // it is in the set of them
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
        type = token.text as IdType; // it is in the set of them
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
      throw this.problem(token, `unexpected ${quoted(token.text)}`, this.hintForId(token), primitiveStarts);
    }
    switch (token.kind) {
      case "ipv4":
        return this.placed(this.ipv4(token, qualifiers), token);
      case "ipv6":
        return this.placed(this.ipv6(token, qualifiers), token);
      case "mac":
        return this.placed(this.mac(token, qualifiers), token);
      default:
        return this.placed(this.named(token, qualifiers), token);
    }
  }

  private ipv4(token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
    const octets = token.text.split(".").map((octet) => (/^0[xX]/.test(octet) ? 256 : Number(octet)));
    if (octets.some((octet) => octet > 255)) {
      throw this.problem(
        token,
        `${quoted(token.text)} is not an IPv4 address`,
        "Its numbers go from 0 to 255",
      );
    }
    const bits = 8 * octets.length;
    const value = (octets.reduce((sum, octet) => sum * 256 + octet, 0) * 2 ** (32 - bits)) >>> 0;
    let mask = bits === 32 ? 0xffffffff : prefixMask(bits) >>> 0;
    if (this.isSymbol("/")) {
      this.take();
      const length = this.number("prefix length");
      if (length > 32) throw this.problem(token, `prefix length ${length} is more than 32`);
      mask = prefixMask(length) >>> 0;
      this.requireNet(token, qualifiers);
      this.requireNetwork(token, value, mask);
    } else if (this.isWord("mask")) {
      this.take();
      const maskToken = this.token;
      if (maskToken.kind !== "ipv4") throw this.unexpected(["network mask"]);
      this.take();
      const parts = maskToken.text.split(".").map((part) => (/^0[xX]/.test(part) ? 256 : Number(part)));
      if (parts.some((part) => part > 255)) {
        throw this.problem(maskToken, `${quoted(maskToken.text)} is not a network mask`);
      }
      mask = (parts.reduce((sum, part) => sum * 256 + part, 0) * 2 ** (32 - 8 * parts.length)) >>> 0;
      this.requireNet(token, qualifiers);
      this.requireNetwork(token, value, mask);
    }
    return this.ipv4Node(value, mask, qualifiers, token);
  }

  private requireNet(token: PcapToken, { type }: Qualifiers): void {
    if (type !== "net") {
      throw this.problem(token, "only a net has a mask or a prefix length", `Write net ${token.text}/...`);
    }
  }

  private requireNetwork(token: PcapToken, value: number, mask: number): void {
    if ((value & ~mask) === 0) return;
    const network = printIpAddress({ version: 4, value: (value & mask) >>> 0 });
    throw this.problem(
      token,
      `${quoted(token.text)} has bits set outside its mask`,
      `The network is ${network}`,
    );
  }

  private ipv4Node(value: number, mask: number, qualifiers: Qualifiers, token: PcapToken): PcapPrimitiveNode {
    const { protocol, direction, type } = qualifiers;
    if (type !== undefined && type !== "host" && type !== "net") {
      throw this.problem(token, `an IP address is no ${type}`);
    }
    if (protocol === "ip6") {
      throw this.problem(
        token,
        `${quoted(token.text)} is an IPv4 address`,
        "Leave ip6 out, or write an IPv6 address",
      );
    }
    if (protocol === "decnet") throw this.problem(token, "DECnet addresses are not supported");
    if (protocol !== undefined && protocol !== "ip" && protocol !== "arp" && protocol !== "rarp") {
      throw this.problem(
        token,
        `${quoted(protocol)} has no ${type ?? "host"} addresses of its own`,
        protocol === "ether"
          ? "Write an Ethernet address, or leave ether out"
          : `Write ${protocol} and ${type ?? "host"} ...`,
      );
    }
    const address = { version: 4, value } as const;
    if (mask === 0xffffffff) return { kind: "host", protocol, direction, address };
    return { kind: "net", protocol, direction, address, mask: { version: 4, value: mask } };
  }

  private ipv6(token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
    const words = parseIpv6Words(token.text.toLowerCase());
    if (words === undefined) throw this.problem(token, `${quoted(token.text)} is not an IPv6 address`);
    const address: IpAddress = { version: 6, words };
    let length = 128;
    if (this.isSymbol("/")) {
      this.take();
      length = this.number("prefix length");
      if (length > 128) throw this.problem(token, `prefix length ${length} is more than 128`);
    }
    const network = networkAddress(address, length);
    if (network.version === 6 && network.words.some((word, at) => word !== words[at])) {
      const shown = printIpAddress(network);
      throw this.problem(
        token,
        `${quoted(token.text)} has bits set outside its mask`,
        `The network is ${shown}`,
      );
    }
    const { protocol, direction, type } = qualifiers;
    if (type !== undefined && type !== "host" && type !== "net") {
      throw this.problem(token, `an IP address is no ${type}`);
    }
    if (length !== 128) this.requireNet(token, qualifiers);
    if (protocol !== undefined && protocol !== "ip6") {
      throw this.problem(
        token,
        `${quoted(token.text)} is an IPv6 address, which ${quoted(protocol)} does not have`,
        protocol === "ip" || protocol === "arp" || protocol === "rarp"
          ? undefined
          : `Write ${protocol} and host ...`,
      );
    }
    if (length === 128) return { kind: "host", protocol: "ip6", direction, address };
    const mask: IpAddress = {
      version: 6,
      words: [0, 32, 64, 96].map((from) => prefixMask(length - from) >>> 0) as [
        number,
        number,
        number,
        number,
      ], // four in, four out
    };
    return { kind: "net", protocol: "ip6", direction, address, mask };
  }

  private mac(token: PcapToken, { protocol, direction, type }: Qualifiers): PcapPrimitiveNode {
    if (protocol !== "ether" || (type !== undefined && type !== "host")) {
      throw this.problem(
        token,
        `${quoted(token.text)} is an Ethernet address`,
        `Write ether host ${token.text}`,
      );
    }
    const digits = /[-:.]/.test(token.text) ? token.text.split(/[-:.]/) : (token.text.match(/../g) ?? []);
    const address = digits.flatMap((piece) =>
      piece.length > 2 ? [piece.slice(0, 2), piece.slice(2)] : [piece],
    );
    return { kind: "ether-host", direction, address: address.map((piece) => Number.parseInt(piece, 16)) };
  }

  private numberNode(value: number, qualifiers: Qualifiers | undefined, token: PcapToken): PcapPrimitiveNode {
    if (qualifiers === undefined) {
      throw this.problem(
        token,
        `unexpected ${quoted(token.text)}`,
        `Say what the number is: port ${token.text}`,
      );
    }
    const { protocol, direction, type } = qualifiers;
    switch (type) {
      case undefined:
      case "host":
        return this.ipv4Node(value, 0xffffffff, qualifiers, token);
      case "net": {
        // `net 10` is 10.0.0.0/8: the number is moved to the left until its first byte is not 0.
        let address = value;
        let mask = 0xffffffff;
        while (address !== 0 && address >>> 24 === 0) {
          address = (address << 8) >>> 0;
          mask = (mask << 8) >>> 0;
        }
        return this.ipv4Node(address, mask, qualifiers, token);
      }
      case "port":
      case "portrange":
        return this.portNode(value, value, qualifiers, token);
      case "proto":
      case "protochain":
        return this.protoNode(value, { protocol, direction, type }, token);
    }
  }

  private portNode(low: number, high: number, qualifiers: Qualifiers, token: PcapToken): PcapPrimitiveNode {
    const { protocol, direction } = qualifiers;
    if (protocol !== undefined && protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
      throw this.problem(token, `${quoted(protocol)} has no ports`, "tcp, udp and sctp have");
    }
    if (Math.max(low, high) > 65_535) {
      throw this.problem(token, `port ${Math.max(low, high)} is more than 65535`);
    }
    return { kind: "port", protocol, direction, low: Math.min(low, high), high: Math.max(low, high) };
  }

  private protoNode(number: number, qualifiers: Qualifiers, token: PcapToken): PcapPrimitiveNode {
    const { protocol, type } = qualifiers;
    if (type === "protochain") {
      if (protocol === undefined || protocol === "ip" || protocol === "ip6")
        return { kind: type, protocol, number };
      throw this.problem(token, `${quoted(protocol)} has no chain of headers`, "ip and ip6 have");
    }
    switch (protocol) {
      case undefined:
      case "ip":
      case "ip6":
      case "ether":
      case "iso":
      case "isis":
        return { kind: "proto", protocol, number };
      default:
        throw this.problem(
          token,
          `${quoted(protocol)} carries no protocols that can be told apart`,
          "ether, ip, ip6, iso and isis do",
        );
    }
  }

  private named(token: PcapToken, qualifiers: Qualifiers): PcapPrimitiveNode {
    const { type, protocol } = qualifiers;
    switch (type) {
      case "port": {
        const found = this.portOf(token.text, token, protocol);
        return this.portNode(
          found.port,
          found.port,
          { ...qualifiers, protocol: protocol ?? found.transport },
          token,
        );
      }
      case "portrange": {
        const [low, high] = this.portRange(token);
        const transport = low.transport === high.transport ? low.transport : undefined;
        return this.portNode(low.port, high.port, { ...qualifiers, protocol: protocol ?? transport }, token);
      }
      case "proto":
      case "protochain":
        return this.protoNode(this.protocolNumber(token, protocol), qualifiers, token);
      default: {
        const hint = this.hintForId(token);
        throw this.problem(
          token,
          protocol === "ether"
            ? `${quoted(token.text)} is not an Ethernet address`
            : `${quoted(token.text)} is not an IP address`,
          hint ?? "Names are not looked up: a sensor does no DNS. Write the address",
        );
      }
    }
  }

  private portOf(name: string, token: PcapToken, protocol?: string) {
    if (/^[0-9]+$/.test(name)) return { port: Number(name), transport: undefined };
    const found = portByName(name);
    if (found === undefined) {
      throw this.problem(
        token,
        `${quoted(name)} is not a port that has a name here`,
        /^[0-9]+-[0-9]+$/.test(name) ? `Write portrange ${name}` : "Write its number",
      );
    }
    if (protocol !== undefined && found.transport !== undefined && found.transport !== protocol) {
      throw this.problem(token, `port ${quoted(name)} is a port of ${found.transport}`);
    }
    return found;
  }

  private portRange(token: PcapToken) {
    const numbers = /^([0-9]+)-([0-9]+)$/.exec(token.text);
    if (numbers !== null) {
      return [
        { port: Number(numbers[1]), transport: undefined },
        { port: Number(numbers[2]), transport: undefined },
      ] as const;
    }
    const at = token.text.indexOf("-");
    if (at === -1)
      throw this.problem(token, `${quoted(token.text)} is not a range of ports`, "Write 6000-6008");
    return [
      this.portOf(token.text.slice(0, at), token),
      this.portOf(token.text.slice(at + 1), token),
    ] as const;
  }

  private protocolNumber(token: PcapToken, protocol: string | undefined): number {
    const name = token.text;
    const number =
      protocol === "ether"
        ? etherProtocolByName(name)
        : protocol === "iso"
          ? isoProtocolByName(name)
          : protocol === undefined || protocol === "ip" || protocol === "ip6"
            ? ipProtocolByName(name)
            : undefined;
    if (number !== undefined) return number;
    throw this.problem(token, `${quoted(name)} is not a protocol that has a name here`, "Write its number");
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
    return { kind: "llc", type: type as LlcType }; // it is in the set of them
  }

  private time(side: "before" | "after"): PcapNode {
    this.token = this.tokenizer.nextTime();
    const token = this.token;
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

  private number(expected: string): number {
    const token = this.token;
    if (token.kind !== "number") throw this.unexpected([expected]);
    if (typeof token.value === "string") {
      throw this.problem(token, `number ${quoted(token.text)} ${token.value}`);
    }
    this.take();
    return token.value;
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

  private isEnd(): boolean {
    return this.token.kind === "end";
  }

  private isWord(word: string): boolean {
    return this.token.kind === "word" && this.token.text === word;
  }

  private isSymbol(symbol: string): boolean {
    return this.token.kind === "symbol" && this.token.text === symbol;
  }

  private take(): PcapToken {
    const token = this.token;
    this.token = this.tokenizer.next();
    return token;
  }

  private hintForId(token: PcapToken): string | undefined {
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

  private unexpected(expected: readonly string[], hint?: string, token = this.token): FilterSyntaxError {
    const found = wordAt(this.text, token.start);
    const written = this.text.slice(token.start, token.end);
    const shown = token.kind === "unknown" || found.startsWith(written) ? found || written : written;
    const isEnd = token.kind === "end";
    let help =
      hint ?? (token.kind === "name" || token.kind.startsWith("ip") ? this.hintForId(token) : undefined);
    if (help === undefined && this.isSymbol("/"))
      help = "Write all four numbers of an address with a prefix length";
    return this.problem(
      token,
      isEnd ? "filter ends too early" : `unexpected ${quoted(shown)}`,
      help,
      expected,
    );
  }

  private problem(
    token: PcapToken,
    problem: string,
    hint?: string,
    expected: readonly string[] = [],
  ): FilterSyntaxError {
    return new FilterSyntaxError({ text: this.text, offset: token.start, problem, hint, expected });
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
