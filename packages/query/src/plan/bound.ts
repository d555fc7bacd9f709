import { addressBits, isInNetwork } from "../address.js";
import { printFilter } from "../print-filter.js";
import { type FilterNode, isBinary, type PrimitiveNode } from "../stenographer/ast.js";

/**
 * What packets surely have in the index, apart from their protocol: nothing is known (`all`), there are none (`none`), or
 * an expression of terms. One object for one meaning in one `Bounds`, so that `===` tells whether two are the same.
 */
export interface Bound {
  readonly id: number;
  readonly kind: "all" | "none" | "term" | "and" | "or";
  /** Of `and` and `or`, in the order of the filter; never of the same kind. */
  readonly parts: readonly Bound[];
  /** Of a `term`. */
  readonly term: PrimitiveNode | undefined;
  readonly terms: number;
  /** About the length of its text. */
  readonly characters: number;
}

/** More is not asked of the index: what would grow beyond gets wider. */
export const maxTerms = 512;
export const maxCharacters = 16_384;
/** Steps that may be spent on one filter, some tens of a millisecond a million: what is left then gets wider at once. */
const maxSteps = 1_000_000;

/** Makes bounds, joins them, and keeps them short. */
export class Bounds {
  readonly all: Bound = { id: 0, kind: "all", parts: [], term: undefined, terms: 0, characters: 0 };
  readonly none: Bound = { id: 1, kind: "none", parts: [], term: undefined, terms: 0, characters: 0 };
  /** Whether something got too long and was made wider. */
  isCropped = false;
  private readonly known = new Map<string, Bound>();
  private nextId = 2;
  private steps = 0;

  /** Lets as many steps be spent again. */
  renew(): void {
    this.steps = 0;
  }

  /** A term of the index. */
  term(term: PrimitiveNode): Bound {
    const text = printFilter(term);
    return this.known.get(text) ?? this.add(text, "term", [], term, 1, text.length + 4);
  }

  and(a: Bound, b: Bound): Bound {
    if (a === b || b === this.all || a === this.none) return a;
    if (a === this.all || b === this.none) return b;
    const narrower = a.terms <= b.terms ? a : b;
    if (this.isSpent(a, b)) return narrower;
    const parts = merge("and", a, b, (part, other) => implies(other, part));
    return this.joined("and", parts) ?? narrower;
  }

  or(a: Bound, b: Bound): Bound {
    if (a === b || b === this.none || a === this.all) return a;
    if (a === this.none || b === this.all) return b;
    if (this.isSpent(a, b)) return this.all;
    return this.joined("or", merge("or", a, b, implies)) ?? this.all;
  }

  /** What is left of the alternatives when those that `covered` has as well are taken away. */
  without(bound: Bound, covered: Bound): Bound {
    const others = partsOf("or", covered);
    const left = partsOf("or", bound).filter((part) => !others.some((other) => implies(part, other)));
    return left.reduce((sum, part) => this.or(sum, part), this.none);
  }

  /** Whether joining the two would take more than what is left to spend. */
  private isSpent(a: Bound, b: Bound): boolean {
    this.steps += 10 + a.parts.length + b.parts.length + (1 + a.parts.length) * (1 + b.parts.length);
    const isSpent = this.steps > maxSteps;
    if (isSpent) this.isCropped = true;
    return isSpent;
  }

  /** Undefined if it would be too long. */
  private joined(kind: "and" | "or", parts: readonly Bound[]): Bound | undefined {
    const [first, ...more] = parts;
    if (first !== undefined && more.length === 0) return first;
    let terms = 0;
    let characters = 0;
    for (const part of parts) {
      terms += part.terms;
      characters += part.characters + 2;
    }
    if (terms > maxTerms || characters > maxCharacters) {
      this.isCropped = true;
      return undefined;
    }
    const key = `${kind} ${parts.map(({ id }) => id).join(" ")}`;
    return this.known.get(key) ?? this.add(key, kind, parts, undefined, terms, characters);
  }

  private add(
    key: string,
    kind: Bound["kind"],
    parts: readonly Bound[],
    term: PrimitiveNode | undefined,
    terms: number,
    characters: number,
  ): Bound {
    const bound = { id: this.nextId++, kind, parts, term, terms, characters };
    this.known.set(key, bound);
    return bound;
  }
}

/** Whether only TCP and UDP packets can have it: a port is part of it, whatever else. */
export function hasPort(bound: Bound): boolean {
  if (bound.kind === "term") return bound.term?.kind === "port";
  const isPort = (part: Bound) => part.term?.kind === "port";
  if (bound.kind === "or") return bound.parts.every(isPort);
  return bound.parts.some((part) => isPort(part) || (part.kind === "or" && part.parts.every(isPort)));
}

/** As a filter in Stenographer's language. Not for `all` and `none`. */
export function boundNode(bound: Bound): FilterNode {
  // A stack of its own: `and` in `or` in `and` may go as deep as there are terms.
  const done: FilterNode[] = [];
  const pending: { readonly bound: Bound; readonly isDone: boolean }[] = [{ bound, isDone: false }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { kind, parts, term } = item.bound;
    if (term !== undefined) done.push(term);
    else if (kind === "and" || kind === "or") {
      if (item.isDone) done.push(joinNodes(kind, done.splice(done.length - parts.length)));
      else {
        pending.push({ bound: item.bound, isDone: true });
        for (const part of [...parts].reverse()) pending.push({ bound: part, isDone: false });
      }
    } else throw new TypeError(`"${kind}" is no filter`);
  }
  return done[0] as FilterNode; // one is left: that of the root
}

/** The nodes in a row, as a balanced tree: a long list is not deep. At least one. */
export function joinNodes(kind: "and" | "or", nodes: readonly FilterNode[]): FilterNode {
  let row = nodes;
  while (row.length > 1) {
    const next: FilterNode[] = [];
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i] as FilterNode; // i is in the row
      const right = row[i + 1];
      next.push(right === undefined ? left : { kind, left, right });
    }
    row = next;
  }
  return row[0] as FilterNode; // see above
}

/** How many terms a filter has. */
export function countTerms(node: FilterNode): number {
  let count = 0;
  const pending: FilterNode[] = [node];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (isBinary(item)) pending.push(item.left, item.right);
    else count++;
  }
  return count;
}

function partsOf(kind: "and" | "or", bound: Bound): readonly Bound[] {
  return bound.kind === kind ? bound.parts : [bound];
}

/** The parts of both, without those that one on the other side makes needless. */
function merge(
  kind: "and" | "or",
  a: Bound,
  b: Bound,
  isNeedless: (part: Bound, other: Bound) => boolean,
): Bound[] {
  const ours = partsOf(kind, a);
  const added = partsOf(kind, b).filter((part) => !ours.some((other) => isNeedless(part, other)));
  const kept = ours.filter((part) => !added.some((other) => isNeedless(part, other)));
  return [...kept, ...added];
}

/** Whether `a` surely is a case of `b`. Looks one level deep: no is always a safe answer. */
function implies(a: Bound, b: Bound): boolean {
  if (a === b) return true;
  if (a.kind === "term" && b.kind === "term") return isCase(a, b);
  if (b.kind === "or" && b.parts.some((part) => part === a || isCase(a, part))) return true;
  if (a.kind !== "and") return false;
  const wanted = partsOf("and", b);
  return wanted.every((part) => a.parts.some((own) => own === part || isCase(own, part)));
}

/** An address in a network, a network in a wider one. */
function isCase(a: Bound, b: Bound): boolean {
  if (b.term?.kind !== "net" || (a.term?.kind !== "host" && a.term?.kind !== "net")) return false;
  const { address, prefixLength } = b.term;
  const length = a.term.kind === "net" ? a.term.prefixLength : addressBits(a.term.address);
  return length >= prefixLength && isInNetwork(a.term.address, address, prefixLength);
}
