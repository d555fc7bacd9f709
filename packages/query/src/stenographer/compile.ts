import { addressBits, type IpAddress, networkAddress, prefixMask } from "../address.js";
import type { FrameMatcher } from "../frame-matcher.js";
import { framingOf } from "../link-type.js";
import { absent, LookUpTables, lookUp } from "../look-up-tables.js";
import { floorToSecond, nanosecondsPerSecond, type TimeNode } from "../time.js";
import { type BinaryNode, type FilterNode, type HostNode, isBinary, type PrimitiveNode } from "./ast.js";
import { FrameReader } from "./frame.js";
import { SeenNumbers } from "./seen-numbers.js";

/**
 * Makes the function that decides frame by frame, by the rules of Stenographer's index.
 *
 * `host` and `net` look at the first IP header behind VLAN tags and MPLS labels, never into tunnels; ARP has no
 * address here. `port` is TCP and UDP. In one thing it is stricter than the index: a later IPv4 fragment has no port.
 * Times are exact: `after T` is t >= T, `before T` is t < T.
 *
 * @throws UnsupportedLinkTypeError, or TypeError if a time is still relative (see `resolveTimes`)
 */
export function compileStenographerFilter(filter: FilterNode, linkType: number): FrameMatcher {
  const framing = framingOf(linkType);
  const vlans = new SeenNumbers();
  const labels = new SeenNumbers();
  const lists = new LookUpTables();
  const { steps, first } = assemble(filter, (node) => testOf(node, vlans, labels, lists));
  const tables = lists.encoded();
  const frame = new FrameReader(framing, vlans, labels);

  return (bytes, frameOffset, capturedLength, _originalLength, seconds, nanoseconds) => {
    let isRead = false;
    let at = first;
    do {
      const step = steps[at] as Step; // jumps lead to steps or below 0
      const { test } = step;
      let passes: boolean;
      if (test.op === "after") {
        passes = seconds > test.seconds || (seconds === test.seconds && nanoseconds >= test.nanoseconds);
      } else {
        if (!isRead) {
          frame.read(bytes, frameOffset, capturedLength);
          isRead = true;
        }
        passes = passesFrame(test, frame, vlans, labels, tables);
      }
      at = passes ? step.whenTrue : step.whenFalse;
    } while (at >= 0);
    return at === accept;
  };
}

const accept = -1;
const reject = -2;

/** One comparison, and the step to go on with. All tests have one shape, so that reading them stays monomorphic. */
interface Step {
  readonly test: Test;
  readonly whenTrue: number;
  readonly whenFalse: number;
}

interface Test {
  readonly op: "ipv4" | "ipv4-list" | "ipv6" | "port" | "protocol" | "vlan" | "mpls" | "after";
  /** Swaps the two ways out: `before T` is not `after T`. */
  readonly isNegated: boolean;
  /** The number compared with, the slot in SeenNumbers, or where the list begins in the tables. */
  readonly number: number;
  /** Address and mask as signed words. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
  readonly mask0: number;
  readonly mask1: number;
  readonly mask2: number;
  readonly mask3: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

const noTest: Test = {
  op: "port",
  isNegated: false,
  number: 0,
  word0: 0,
  word1: 0,
  word2: 0,
  word3: 0,
  mask0: 0,
  mask1: 0,
  mask2: 0,
  mask3: 0,
  seconds: 0,
  nanoseconds: 0,
};

/**
 * Lays the tree out as steps with jumps, the last one first, so that each jump's target is known when it is needed.
 * Neither this nor the matcher uses the call stack for nesting.
 */
function assemble(filter: FilterNode, testFor: (node: Leaf) => Test) {
  const steps: Step[] = [];
  let first: number = reject;
  const pending: Pending[] = [{ node: filter, whenTrue: accept, whenFalse: reject, before: undefined }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node } = item;
    // What must be decided by the other side goes there: its first step is the one laid out last.
    const whenTrue = item.before === "and" ? first : item.whenTrue;
    const whenFalse = item.before === "or" ? first : item.whenFalse;
    if (isBinary(node)) {
      const sides = node.kind === "or" ? alternatives(node) : [node.left, node.right];
      const last = sides.pop() as FilterNode | HostList; // there is one
      for (const side of sides) pending.push({ node: side, whenTrue, whenFalse, before: node.kind });
      pending.push({ node: last, whenTrue, whenFalse, before: undefined });
      continue;
    }
    const test = testFor(node);
    first = steps.length;
    steps.push(
      test.isNegated ? { test, whenTrue: whenFalse, whenFalse: whenTrue } : { test, whenTrue, whenFalse },
    );
  }
  return { steps, first };
}

/** Hosts of IPv4 any of which will do. */
interface HostList {
  readonly kind: "host-list";
  readonly addresses: readonly number[];
}

type Leaf = PrimitiveNode | HostList;

/** Fewer are compared one after the other. */
const leastListed = 4;

/** What is joined by `or` here and below, in any order: hosts of IPv4 in one list, so that a long list costs no more than a short one. */
function alternatives(node: BinaryNode): (FilterNode | HostList)[] {
  const others: FilterNode[] = [];
  const hosts: HostNode[] = [];
  const addresses: number[] = [];
  const pending: FilterNode[] = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === "or") pending.push(next.left, next.right);
    else if (next.kind === "host" && next.address.version === 4) {
      hosts.push(next);
      addresses.push(next.address.value);
    } else others.push(next);
  }
  if (hosts.length < leastListed) return [...hosts, ...others];
  return [{ kind: "host-list", addresses }, ...others];
}

interface Pending {
  readonly node: FilterNode | HostList;
  readonly whenTrue: number;
  readonly whenFalse: number;
  /** The operator that joins this side with the one behind it, which is laid out by now. */
  readonly before: "and" | "or" | undefined;
}

function passesFrame(
  test: Test,
  frame: FrameReader,
  vlans: SeenNumbers,
  labels: SeenNumbers,
  tables: Int32Array,
): boolean {
  switch (test.op) {
    case "port":
      return frame.sourcePort === test.number || frame.destinationPort === test.number;
    case "protocol":
      return frame.protocol === test.number;
    case "ipv4":
      return (
        frame.version === 4 &&
        (((frame.source0 ^ test.word0) & test.mask0) === 0 ||
          ((frame.destination0 ^ test.word0) & test.mask0) === 0)
      );
    case "ipv4-list":
      return (
        frame.version === 4 &&
        (lookUp(tables, test.number, frame.source0) !== absent ||
          lookUp(tables, test.number, frame.destination0) !== absent)
      );
    case "ipv6":
      return frame.version === 6 && (isIpv6Source(test, frame) || isIpv6Destination(test, frame));
    case "vlan":
      return vlans.has(test.number);
    case "mpls":
      return labels.has(test.number);
    default:
      return false;
  }
}

function isIpv6Source(test: Test, frame: FrameReader): boolean {
  return (
    ((frame.source3 ^ test.word3) & test.mask3) === 0 &&
    ((frame.source2 ^ test.word2) & test.mask2) === 0 &&
    ((frame.source1 ^ test.word1) & test.mask1) === 0 &&
    ((frame.source0 ^ test.word0) & test.mask0) === 0
  );
}

function isIpv6Destination(test: Test, frame: FrameReader): boolean {
  return (
    ((frame.destination3 ^ test.word3) & test.mask3) === 0 &&
    ((frame.destination2 ^ test.word2) & test.mask2) === 0 &&
    ((frame.destination1 ^ test.word1) & test.mask1) === 0 &&
    ((frame.destination0 ^ test.word0) & test.mask0) === 0
  );
}

const protocolNumbers = { icmp: 1, tcp: 6, udp: 17 } as const;

function testOf(node: Leaf, vlans: SeenNumbers, labels: SeenNumbers, lists: LookUpTables): Test {
  switch (node.kind) {
    case "host-list":
      return { ...noTest, op: "ipv4-list", number: lists.add(node.addresses.map((value) => [value | 0, 1])) };
    case "host":
      return addressTest(node.address, addressBits(node.address));
    case "net":
      return addressTest(networkAddress(node.address, node.prefixLength), node.prefixLength);
    case "port":
      return { ...noTest, op: "port", number: node.port };
    case "vlan":
      return { ...noTest, op: "vlan", number: vlans.slotOf(node.id) };
    case "mpls":
      return { ...noTest, op: "mpls", number: labels.slotOf(node.label) };
    case "ip-proto":
      return { ...noTest, op: "protocol", number: node.protocol };
    case "protocol":
      return { ...noTest, op: "protocol", number: protocolNumbers[node.name] };
    case "before":
    case "after":
      return timeTest(node);
  }
}

function addressTest(address: IpAddress, prefixLength: number): Test {
  const mask0 = prefixMask(prefixLength);
  if (address.version === 4) return { ...noTest, op: "ipv4", word0: address.value | 0, mask0 };
  const [word0, word1, word2, word3] = address.words;
  return {
    ...noTest,
    op: "ipv6",
    word0: word0 | 0,
    word1: word1 | 0,
    word2: word2 | 0,
    word3: word3 | 0,
    mask0,
    mask1: prefixMask(prefixLength - 32),
    mask2: prefixMask(prefixLength - 64),
    mask3: prefixMask(prefixLength - 96),
  };
}

function timeTest({ kind, time }: TimeNode): Test {
  if (time.kind === "ago") {
    throw new TypeError(`"${kind} ${time.text} ago" has no fixed time yet: call resolveTimes first`);
  }
  const whole = floorToSecond(time.timestampNs);
  return {
    ...noTest,
    op: "after",
    isNegated: kind === "before",
    seconds: Number(whole / nanosecondsPerSecond),
    nanoseconds: Number(time.timestampNs - whole),
  };
}
