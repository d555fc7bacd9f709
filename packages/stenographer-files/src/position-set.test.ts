import { createRandom } from "@stenogrpc/testkit";
import { describe, expect, it } from "vitest";
import { blockBytes } from "./format.js";
import {
  all,
  fromPositions,
  intersect,
  mostPositions,
  nothing,
  type PositionSet,
  unite,
} from "./position-set.js";

const random = createRandom(1);
/** Every position there is: some in each of eight blocks, the last of which end a file of 4 GiB. */
const universe = [0, 1, 2, 3, 7, 100, 4094, 4095].flatMap((block) =>
  Array.from({ length: 12 }, (_, i) => block * blockBytes + (i === 11 ? blockBytes - 1 : 48 + i * i * 96)),
);
const blockOf = (position: number): number => Math.floor(position / blockBytes);
const blocksOf = (positions: Iterable<number>): Set<number> => new Set([...positions].map(blockOf));
const ascending = (values: Iterable<number>): Uint32Array => Uint32Array.from(values).sort();

function some(values: readonly number[]): Uint32Array {
  const share = random.pick([0, 0.05, 0.3, 0.9, 1]);
  return ascending(values.filter(() => random.fraction() < share));
}

function anySet(): PositionSet {
  switch (random.pick(["all", "positions", "positions", "blocks", "blocks", "nothing"])) {
    case "all":
      return all;
    case "positions":
      return { kind: "positions", positions: some(universe) };
    case "blocks":
      return { kind: "blocks", blocks: some([...blocksOf(universe)]) };
    default:
      return nothing;
  }
}

/** The packets of a set, one by one. */
function packetsOf(set: PositionSet): Set<number> {
  if (set.kind === "all") return new Set(universe);
  if (set.kind === "positions") return new Set(set.positions);
  const blocks = new Set(set.blocks);
  return new Set(universe.filter((position) => blocks.has(blockOf(position))));
}

/** Pairs of all kinds, none of which may be changed. */
function forPairs(check: (a: PositionSet, b: PositionSet) => void): void {
  const kinds = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const [a, b] = [anySet(), anySet()];
    const before = structuredClone([a, b]);
    check(a, b);
    expect([a, b]).toEqual(before);
    kinds.add(`${a.kind} ${b.kind}`);
  }
  expect(kinds.size).toBe(9);
}

describe("intersect", () => {
  it("gives exactly the packets that are in both sets, whatever kinds they are of, in ascending order", () => {
    forPairs((a, b) => {
      const set = intersect(a, b);
      const inB = packetsOf(b);
      const wanted = [...packetsOf(a)].filter((position) => inB.has(position));
      expect(packetsOf(set)).toEqual(new Set(wanted));
      if (set.kind === "positions") expect(set.positions).toEqual(ascending(wanted));
      if (set.kind === "blocks") expect(set.blocks).toEqual(ascending(blocksOf(wanted)));
      expect(set.kind === "all").toBe(a.kind === "all" && b.kind === "all");
      expect(set.kind === "positions").toBe(a.kind === "positions" || b.kind === "positions");
    });
  });
});

describe("unite", () => {
  it("gives exactly the packets that are in one set or the other while positions are few, else exactly their blocks", () => {
    const kinds = new Set<string>();
    forPairs((a, b) => {
      const most = random.pick([1, 10, 50, mostPositions]);
      const set = unite(a, b, most);
      const wanted = new Set([...packetsOf(a), ...packetsOf(b)]);
      if (a.kind === "all" || b.kind === "all") expect(set).toEqual(all);
      else if (a.kind === "blocks" || b.kind === "blocks" || wanted.size > most) {
        expect(set).toEqual({ kind: "blocks", blocks: ascending(blocksOf(wanted)) });
      } else expect(set).toEqual({ kind: "positions", positions: ascending(wanted) });
      if (a.kind === "positions" && b.kind === "positions") kinds.add(set.kind);
    });
    expect([...kinds].sort()).toEqual(["blocks", "positions"]);
  });
});

describe("fromPositions", () => {
  it("keeps 262,144 positions as they are, and of one more the blocks", () => {
    const positions = Uint32Array.from({ length: 262_145 }, (_, i) => i * 16_000);
    const fewer = positions.subarray(0, 262_144);
    const kept = fromPositions(fewer);
    expect(kept.kind === "positions" && kept.positions).toBe(fewer);
    expect(fromPositions(positions)).toEqual({ kind: "blocks", blocks: ascending(blocksOf(positions)) });
  });
});
