import { blockBytes } from "./format.js";

/**
 * Which packets of a file may match: all, those at some positions (ascending), or all those in some blocks (ascending).
 * What is chosen is a superset; whoever reads the packets applies the filter itself.
 */
export type PositionSet =
  | { readonly kind: "all" }
  | { readonly kind: "positions"; readonly positions: Uint32Array }
  | { readonly kind: "blocks"; readonly blocks: Uint32Array };

export const all: PositionSet = { kind: "all" };
export const nothing: PositionSet = { kind: "positions", positions: new Uint32Array(0) };

/** More positions than this are kept as the blocks they lie in: a mebibyte of them. */
export const mostPositions = 256 * 1024;

/** Packets that are in both. */
export function intersect(a: PositionSet, b: PositionSet): PositionSet {
  if (a.kind === "all") return b;
  if (b.kind === "all") return a;
  if (a.kind === "positions" && b.kind === "positions") {
    return { kind: "positions", positions: common(a.positions, b.positions) };
  }
  if (a.kind === "positions") return { kind: "positions", positions: inBlocks(a.positions, blocksOf(b)) };
  if (b.kind === "positions") return { kind: "positions", positions: inBlocks(b.positions, blocksOf(a)) };
  return { kind: "blocks", blocks: common(a.blocks, b.blocks) };
}

/** Packets that are in one or both. More than `most` positions are kept as their blocks. */
export function unite(a: PositionSet, b: PositionSet, most = mostPositions): PositionSet {
  if (a.kind === "all" || b.kind === "all") return all;
  if (a.kind === "positions" && b.kind === "positions") {
    return fromPositions(merged(a.positions, b.positions), most);
  }
  return { kind: "blocks", blocks: merged(blocksOf(a), blocksOf(b)) };
}

/** Keeps positions as they are, or as their blocks where they are more than `most`. */
export function fromPositions(positions: Uint32Array, most = mostPositions): PositionSet {
  const set: PositionSet = { kind: "positions", positions };
  return positions.length > most ? { kind: "blocks", blocks: blocksOf(set) } : set;
}

function blocksOf(set: Exclude<PositionSet, { kind: "all" }>): Uint32Array {
  if (set.kind === "blocks") return set.blocks;
  const blocks: number[] = [];
  for (const position of set.positions) {
    const block = Math.floor(position / blockBytes);
    if (blocks.at(-1) !== block) blocks.push(block);
  }
  return Uint32Array.from(blocks);
}

function inBlocks(positions: Uint32Array, blocks: Uint32Array): Uint32Array {
  const wanted = new Set(blocks);
  return positions.filter((position) => wanted.has(Math.floor(position / blockBytes)));
}

function common(a: Uint32Array, b: Uint32Array): Uint32Array {
  const result = new Uint32Array(Math.min(a.length, b.length));
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i] as number; // i < length
    const y = b[j] as number; // j < length
    if (x === y) result[count++] = x;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return result.slice(0, count);
}

function merged(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const result = new Uint32Array(a.length + b.length);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] as number; // i < length
    const y = b[j] as number; // j < length
    result[count++] = x < y ? x : y;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  const rest = i < a.length ? a.subarray(i) : b.subarray(j);
  result.set(rest, count);
  return result.subarray(0, count + rest.length);
}
