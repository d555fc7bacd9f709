import type { FilterNode, IpAddress } from "@stenogrpc/query";
import { keyKind } from "./format.js";
import type { IndexFile, Postings } from "./index-file.js";
import {
  all,
  fromPositions,
  intersect,
  mostPositions as mostByDefault,
  nothing,
  type PositionSet,
  unite,
} from "./position-set.js";
import { finish, type PromiseOrValue, type Steps, together, wait } from "./steps.js";

/** What the choice between seeking and scanning depends on. */
export interface SelectOptions {
  /** Packets in the file. */
  readonly packets: number;
  /** VLAN tags are put back into the frames; the index knows nothing of them. */
  readonly restoreVlanTags: boolean;
  /** More positions than this, at least 1, are kept as the blocks they lie in. Default 262,144: a mebibyte of them. */
  readonly mostPositions?: number;
}

/** Filters nested deeper, `and` in `or` in `and`, are scanned for: evaluating takes the call stack. */
const mostDepth = 100;
/** The most terms of one kind of chain that are looked at: a filter of ten thousand is cheaper to scan for. */
const mostTerms = 1000;
/** The most keys of one term, as a net has, that are looked up. */
const mostKeys = 256 * 1024;

/**
 * The packets of a file that a filter may select, by its index: a superset, since times are not in the index, and terms
 * that most packets match are not looked up. Rejects with a DamageError.
 */
export function selectPositions(
  index: IndexFile,
  filter: FilterNode,
  options: SelectOptions,
): PromiseOrValue<PositionSet> {
  const { mostPositions = mostByDefault } = options;
  return depthOf(filter) > mostDepth ? all : finish(evaluate(filter));

  function* evaluate(node: FilterNode): Steps<PositionSet> {
    if (node.kind !== "and" && node.kind !== "or") return yield* lookUp(node);
    const terms = chain(node);
    if (terms.length > mostTerms) return all;
    return node.kind === "and" ? yield* evaluateAnd(terms) : yield* evaluateOr(terms);
  }

  function* evaluateAnd(terms: readonly FilterNode[]): Steps<PositionSet> {
    const sizes = yield* together(terms.map(sizeOf));
    const sized = terms.map((term, i) => ({ term, size: sizes[i] ?? options.packets }));
    sized.sort((a, b) => a.size - b.size);
    let set = all;
    for (const { term, size } of sized) {
      if (set.kind === "positions") {
        if (set.positions.length === 0) return nothing;
        // Reading a page for each packet that is left costs less than reading many more positions.
        if (size > 512 * set.positions.length) continue;
      }
      set = intersect(set, yield* evaluate(term));
    }
    return set;
  }

  function* evaluateOr(terms: readonly FilterNode[]): Steps<PositionSet> {
    let size = 0;
    for (const term of terms) {
      size += yield* sizeOf(term);
      if (2 * size > options.packets) return all; // as for a single term
    }
    let sets: PositionSet[] = [];
    for (const term of terms) {
      const set = yield* evaluate(term);
      if (set.kind === "all") return all;
      sets.push(set);
    }
    // Two by two, so that a hundred hosts are not merged a hundred times.
    while (sets.length > 1) {
      const next: PositionSet[] = [];
      for (let i = 0; i < sets.length; i += 2) {
        next.push(unite(sets[i] ?? nothing, sets[i + 1] ?? nothing, mostPositions));
      }
      sets = next;
    }
    return sets[0] ?? nothing;
  }

  /** About how many packets a term selects, without reading them. */
  function* sizeOf(node: FilterNode): Steps<number> {
    if (node.kind === "and" || node.kind === "or") {
      const sizes = yield* together(chain(node).slice(0, mostTerms).map(sizeOf));
      return node.kind === "and" ? Math.min(...sizes) : sizes.reduce((sum, size) => sum + size, 0);
    }
    const range = keysOf(node, options);
    if (range === undefined) return options.packets;
    let size = 0;
    const count = (postings: Postings): boolean => {
      size += postings.count;
      return size < options.packets;
    };
    yield* wait(index.range(range.first, range.last, count));
    return size;
  }

  function* lookUp(node: FilterNode): Steps<PositionSet> {
    const range = keysOf(node, options);
    if (range === undefined) return all;
    const found: Postings[] = [];
    let total = 0;
    const find = (postings: Postings): boolean => {
      total += postings.count;
      found.push(postings);
      return 2 * total <= options.packets && found.length <= mostKeys;
    };
    yield* wait(index.range(range.first, range.last, find));
    // Half of the packets and more: every block has some, so all are read anyway.
    if (2 * total > options.packets || found.length > mostKeys) return all;
    const positions = new Uint32Array(Math.min(total, 2 * mostPositions));
    let count = 0;
    let isSorted = true;
    let set: PositionSet = nothing;
    const unload = (): void => {
      set = unite(set, fromPositions(sortedUnique(positions, count, isSorted), mostPositions), mostPositions);
      count = 0;
      isSorted = true;
    };
    const add = (piece: Uint32Array): void => {
      for (let rest = piece; rest.length > 0; ) {
        if (count === positions.length) unload();
        const part = rest.subarray(0, positions.length - count);
        const [first = 0] = part;
        if (count > 0 && first <= (positions[count - 1] ?? 0)) isSorted = false;
        positions.set(part, count);
        count += part.length;
        rest = rest.subarray(part.length);
      }
    };
    yield* wait(index.positions(found, add));
    unload();
    return set;
  }
}

function sortedUnique(
  positions: Uint32Array<ArrayBuffer>,
  count: number,
  isSorted: boolean,
): Uint32Array<ArrayBuffer> {
  const used = positions.slice(0, count);
  if (isSorted) return used;
  used.sort();
  let kept = 0;
  for (const position of used) {
    if (kept === 0 || used[kept - 1] !== position) used[kept++] = position;
  }
  return used.slice(0, kept);
}

/** `a and (b and c)` as a, b, c: however deep it is nested, without the call stack. */
function chain(node: FilterNode): FilterNode[] {
  const terms: FilterNode[] = [];
  const pending: FilterNode[] = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === node.kind && (next.kind === "and" || next.kind === "or")) {
      pending.push(next.right, next.left);
    } else terms.push(next);
  }
  return terms;
}

/** How often `and` and `or` take turns, at most. */
function depthOf(filter: FilterNode): number {
  let deepest = 0;
  const pending: { node: FilterNode; depth: number }[] = [{ node: filter, depth: 1 }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node, depth } = item;
    deepest = Math.max(deepest, depth);
    if (node.kind !== "and" && node.kind !== "or") continue;
    for (const child of [node.left, node.right]) {
      pending.push({ node: child, depth: child.kind === node.kind ? depth : depth + 1 });
    }
  }
  return deepest;
}

interface KeyRange {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

const protocolNumbers = { icmp: 1, tcp: 6, udp: 17 } as const;

/** Under which keys a term's packets are found; undefined where the index does not know. */
function keysOf(node: FilterNode, { restoreVlanTags }: SelectOptions): KeyRange | undefined {
  switch (node.kind) {
    case "host":
      return addressKeys(node.address, node.address.version === 4 ? 32 : 128);
    case "net":
      return addressKeys(node.address, node.prefixLength);
    case "port":
      return one(keyKind.port, node.port, 2);
    case "vlan":
      return restoreVlanTags ? undefined : one(keyKind.vlan, node.id, 2);
    case "mpls":
      return one(keyKind.mpls, node.label, 4);
    case "ip-proto":
      return one(keyKind.protocol, node.protocol, 1);
    case "protocol":
      return one(keyKind.protocol, protocolNumbers[node.name], 1);
    default:
      return undefined;
  }
}

function one(kind: number, value: number, bytes: number): KeyRange {
  const key = new Uint8Array(1 + bytes);
  key[0] = kind;
  for (let i = 0; i < bytes; i++) key[bytes - i] = Math.floor(value / 2 ** (8 * i)) & 255;
  return { first: key, last: key };
}

function addressKeys(address: IpAddress, prefixLength: number): KeyRange {
  const words = address.version === 4 ? [address.value] : address.words;
  const first = new Uint8Array(1 + 4 * words.length);
  const view = new DataView(first.buffer);
  first[0] = address.version === 4 ? keyKind.ipv4 : keyKind.ipv6;
  for (const [i, word] of words.entries()) view.setUint32(1 + 4 * i, word);
  const last = first.slice();
  for (let bit = prefixLength; bit < 32 * words.length; bit++) {
    const at = 1 + (bit >>> 3);
    const mask = 0x80 >>> (bit & 7);
    first[at] = (first[at] ?? 0) & ~mask;
    last[at] = (last[at] ?? 0) | mask;
  }
  return { first, last };
}
