import type { BlockEntry } from "./packet-file.js";

/**
 * The kernel numbers its blocks. A block whose number is out of line with the blocks next to it is not one of this file, or its header is
 * damaged: it is replaced by what is wrong with it. Numbers that go on from another one are kept: blocks are missing there.
 *
 * @param blocks of one file; changed in place
 */
export function dropStrayBlocks(blocks: BlockEntry[]): void {
  const numbered = blocks.flatMap((block, index) => (typeof block === "object" ? [{ index, block }] : []));
  if (numbered.every(({ block }) => block.sequence === 0)) return;
  /** What a first block's number would be, by each block's: the same all over the file. */
  const bases = numbered.map(({ index, block }) => block.sequence - index);
  for (const [i, { index, block }] of numbered.entries()) {
    const due = dueBase(bases, i);
    if (due === undefined) continue;
    blocks[index] = `block number ${block.sequence} where ${due + index} is due`;
  }
}

/** What a block's base should be, if it is out of line; else undefined. */
function dueBase(bases: readonly number[], i: number): number | undefined {
  const [before2, before, own, behind, behind2] = [-2, -1, 0, 1, 2].map((step) => bases[i + step]);
  if (own === undefined || [before2, before, behind, behind2].includes(own)) return undefined;
  if (before !== undefined && behind !== undefined) return before === behind ? before : undefined;
  if (behind !== undefined && behind === behind2) return behind;
  if (before === undefined) return undefined;
  // Of two blocks, the second is the stray one if it goes back.
  return before === before2 || own < before ? before : undefined;
}
