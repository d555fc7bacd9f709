import type { ArithmeticNode, PcapRelationNode } from "../ast.js";
import { calculate } from "../calculate.js";
import { all, behind, type Condition, compare, not, type Place, type Value } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import type { Headers } from "./headers.js";
import { hasType } from "./link-layer.js";
import { etherType, ipProtocol } from "./numbers.js";
import { isFirstFragment, isProtocol } from "./protocols.js";

/** A comparison of two numbers; before it, that the protocols are there that they are loaded from. */
export function isRelation(headers: Headers, { operator, left, right }: PcapRelationNode): Condition {
  const first = numberOf(headers, left);
  const second = numberOf(headers, right);
  const comparison =
    operator === "=" || operator === "!=" ? "eq" : operator === ">" || operator === "<=" ? "gt" : "ge";
  const test = comparisonOf(first.value, second.value, comparison);
  const isNegated = operator === "!=" || operator === "<=" || operator === "<";
  const compared = isNegated ? not(test) : test;
  const [check, ...more] = [...first.checks, ...second.checks];
  return check === undefined ? compared : all(check, ...more, compared);
}

/** A number, and what has to be so before it is looked at. */
interface CheckedValue {
  readonly value: Value;
  readonly checks: readonly Condition[];
}

function numberOf(headers: Headers, node: ArithmeticNode): CheckedValue {
  switch (node.kind) {
    case "number":
      return { value: { op: "constant", value: node.value >>> 0 }, checks: [] };
    case "length":
      return { value: { op: "length" }, checks: [] };
    case "negative": {
      const { value, checks } = numberOf(headers, node.operand);
      return { value: folded({ op: "negative", operand: value }), checks };
    }
    case "load":
      return loadOf(headers, node);
    case "operation": {
      const left = numberOf(headers, node.left);
      const right = numberOf(headers, node.right);
      refuseConstant(node.operator, node.right);
      return {
        value: folded({ op: node.operator, left: left.value, right: right.value }),
        // libpcap 1.10 forgets what the right side's loads check: `1 + tcp[0]` looks into any packet.
        checks: left.checks,
      };
    }
  }
}

function loadOf(
  headers: Headers,
  { protocol, size, offset }: Extract<ArithmeticNode, { kind: "load" }>,
): CheckedValue {
  const { value: index, checks } = numberOf(headers, offset);
  const { network } = headers;
  const made = (place: Place, checked: readonly Condition[], behindIpv4?: Place): CheckedValue => ({
    value: { op: "load", size, place, index, behindIpv4 },
    checks: checked,
  });
  switch (protocol) {
    case "ether":
      return made(headers.linkHeader, checks);
    case "ip":
    case "ip6":
    case "arp":
    case "rarp":
    case "atalk":
    case "decnet":
    case "sca":
    case "lat":
    case "moprc":
    case "mopdl":
      return made(network, [...checks, isProtocol(headers, protocol)]);
    case "icmp6":
      return made(behind(network, 40), [
        ...checks,
        hasType(headers, etherType.ipv6),
        compare(1, network, 6, ipProtocol.icmp6),
      ]);
    default:
      return made(
        network,
        [
          hasType(headers, etherType.ipv4),
          ...checks,
          isProtocol(headers, protocol),
          isFirstFragment(headers),
        ],
        network,
      );
  }
}

/** libpcap looks at the first number of the right side only. (Its optimizer refuses more, where it meets it.) */
function refuseConstant(operator: string, written: ArithmeticNode): void {
  const number = firstNumber(written);
  if ((operator === "/" || operator === "%") && number === 0) {
    throw new FilterMeaningError(operator === "/" ? "division by zero" : "remainder of a division by zero");
  }
  if ((operator === "<<" || operator === ">>") && number !== undefined && number > 31) {
    throw new FilterMeaningError("a shift by more than 31 bits");
  }
}

/** The number that arithmetic begins with, if it begins with one. */
function firstNumber(node: ArithmeticNode): number | undefined {
  let first = node;
  for (;;) {
    if (first.kind === "operation") first = first.left;
    else if (first.kind === "negative") first = first.operand;
    else if (first.kind === "load") first = first.offset;
    else return first.kind === "number" ? first.value : undefined;
  }
}

function folded(value: Value): Value {
  if (value.op === "negative") {
    return value.operand.op === "constant" ? { op: "constant", value: -value.operand.value >>> 0 } : value;
  }
  if (value.op === "constant" || value.op === "length" || value.op === "load") return value;
  const { left, right } = value;
  if (left.op !== "constant" || right.op !== "constant") return value;
  if (right.value === 0 && (value.op === "/" || value.op === "%")) return value;
  return { op: "constant", value: calculate(value.op, left.value, right.value) };
}

/** The comparison in its cheapest form: most are of a few bytes, perhaps masked, with a constant. */
function comparisonOf(left: Value, right: Value, comparison: "eq" | "gt" | "ge"): Condition {
  if (right.op === "constant") {
    const isMasked = left.op === "&" && left.left.op === "load" && left.right.op === "constant";
    const loaded = isMasked && left.op === "&" ? left.left : left;
    const mask = isMasked && left.op === "&" && left.right.op === "constant" ? left.right.value : 0xffffffff;
    if (loaded.op === "load" && loaded.index.op === "constant" && loaded.index.value < 0x10000000) {
      return {
        op: "compare",
        size: loaded.size,
        place: behind(loaded.place, loaded.index.value),
        behindIpv4: loaded.behindIpv4,
        mask,
        comparison,
        value: right.value,
      };
    }
  }
  return { op: "values", left, right, comparison };
}
