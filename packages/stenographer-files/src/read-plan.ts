import { blockBytes } from "./format.js";
import type { BlockTable } from "./packet-file.js";
import type { PositionSet } from "./position-set.js";

/** A block to be read whole, or some of its packets, by their offsets in it. */
export interface BlockJob {
  readonly block: number;
  readonly offsets: Uint32Array | undefined;
}

/** What a seek costs, in bytes that could be read in sequence instead. */
const seekBytes = 64 * 1024;
/** Packets nearer than this are read together. */
export const gapBytes = 16 * 1024;

/** Which blocks to read, and whether whole: where the hits are dense, reading a block in one piece is faster. */
export function* planReads(
  table: BlockTable,
  wanted: readonly number[],
  set: PositionSet,
): Generator<BlockJob> {
  if (set.kind === "all") {
    for (const block of wanted) yield { block, offsets: undefined };
    return;
  }
  if (set.kind === "blocks") {
    const chosen = new Set(set.blocks);
    for (const block of wanted) if (chosen.has(block)) yield { block, offsets: undefined };
    return;
  }
  const { positions } = set;
  let from = 0;
  for (const block of wanted) {
    const start = block * blockBytes;
    from = lowerBound(positions, start, from);
    const to = lowerBound(positions, start + blockBytes, from);
    if (to === from) continue;
    const offsets = positions.slice(from, to).map((position) => position - start);
    from = to;
    const entry = table.blocks[block];
    const usedBytes = typeof entry === "object" ? entry.usedBytes : blockBytes;
    yield { block, offsets: seekingCosts(offsets) >= usedBytes ? undefined : offsets };
  }
}

function seekingCosts(offsets: Uint32Array): number {
  let cost = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const offset of offsets) {
    cost += offset - end > gapBytes ? seekBytes : offset - end;
    end = offset;
  }
  return cost;
}

function lowerBound(values: Uint32Array, value: number, from: number): number {
  let low = from;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
