import { addressBits, prefixLengthOf, printIpAddress } from "../address.js";
import { printAgo, printTime } from "../time.js";
import {
  type ArithmeticNode,
  type Direction,
  isPcapBinary,
  type PcapFilterNode,
  type PcapNode,
  type PcapPrimitiveNode,
} from "./ast.js";
import { foldPcap } from "./walk.js";

/**
 * The filter as canonical text: every test in full, every `and` and `or` in parentheses (one pair around several of a
 * kind, `(a or b or c)`), numbers in decimal.
 *
 * It parses to the same tree, and tcpdump reads the same in it (but `before` and `after`, which it does not know).
 *
 * @throws RangeError for a number or time in the tree that no filter can hold
 */
export function printPcapFilter(filter: PcapFilterNode): string {
  const parts: string[] = [];
  writeOut(filter, (part) => {
    parts.push(part);
    return true;
  });
  return parts.join("");
}

/** Whether the printed filter is no longer than so many characters. */
export function isPrintedWithin(filter: PcapFilterNode, maxLength: number): boolean {
  let length = 0;
  writeOut(filter, (part) => {
    length += part.length;
    return length <= maxLength;
  });
  return length <= maxLength;
}

/** Gives the text piece by piece, until `take` has had enough. */
function writeOut(filter: PcapFilterNode, take: (part: string) => boolean): void {
  // A stack of its own: the tree may be as deep as the text is long.
  const pending: (PcapNode | string)[] = [filter.expression];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (typeof item === "string") {
      if (!take(item)) return;
    } else if (isPcapBinary(item)) {
      const { kind } = item;
      pending.push(")");
      let left: PcapNode = item;
      const isFlat = alternationsOf(item) > mostAlternations;
      for (; isPcapBinary(left) && (isFlat || left.kind === kind); left = left.left)
        pending.push(left.right, ` ${left.kind} `);
      pending.push(left, "(");
    } else if (item.kind === "not") {
      // Two in a row are none.
      if (item.operand.kind === "not") pending.push(item.operand.operand);
      else pending.push(item.operand, "not ");
    } else if (!take(printPrimitive(item))) return;
  }
}

/** Where `and` and `or` follow one another by turns more often than this, the parentheses around them are left out. */
const mostAlternations = 100;

/** How often `and` and `or` change along the left side. */
function alternationsOf(node: PcapNode): number {
  let changes = 0;
  for (let at = node; isPcapBinary(at) && changes <= mostAlternations; at = at.left)
    if (isPcapBinary(at.left) && at.left.kind !== at.kind) changes++;
  return changes;
}

/** How deep the parser has to nest to read the printed filter. */
export function printedNesting(filter: PcapFilterNode): number {
  return foldPcap<number>(filter.expression, {
    primitive: (node) =>
      node.kind === "relation" ? Math.max(arithmeticNesting(node.left), arithmeticNesting(node.right)) : 0,
    not: (operand) => operand + 1,
    binary: (kind, left, right, node) => {
      const goesOn = isPcapBinary(node) && node.left.kind === kind;
      // Longer chains of and and or by turns are printed without parentheses between them.
      return Math.max(goesOn ? left : Math.min(left + 1, Math.max(left, mostAlternations + 1)), right + 1);
    },
  });
}

function arithmeticNesting(node: ArithmeticNode): number {
  switch (node.kind) {
    case "load":
      return arithmeticNesting(node.offset) + 1;
    case "negative":
      return arithmeticNesting(node.operand) + 2;
    case "operation":
      return Math.max(arithmeticNesting(node.left) + 1, arithmeticNesting(node.right) + 2);
    default:
      return 0;
  }
}

function printPrimitive(node: PcapPrimitiveNode): string {
  switch (node.kind) {
    case "host":
      return sentence(
        node.protocol === "ip6" ? undefined : node.protocol,
        node.direction,
        "host",
        printIpAddress(node.address),
      );
    case "net": {
      const { address, mask } = node;
      const length = prefixLengthOf(mask);
      const network = printIpAddress(address);
      const written =
        length === undefined ? `${network} mask ${printIpAddress(mask)}` : `${network}/${length}`;
      const protocol = node.protocol === "ip6" ? undefined : node.protocol;
      return length === addressBits(address)
        ? sentence(protocol, node.direction, "host", network)
        : sentence(protocol, node.direction, "net", written);
    }
    case "ether-host":
      return sentence("ether", node.direction, "host", node.address.map(hexByte).join(":"));
    case "port": {
      const { low, high } = node;
      if (high < low) throw new RangeError(`ports ${low} to ${high} are no range`);
      const [first, last] = [checked("port", low, 0xffff), checked("port", high, 0xffff)];
      return first === last
        ? sentence(node.protocol, node.direction, "port", first)
        : sentence(node.protocol, node.direction, "portrange", `${first}-${last}`);
    }
    case "proto":
    case "protochain":
      return sentence(node.protocol, undefined, node.kind, checked(node.kind, node.number, 0xffffffff));
    case "protocol":
      return node.name;
    case "broadcast":
    case "multicast":
      return `${node.protocol} ${node.kind}`;
    case "relation":
      return `${printArithmetic(node.left)} ${node.operator} ${printArithmetic(node.right)}`;
    case "vlan":
      return sentence("vlan", undefined, undefined, optional("vlan", node.id, 0xfff));
    case "mpls":
      return sentence("mpls", undefined, undefined, optional("mpls", node.label, 0xfffff));
    case "pppoes":
      return sentence("pppoes", undefined, undefined, optional("pppoes", node.session, 0xffff));
    case "geneve":
      return sentence("geneve", undefined, undefined, optional("geneve", node.vni, 0xffffff));
    case "llc":
      return sentence("llc", undefined, undefined, node.type);
    case "pppoed":
    case "inbound":
    case "outbound":
      return node.kind;
    case "ifindex":
      return `ifindex ${checked("ifindex", node.index, 0xffffffff)}`;
    case "before":
    case "after":
      return `${node.kind} ${node.time.kind === "ago" ? printAgo(node.time) : printTime(node.time.timestampNs)}`;
    default:
      throw new RangeError("not a filter node");
  }
}

function sentence(
  protocol: string | undefined,
  direction: Direction | undefined,
  type: string | undefined,
  value: string | undefined,
): string {
  return [protocol, direction, type, value].filter((word) => word !== undefined).join(" ");
}

function printArithmetic(node: ArithmeticNode): string {
  switch (node.kind) {
    case "number":
      return checked("number", node.value, 0xffffffff);
    case "length":
      return "len";
    case "load": {
      const size = node.size === 1 ? "" : `:${node.size}`;
      return `${node.protocol}[${printArithmetic(node.offset)}${size}]`;
    }
    case "negative":
      return `(- ${printArithmetic(node.operand)})`;
    case "operation":
      return `(${printArithmetic(node.left)} ${node.operator} ${printArithmetic(node.right)})`;
  }
}

function hexByte(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 255) throw new RangeError(`${value} is not a byte`);
  return value.toString(16).padStart(2, "0");
}

function optional(what: string, value: number | undefined, most: number): string | undefined {
  return value === undefined ? undefined : checked(what, value, most);
}

function checked(what: string, value: number, most: number): string {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${what} ${String(value)} is out of range: it takes a whole number, 0 to ${most}`);
  }
  return String(value);
}
