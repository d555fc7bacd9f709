import type { FrameMatcher } from "../frame-matcher.js";
import { maxComparisons } from "../limits.js";
import { absent, LookUpTables, lookUp } from "../look-up-tables.js";
import { calculate } from "./calculate.js";
import type {
  ChainTest,
  CompareTest,
  Condition,
  Place,
  TagTest,
  Test,
  TunnelTest,
  Value,
} from "./condition.js";
import { FilterCostError } from "./cost-error.js";
import { type Decision, decisionOf } from "./decision.js";
import type { SkippedTags } from "./lower/headers.js";
import type { Lowered } from "./lower/lower.js";
import { accept, reject, type Step } from "./step.js";
import { isVlanTag } from "./vlan-tags.js";
import { worstCost } from "./worst-cost.js";

// One node of a program, nine numbers in one array: typed arrays and `switch` over small integers are what V8 makes
// straight code of, without generating any source.
const width = 9;
const opAt = 0; // a LoadOp; 6: call; from 7 on a LoadOp that a register is added to
const offsetAt = 1;
const maskAt = 2;
const valueAt = 3;
const trueAt = 4;
const falseAt = 5;
const extraAt = 6; // where the IPv4 header is; which function to call
const comparisonAt = 7; // 0: equal, 1: greater, 2: greater or equal, 3: bits in common, 4: the table at `valueAt`
const registerAt = 8; // what is added to the offset, from op 7 on
const callOp = 6;
const firstMovedOp = 7;
const tableComparison = 4;

/** What functions that a step calls get to know of the packet. */
interface Packet {
  bytes: Uint8Array;
  start: number;
  captured: number;
  original: number;
  seconds: number;
  nanoseconds: number;
  readonly registers: Int32Array;
  /** Set by a load past the end. */
  isCut: boolean;
}

type Call = (packet: Packet) => boolean;

/**
 * The function that decides frame by frame.
 *
 * @throws FilterCostError
 */
export function program(lowered: Lowered): FrameMatcher {
  const { decision, calls } = decide(lowered);
  const cost = worstCost(decision, calls.costs);
  if (cost > maxComparisons) throw new FilterCostError(cost, maxComparisons);
  const { code, tables, first } = encode(decision);
  const packet: Packet = {
    bytes: new Uint8Array(0),
    start: 0,
    captured: 0,
    original: 0,
    seconds: 0,
    nanoseconds: 0,
    registers: new Int32Array(lowered.registers),
    isCut: false,
  };
  const { tags } = lowered;
  const functions = calls.list;
  const usesPacket = calls.list.length > 0 || tags !== undefined;
  const usesRegisters = lowered.registers > 0;

  return (bytes, start, captured, original, seconds, nanoseconds) => {
    if (first < 0) return first === accept;
    if (usesPacket) {
      packet.bytes = bytes;
      packet.start = start;
      packet.captured = captured;
      packet.original = original;
      packet.seconds = seconds;
      packet.nanoseconds = nanoseconds;
      if (usesRegisters) packet.registers.fill(0);
      if (tags !== undefined) skipTags(packet, tags);
    }
    let at = first;
    for (;;) {
      let value = 0;
      // The casts below: steps are nine numbers each, and offsets were compared with what was captured.
      switch (code[at + opAt]) {
        case 0: {
          const offset = code[at + offsetAt] as number;
          if (offset >= captured) return false;
          value = bytes[start + offset] as number;
          break;
        }
        case 1: {
          const offset = code[at + offsetAt] as number;
          if (offset + 2 > captured) return false;
          const from = start + offset;
          value = ((bytes[from] as number) << 8) | (bytes[from + 1] as number);
          break;
        }
        case 2: {
          const offset = code[at + offsetAt] as number;
          if (offset + 4 > captured) return false;
          const from = start + offset;
          value =
            ((bytes[from] as number) << 24) |
            ((bytes[from + 1] as number) << 16) |
            ((bytes[from + 2] as number) << 8) |
            (bytes[from + 3] as number);
          break;
        }
        case 3: {
          const header = code[at + extraAt] as number;
          if (header >= captured) return false;
          const offset = (code[at + offsetAt] as number) + 4 * ((bytes[start + header] as number) & 15);
          if (offset >= captured) return false;
          value = bytes[start + offset] as number;
          break;
        }
        case 4: {
          const header = code[at + extraAt] as number;
          if (header >= captured) return false;
          const offset = (code[at + offsetAt] as number) + 4 * ((bytes[start + header] as number) & 15);
          if (offset + 2 > captured) return false;
          const from = start + offset;
          value = ((bytes[from] as number) << 8) | (bytes[from + 1] as number);
          break;
        }
        case 5: {
          const header = code[at + extraAt] as number;
          if (header >= captured) return false;
          const offset = (code[at + offsetAt] as number) + 4 * ((bytes[start + header] as number) & 15);
          if (offset + 4 > captured) return false;
          const from = start + offset;
          value =
            ((bytes[from] as number) << 24) |
            ((bytes[from + 1] as number) << 16) |
            ((bytes[from + 2] as number) << 8) |
            (bytes[from + 3] as number);
          break;
        }
        case callOp: {
          packet.isCut = false;
          const passes = (functions[code[at + extraAt] as number] as Call)(packet);
          if (packet.isCut) return false;
          at = code[at + (passes ? trueAt : falseAt)] as number;
          if (at < 0) return at === accept;
          continue;
        }
        default:
          packet.isCut = false;
          value = loadMoved(packet, code, at);
          if (packet.isCut) return false;
      }
      value &= code[at + maskAt] as number;
      const wanted = code[at + valueAt] as number;
      let passes: boolean;
      switch (code[at + comparisonAt]) {
        case 0:
          passes = value === wanted;
          break;
        case 1:
          passes = value >>> 0 > wanted >>> 0;
          break;
        case 2:
          passes = value >>> 0 >= wanted >>> 0;
          break;
        case 3:
          passes = (value & wanted) !== 0;
          break;
        default: {
          const found = lookUp(tables, wanted, value);
          at = found === absent ? (code[at + falseAt] as number) : found;
          if (at < 0) return at === accept;
          continue;
        }
      }
      at = code[at + (passes ? trueAt : falseAt)] as number;
      if (at < 0) return at === accept;
    }
  };
}

/** How many comparisons the program makes for the packet that takes longest, at most. */
export function programCost(lowered: Lowered): number {
  const { decision, calls } = decide(lowered);
  return worstCost(decision, calls.costs);
}

function decide({ condition }: Lowered): { decision: Decision; calls: Calls } {
  const { steps, calls, first } = assemble(condition);
  return { decision: decisionOf(steps, first) ?? plainDecision(steps, first), calls };
}

interface Pending {
  readonly node: Condition;
  readonly whenTrue: number;
  readonly whenFalse: number;
  /** The operator that joins this left side with the right one, which is laid out by now. */
  readonly before: "and" | "or" | undefined;
}

/** Lays the conditions out as steps with jumps, the last one first, so that each jump's target is known. */
function assemble(condition: Condition) {
  const steps: Step[] = [];
  const calls = new Calls();
  let first: number = reject;
  const pending: Pending[] = [{ node: condition, whenTrue: accept, whenFalse: reject, before: undefined }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node } = item;
    // What must be decided by the other side goes there: its first step is the one laid out last.
    const whenTrue = item.before === "and" ? first : item.whenTrue;
    const whenFalse = item.before === "or" ? first : item.whenFalse;
    switch (node.op) {
      case "and":
      case "or":
        pending.push({ node: node.left, whenTrue, whenFalse, before: node.op });
        pending.push({ node: node.right, whenTrue, whenFalse, before: undefined });
        break;
      case "not":
        pending.push({ node: node.operand, whenTrue: whenFalse, whenFalse: whenTrue, before: undefined });
        break;
      case "constant":
        first = node.value ? whenTrue : whenFalse;
        break;
      default:
        first = steps.length;
        steps.push(stepOf(node, whenTrue, whenFalse, calls));
    }
  }
  return { steps, calls, first };
}

/** About: headers and tags are as many as a packet has. */
function costOf(test: CalledTest): number {
  switch (test.op) {
    case "values":
      return countValues(test.left) + countValues(test.right);
    case "chain":
      return 8;
    default:
      return 4;
  }
}

function countValues(value: Value): number {
  let count = 0;
  const pending = [value];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    count++;
    if (item.op === "load") pending.push(item.index);
    else if (item.op === "negative") pending.push(item.operand);
    else if ("left" in item) pending.push(item.left, item.right);
  }
  return count;
}

/** The functions that steps call. What one gives for a packet does not change, so the same test is the same function. */
class Calls {
  readonly list: Call[] = [];
  /** What each costs, in comparisons. */
  readonly costs: number[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(test: CalledTest): number {
    const name = JSON.stringify(test);
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.list.length);
    this.costs.push(costOf(test));
    return this.list.push(callOf(test)) - 1;
  }
}

/** The program as it was laid out, for one that is too large to be made shorter. */
function plainDecision(steps: readonly Step[], first: number): Decision {
  const nodes = steps.map((step) => ({
    step,
    whenTrue: step.whenTrue,
    whenFalse: step.whenFalse,
    cases: undefined,
  }));
  return { nodes, first };
}

const comparisons = { eq: 0, gt: 1, ge: 2, set: 3 } as const;

function encode({ nodes, first }: Decision) {
  const target = (node: number) => (node < 0 ? node : node * width);
  const code = new Int32Array(nodes.length * width);
  const tables = new LookUpTables();
  for (const [index, { step, whenTrue, whenFalse, cases }] of nodes.entries()) {
    const at = index * width;
    const isMoved = step.register !== -1;
    code[at + opAt] = step.call !== undefined ? callOp : isMoved ? firstMovedOp + step.op : step.op;
    code[at + offsetAt] = step.offset;
    code[at + maskAt] = step.mask;
    code[at + valueAt] =
      cases === undefined ? step.value : tables.add([...cases].map(([value, to]) => [value, target(to)]));
    code[at + trueAt] = target(whenTrue);
    code[at + falseAt] = target(whenFalse);
    code[at + extraAt] = step.call ?? step.header;
    code[at + registerAt] = step.register;
    code[at + comparisonAt] = cases === undefined ? comparisons[step.comparison] : tableComparison;
  }
  return { code, tables: tables.encoded(), first: target(first) };
}

const loads = { 1: 0, 2: 1, 4: 2 } as const;
const loadsBehindIpv4 = { 1: 3, 2: 4, 4: 5 } as const;

type CalledTest = Exclude<Test, CompareTest>;

function stepOf(test: Test, whenTrue: number, whenFalse: number, calls: Calls): Step {
  if (test.op !== "compare") {
    const call = calls.numberOf(test);
    return { ...noLoad, call, whenTrue, whenFalse };
  }
  const { size, place, behindIpv4, mask, comparison, value } = test;
  return {
    op: behindIpv4 === undefined ? loads[size] : loadsBehindIpv4[size],
    offset: place.at,
    header: behindIpv4?.at ?? 0,
    // That of the header, too: what stands behind a header moves with it.
    register: place.register,
    mask: mask | 0,
    comparison,
    value: value | 0,
    call: undefined,
    whenTrue,
    whenFalse,
  };
}

const noLoad = { op: 0, offset: 0, header: 0, register: -1, mask: 0, comparison: "eq", value: 0 } as const;

function callOf(test: CalledTest): Call {
  switch (test.op) {
    case "values": {
      const left = evaluator(test.left);
      const right = evaluator(test.right);
      const { comparison } = test;
      return (packet) => {
        const a = left(packet);
        const b = right(packet);
        if (comparison === "eq") return a === b;
        return comparison === "gt" ? a > b : a >= b;
      };
    }
    case "chain":
      return chain(test);
    case "geneve":
      return tunnel(test);
    case "ethernet-inside":
      return ({ registers }) => registers[test.first] !== registers[test.second];
    case "vlan-tag":
      return vlanTag(test);
    case "time":
      return ({ seconds, nanoseconds }) =>
        seconds > test.seconds || (seconds === test.seconds && nanoseconds >= test.nanoseconds);
  }
}

function placeIn({ registers }: Packet, { at, register }: Place): number {
  return register === -1 ? at : at + ((registers[register] ?? 0) >>> 0);
}

function headerLength(packet: Packet, place: Place): number {
  return 4 * (load(packet, placeIn(packet, place), 1) & 15);
}

/** What a step loads whose place a register moves. */
function loadMoved(packet: Packet, code: Int32Array, at: number): number {
  // The casts: steps are nine numbers each, and name registers that there are.
  const op = (code[at + opAt] as number) - firstMovedOp;
  const moved = packet.registers[code[at + registerAt] as number] as number;
  let offset = (code[at + offsetAt] as number) + moved;
  if (op > 2) offset += 4 * (load(packet, (code[at + extraAt] as number) + moved, 1) & 15);
  return load(packet, offset, sizes[op % 3] as 1 | 2 | 4);
}

const sizes = [1, 2, 4] as const;

/** The unsigned number at an offset of the frame; 0, and noted, where it was not captured. */
function load(packet: Packet, offset: number, size: 1 | 2 | 4): number {
  if (offset < 0 || offset + size > packet.captured) {
    packet.isCut = true;
    return 0;
  }
  const { bytes } = packet;
  const at = packet.start + offset;
  // In range, see above.
  if (size === 1) return bytes[at] as number;
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (size === 2) return high;
  return ((high << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/** A function that works the value out: unsigned, 32 bits. */
function evaluator(value: Value): (packet: Packet) => number {
  switch (value.op) {
    case "constant": {
      const number = value.value >>> 0;
      return () => number;
    }
    case "length":
      return (packet) => packet.original >>> 0;
    case "negative": {
      const operand = evaluator(value.operand);
      return (packet) => -operand(packet) >>> 0;
    }
    case "load": {
      const index = evaluator(value.index);
      const { place, behindIpv4, size } = value;
      return (packet) => {
        // The index wraps round together with the header's length and the register, as in libpcap: `tcp[-20]`.
        const header = behindIpv4 === undefined ? 0 : headerLength(packet, behindIpv4);
        const register = place.register === -1 ? 0 : (packet.registers[place.register] ?? 0);
        return load(packet, place.at + ((index(packet) + header + register) >>> 0), size);
      };
    }
    default: {
      const { op } = value;
      const left = evaluator(value.left);
      const right = evaluator(value.right);
      if (op !== "/" && op !== "%") return (packet) => calculate(op, left(packet), right(packet));
      return (packet) => {
        const divisor = right(packet);
        // A division by zero ends the filter: the packet does not match.
        if (divisor === 0) {
          packet.isCut = true;
          return 0;
        }
        return calculate(op, left(packet), divisor);
      };
    }
  }
}

/** With libpcap's slip about authentication headers a packet can lead back to a header before, for ever. */
const mostHeaders = 512;

/** Goes along the headers of an IP packet until one is the wanted protocol or none is known to follow. */
function chain({ version, number, place }: ChainTest): Call {
  return (packet) => {
    const base = placeIn(packet, place);
    let protocol = load(packet, base + (version === 4 ? 9 : 6), 1);
    let at = version === 4 ? 4 * (load(packet, base, 1) & 15) : 40;
    for (let left = mostHeaders; protocol !== number && protocol !== 59 && !packet.isCut; left--) {
      if (left === 0) {
        packet.isCut = true;
        break;
      }
      const isExtension =
        version === 6 && (protocol === 0 || protocol === 60 || protocol === 43 || protocol === 44);
      if (!isExtension && protocol !== 51) break;
      protocol = load(packet, base + at, 1);
      const length = load(packet, base + at + 1, 1);
      // The authentication header counts in words. libpcap 1.10 forgets to add where it stands.
      at = isExtension ? at + (length + 1) * 8 : (length + 2) * 4;
    }
    return protocol === number;
  };
}

/** Notes where the Ethernet type, the Ethernet header and the payload in a Geneve tunnel are (RFC 8926). */
function tunnel({ place, version, registers }: TunnelTest): Call {
  return (packet) => {
    const outer = placeIn(packet, place);
    const header = version === 4 ? 4 * (load(packet, outer, 1) & 15) : 40;
    const geneve = outer + header + 8;
    const inner = geneve + 8 + 4 * (load(packet, geneve, 1) & 0x3f);
    const isEthernet = load(packet, geneve + 2, 2) === 0x6558; // Transparent Ethernet bridging
    const linkType = isEthernet ? inner + 12 : geneve + 2;
    const payload = isEthernet ? inner + 14 : inner;
    const end = registers.tags === undefined ? payload : behindTags(packet, linkType, payload);
    packet.registers[registers.linkType] = end === payload ? linkType : end - 2;
    packet.registers[registers.linkHeader] = inner;
    packet.registers[registers.payload] = end;
    if (registers.tags !== undefined) packet.registers[registers.tags] = payload;
    return true;
  };
}

/** What stands behind the VLAN tags, if there are some: the type of it is then in the two bytes before. */
function behindTags(packet: Packet, linkType: number, payload: number): number {
  const { captured } = packet;
  let type = linkType;
  let end = payload;
  while (type + 2 <= captured && end + 4 <= captured && isVlanTag(load(packet, type, 2))) {
    type = end + 2;
    end += 4;
  }
  return end;
}

/** Moves the link type and the payload behind VLAN tags: registers 0 and 1 say how far. */
function skipTags(packet: Packet, { linkType, payload }: SkippedTags): void {
  const end = behindTags(packet, linkType, payload);
  packet.registers[0] = end === payload ? 0 : end - 2 - linkType;
  packet.registers[1] = end - payload;
}

/** Whether one of the tags that were skipped has the id. */
function vlanTag({ id, tags }: TagTest): Call {
  return (packet) => {
    const end = placeIn(packet, tags.end);
    let at = placeIn(packet, tags.first);
    if (id === -1) return at < end;
    for (; at < end; at += 4) {
      if ((load(packet, at, 2) & 0x0fff) === id) return true;
    }
    return false;
  };
}
