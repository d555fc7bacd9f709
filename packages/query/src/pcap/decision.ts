import { compare, reject, type Step } from "./step.js";

/** A program as a graph of decisions that never ask again what is known on the way to them. */
export interface Decision {
  readonly nodes: readonly DecisionNode[];
  /** Index of the first node; `accept` or `reject`. */
  readonly first: number;
}

/** A step whose two ways out lead to nodes; with `cases`, one way for each of several values, and `whenFalse`. */
interface DecisionNode {
  readonly step: Step;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly cases: ReadonlyMap<number, number> | undefined;
}

/** So that sets of keys are the bits of a number. */
const mostKeys = 31;
const mostDepth = 100;
const mostSteps = 131_072;
/** Steps looked at altogether: some tens of milliseconds at most. */
const mostWork = 1_000_000;
/** What making a node takes, in steps looked at. */
const workOfNode = 50;

/**
 * The same program, made shorter by what each test tells about those behind it: filters ask again and again for the same
 * Ethernet type, protocol and fragment offset, and lists of hosts and ports become one look into a table.
 *
 * Exact, also for packets that are cut short: a load is left out only behind the same load. (The registers of a tunnel are set before
 * anything is loaded by them: what looks inside stands behind what finds it.) Undefined where it would take too long or grow too large.
 */
export function decisionOf(steps: readonly Step[], first: number): Decision | undefined {
  const keys = steps.length > mostSteps ? undefined : (keysOf(steps, true) ?? keysOf(steps, false));
  if (keys === undefined) return undefined;
  const maker = new DecisionMaker(steps, keys);
  const start = maker.from(first, [], 0);
  return maker.isGivenUp ? undefined : { nodes: maker.nodes, first: start };
}

/** What is known of each key: the loaded value, or that it is none that is asked for; of other tests 1 or 0. */
type Facts = readonly (number | "other" | undefined)[];

interface Keys {
  /** Of each step what it loads, -1 for a call. */
  readonly loads: readonly number[];
  /** Of each step which test it is, if it is a call or another one than for equality; else -1. */
  readonly tests: readonly number[];
  /** Of each load the values it is compared with, and the lowest step that does: jumps lead to lower steps only. */
  readonly values: readonly ReadonlyMap<number, number>[];
  /** Of each step the keys that it and what follows it depend on, as bits. */
  readonly needed: readonly number[];
  /** The same for loads that other tests than for equality look at. */
  readonly ordered: readonly number[];
}

/** @param withCalls whether what calls gave is known behind them: one key for each */
function keysOf(steps: readonly Step[], withCalls: boolean): Keys | undefined {
  // There are so few that looking through them is quicker than making names of them.
  const known: Step[] = [];
  const kinds: ("load" | "test" | "call")[] = [];
  const numberOf = (kind: "load" | "test" | "call", step: Step) => {
    for (let number = 0; number < known.length; number++) {
      const key = known[number] as Step; // it is one of them
      if (kinds[number] === kind && isSameKey(kind, key, step)) return number;
    }
    kinds.push(kind);
    return known.push(step) - 1;
  };
  const loads: number[] = [];
  const tests: number[] = [];
  const values: Map<number, number>[] = [];
  const needed: number[] = [];
  const ordered: number[] = [];
  for (const [index, step] of steps.entries()) {
    const load = step.call === undefined ? numberOf("load", step) : -1;
    const isOrdered = load !== -1 && step.comparison !== "eq";
    let test = -1;
    if (isOrdered) test = numberOf("test", step);
    else if (step.call !== undefined && withCalls) test = numberOf("call", step);
    if (known.length > mostKeys) return undefined;
    loads.push(load);
    tests.push(test);
    if (load !== -1 && !isOrdered) {
      const seen = values[load] ?? new Map<number, number>();
      values[load] = seen;
      if (!seen.has(step.value)) seen.set(step.value, index);
    }
    const own = bit(load) | bit(test);
    needed.push(own | (needed[step.whenTrue] ?? 0) | (needed[step.whenFalse] ?? 0));
    const ownOrdered = isOrdered ? bit(load) : 0;
    ordered.push(ownOrdered | (ordered[step.whenTrue] ?? 0) | (ordered[step.whenFalse] ?? 0));
  }
  return { loads, tests, values, needed, ordered };
}

function isSameKey(kind: "load" | "test" | "call", a: Step, b: Step): boolean {
  if (a.offset !== b.offset || a.op !== b.op || a.mask !== b.mask || a.header !== b.header) return false;
  if (a.register !== b.register || a.call !== b.call) return false;
  return kind !== "test" || (a.value === b.value && a.comparison === b.comparison);
}

function loadName({ op, offset, header, register, mask }: Step): string {
  return `${op} ${offset} ${header} ${register} ${mask}`;
}

function bit(key: number): number {
  return key === -1 ? 0 : 1 << key;
}

class DecisionMaker {
  readonly nodes: DecisionNode[] = [];
  isGivenUp = false;
  private work = 0;
  private readonly made = new Map<string, number>();
  private readonly known = new Map<string, number>();

  constructor(
    private readonly steps: readonly Step[],
    private readonly keys: Keys,
  ) {}

  /** The node that decides what the program decides from this step on. */
  from(start: number, facts: Facts, depth: number): number {
    const at = this.skip(start, facts);
    const step = this.steps[at];
    if (step === undefined) return at;
    if (depth > mostDepth || this.isGivenUp) {
      this.isGivenUp = true;
      return reject;
    }
    const relevant = this.relevant(at, facts);
    const name = `${at}:${relevant.join()}`;
    const done = this.made.get(name);
    if (done !== undefined) return done;
    this.work += workOfNode;
    const node = this.decide(at, step, relevant, depth + 1);
    this.made.set(name, node);
    return node;
  }

  private decide(at: number, step: Step, facts: Facts, depth: number): number {
    const load = this.keys.loads[at] as number; // one for each step
    if (load !== -1 && step.comparison === "eq") return this.decideByValue(at, step, load, facts, depth);
    const test = this.keys.tests[at] as number; // see above
    const told = (value: number) => (test === -1 ? facts : withFact(facts, test, value));
    const whenTrue = this.from(step.whenTrue, told(1), depth);
    const whenFalse = this.from(step.whenFalse, told(0), depth);
    return this.node(step, whenTrue, whenFalse);
  }

  /** All values that are asked for at once. */
  private decideByValue(at: number, step: Step, load: number, facts: Facts, depth: number): number {
    const cases = new Map<number, number>();
    let next = at;
    for (let asking = this.steps[next]; asking !== undefined; asking = this.steps[next]) {
      if (this.keys.loads[next] !== load || asking.comparison !== "eq") break;
      if (!cases.has(asking.value)) {
        cases.set(asking.value, this.from(asking.whenTrue, withFact(facts, load, asking.value), depth));
      }
      next = this.skip(asking.whenFalse, facts);
    }
    this.decideEitherEnd(next, load, facts, cases, depth);
    // Values that are asked for behind tests of something else.
    this.work += this.keys.values[load]?.size ?? 0;
    for (const [value, lowest] of this.keys.values[load] ?? []) {
      if (lowest <= next && !cases.has(value))
        cases.set(value, this.from(next, withFact(facts, load, value), depth));
    }
    const otherwise = this.from(next, withFact(facts, load, "other"), depth);
    for (const [value, node] of cases) if (node === otherwise) cases.delete(value);
    const [only] = cases;
    if (only === undefined) return this.node(step, otherwise, otherwise);
    if (cases.size === 1) return this.node({ ...step, value: only[0] }, only[1], otherwise);
    return this.node(step, reject, otherwise, cases);
  }

  /**
   * Lists of hosts and ports ask for source and destination by turns, and whichever it is leads to the same place. Then a
   * source further down the list only has the destination loaded, not compared. (Without this, lists would cost their
   * length squared.)
   */
  private decideEitherEnd(
    next: number,
    load: number,
    facts: Facts,
    cases: Map<number, number>,
    depth: number,
  ): void {
    const second = this.steps[next];
    const other = this.keys.loads[next];
    if (second === undefined || other === undefined || other === -1 || second.comparison !== "eq") return;
    let common: number | undefined;
    let at = next;
    for (let step = this.steps[at]; step !== undefined; step = this.steps[at]) {
      const asked = this.keys.loads[at];
      if (step.comparison !== "eq" || (asked !== load && asked !== other)) return;
      const needed = this.keys.needed[step.whenTrue] ?? 0;
      if ((needed & (bit(load) | bit(other))) !== 0) return;
      const target = this.from(step.whenTrue, facts, depth);
      common ??= target;
      if (target !== common) return;
      if (asked === load && !cases.has(step.value)) cases.set(step.value, this.node(second, common, common));
      at = this.skip(step.whenFalse, facts);
    }
  }

  /** Goes on while it is known how the tests come out. */
  private skip(start: number, facts: Facts): number {
    let at = start;
    for (let step = this.steps[at]; step !== undefined; step = this.steps[at]) {
      if (++this.work > mostWork) this.isGivenUp = true;
      const outcome = this.outcome(at, step, facts);
      if (outcome === undefined || this.isGivenUp) return this.isGivenUp ? reject : at;
      at = outcome ? step.whenTrue : step.whenFalse;
    }
    return at;
  }

  private outcome(at: number, step: Step, facts: Facts): boolean | undefined {
    const load = this.keys.loads[at] as number; // one for each step
    if (load !== -1) {
      const loaded = facts[load];
      if (typeof loaded === "number") return compare(loaded, step.comparison, step.value);
      if (step.comparison === "eq") return loaded === undefined ? undefined : false;
    }
    const told = facts[this.keys.tests[at] as number]; // see above
    return told === undefined ? undefined : told === 1;
  }

  /** The facts that what follows depends on, in one form for all that come out the same. */
  private relevant(at: number, facts: Facts): Facts {
    const needed = this.keys.needed[at] as number; // one for each step
    const ordered = this.keys.ordered[at] as number; // see above
    return facts.map((fact, key) => {
      if (fact === undefined || (needed & (1 << key)) === 0) return undefined;
      const values = this.keys.values[key];
      if (values === undefined || fact === "other" || (ordered & (1 << key)) !== 0) return fact;
      return (values.get(fact) ?? Number.POSITIVE_INFINITY) <= at ? fact : "other";
    });
  }

  private node(step: Step, whenTrue: number, whenFalse: number, cases?: ReadonlyMap<number, number>): number {
    // A packet that is cut before what is loaded is rejected too.
    if (cases === undefined && whenTrue === reject && whenFalse === reject) return reject;
    const test = step.call === undefined ? `${loadName(step)} ${step.comparison}` : `call ${step.call}`;
    const ways = cases === undefined ? `${step.value} ${whenTrue}` : [...cases].join(" ");
    const name = `${test} ${ways} ${whenFalse}`;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    this.nodes.push({ step, whenTrue, whenFalse, cases });
    this.known.set(name, this.nodes.length - 1);
    return this.nodes.length - 1;
  }
}

function withFact(facts: Facts, key: number, fact: number | "other"): Facts {
  const more = Array.from({ length: Math.max(facts.length, key + 1) }, (_, i) => facts[i]);
  more[key] = fact;
  return more;
}
