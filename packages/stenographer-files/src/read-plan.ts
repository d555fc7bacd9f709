import { diskSeekBytes } from "./file-access.js";
import { blockBytes } from "./format.js";
import type { BlockTable } from "./packet-file.js";
import type { PositionSet } from "./position-set.js";

/** What of a block is to be read. */
export interface BlockJob {
  readonly block: number;
  /** Where the packets lie in it that are wanted; undefined: all of them. */
  readonly offsets: Uint32Array | undefined;
  /** Whether to read the block in one piece: where the wanted packets are dense, that is faster than seeking. */
  readonly inOnePiece: boolean;
}

/** Packets nearer to each other than this are read together. */
export const gapBytes = 16 * 1024;

/** Which blocks to read, and what of them, by what a seek costs when it is a block's turn. */
export function* planReads(
  table: BlockTable,
  wanted: readonly number[],
  set: PositionSet,
  file: { readonly seekBytes: number } = { seekBytes: diskSeekBytes },
): Generator<BlockJob> {
  if (set.kind === "all") {
    for (const block of wanted) yield { block, offsets: undefined, inOnePiece: true };
    return;
  }
  if (set.kind === "blocks") {
    const chosen = new Set(set.blocks);
    for (const block of wanted) if (chosen.has(block)) yield { block, offsets: undefined, inOnePiece: true };
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
    yield { block, offsets, inOnePiece: seekingCosts(offsets, file.seekBytes) >= usedBytes };
  }
}

function seekingCosts(offsets: Uint32Array, seekBytes: number): number {
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
