import { createRandom } from "@stenogrpc/testkit";
import { describe, expect, it } from "vitest";
import type { BlockHeader } from "./block-header.js";
import { blockBytes } from "./format.js";
import { type BlockEntry, BlockTable } from "./packet-file.js";
import { all, nothing, type PositionSet } from "./position-set.js";
import { planReads } from "./read-plan.js";

const KiB = 1024;

function header(usedBytes: number): BlockHeader {
  return { packets: 1, firstOffset: 48, usedBytes, sequence: 0, firstUs: 0, lastUs: 0 };
}

const jobs = (blocks: readonly BlockEntry[], wanted: readonly number[], set: PositionSet) => [
  ...planReads(new BlockTable(blocks, 0), wanted, set),
];
const at = (...positions: number[]): PositionSet => ({
  kind: "positions",
  positions: Uint32Array.from(positions),
});
const whole = (block: number) => ({ block, offsets: undefined, inOnePiece: true });
const full = header(blockBytes);

/** Whether packets at some offsets are read together with the rest of a block of so many bytes. */
function isInOnePiece(usedBytes: number, ...offsets: number[]): boolean | undefined {
  return jobs([header(usedBytes)], [0], at(...offsets))[0]?.inOnePiece;
}

describe("planReads", () => {
  it("reads every wanted block whole where every packet may match, and no other", () => {
    expect(jobs([full, full, full, full], [1, 3], all)).toEqual([whole(1), whole(3)]);
  });

  it("reads those wanted blocks whole that are chosen", () => {
    const set: PositionSet = { kind: "blocks", blocks: Uint32Array.of(0, 2, 3, 9) };
    expect(jobs([full, full, full, full], [1, 2, 3], set)).toEqual([whole(2), whole(3)]);
  });

  it("reads nothing where no packet matches", () => {
    expect(jobs([full, full], [0, 1], nothing)).toEqual([]);
    expect(jobs([full, full], [0, 1], { kind: "blocks", blocks: new Uint32Array(0) })).toEqual([]);
    expect(jobs([full, full], [], at(48))).toEqual([]);
  });

  it("gives the place of each packet from its block's start, and leaves out blocks that are not wanted or have none", () => {
    const start = (block: number) => block * blockBytes;
    const set = at(48, start(1) + 48, start(1) + 500, start(2) - 1, start(3), start(4) + 7, start(4095) + 48);
    const planned = jobs(Array(4096).fill(full), [1, 2, 3, 4095], set);
    expect(planned.map(({ block, offsets }) => [block, ...(offsets ?? [])])).toEqual([
      [1, 48, 500, blockBytes - 1],
      [3, 0],
      [4095, 48],
    ]);
  });

  it("reads a block in one piece from where a seek costs as much, 128 KiB", () => {
    expect(isInOnePiece(128 * KiB, 48)).toBe(true);
    expect(isInOnePiece(128 * KiB + 1, 48)).toBe(false);
    expect(isInOnePiece(blockBytes, 48)).toBe(false);
  });

  it("counts packets no more than 16 KiB apart as one seek and the bytes between them, and others as seeks of their own", () => {
    const near = [100 * KiB, 116 * KiB];
    expect(isInOnePiece(144 * KiB, ...near)).toBe(true);
    expect(isInOnePiece(144 * KiB + 1, ...near)).toBe(false);
    const far = [100 * KiB, 116 * KiB + 1];
    expect(isInOnePiece(256 * KiB, ...far)).toBe(true);
    expect(isInOnePiece(256 * KiB + 1, ...far)).toBe(false);
  });

  it("reads in one piece exactly where the seeks to all runs of packets cost no less than the block", () => {
    const random = createRandom(2);
    const seen = { true: 0, false: 0 };
    for (let i = 0; i < 500; i++) {
      const usedBytes = random.between(1, blockBytes + 1);
      const gap = random.pick([100, 17_000, 200_000, 400_000]);
      const offsets: number[] = [];
      for (let offset = random.between(48, gap + 48); offset < usedBytes; offset += random.between(72, gap)) {
        offsets.push(offset);
      }
      if (offsets.length === 0) continue;
      const cuts = offsets.filter((offset, k) => k === 0 || offset - (offsets[k - 1] ?? 0) > 16 * KiB);
      const spans = cuts.map((first, k) => {
        const next = cuts[k + 1] ?? Number.POSITIVE_INFINITY;
        return Math.max(...offsets.filter((offset) => offset < next)) - first;
      });
      const cost = spans.reduce((sum, span) => sum + span + 128 * KiB, 0);
      const planned = isInOnePiece(usedBytes, ...offsets);
      expect(planned, `${usedBytes}: ${offsets}`).toBe(cost >= usedBytes);
      seen[`${planned}` as "true" | "false"]++;
    }
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(50);
  });

  it("takes a block whose header can't be read for a full one", () => {
    const eight = Array.from({ length: 8 }, (_, i) => 48 + i * 100 * KiB);
    const [seven] = jobs(["no header"], [0], at(...eight.slice(1)));
    expect(seven).toMatchObject({ block: 0, inOnePiece: false });
    expect(jobs(["no header"], [0], at(...eight))[0]?.inOnePiece).toBe(true);
  });
});
