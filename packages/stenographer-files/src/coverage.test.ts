import { describe, expect, it } from "vitest";
import { type CoveredFile, gapsIn, type PacketSpan, threadGaps, type WritingTimes } from "./coverage.js";

const second = 1e6;
const times: WritingTimes = { fileAgeUs: 60 * second, blockAgeUs: 10 * second, nowUs: 1000 * second };
const whole = { oldest: true, newest: true };

function span(from: number, to: number, first = 0, last = first): PacketSpan {
  return { firstUs: from * second, lastUs: to * second, firstSequence: first, lastSequence: last };
}

function finished(created: number, packets?: PacketSpan): CoveredFile {
  return { createdUs: created * second, state: "finished", packets };
}

function other(created: number, state: "unfinished" | "lost"): CoveredFile {
  return { createdUs: created * second, state };
}

/** Gaps in seconds, as `from-to reason`, with `@` when they are expected to be filled. */
function gaps(
  files: readonly CoveredFile[],
  { is = whole, window = [0, 1000] as readonly [number, number], nowUs = times.nowUs } = {},
): string[] {
  const ns = (seconds: number) => BigInt(seconds) * 1_000_000_000n;
  const cut = { startNs: ns(window[0]), endNs: ns(window[1]) };
  const writing = { ...times, nowUs };
  return gapsIn(cut, threadGaps(files, is, writing), writing).map(
    ({ startNs, endNs, reason, expectedAtNs }) =>
      `${Number(startNs) / 1e9}-${Number(endNs) / 1e9} ${reason}${
        expectedAtNs === undefined ? "" : ` @${Number(expectedAtNs) / 1e9}`
      }`,
  );
}

describe("the gaps of a thread", () => {
  it("begin before the oldest file, or before its first packet where that is earlier", () => {
    const rest = [finished(500, span(500, 999, 2))];
    expect(gaps([finished(440, span(450, 490, 1)), ...rest], { window: [100, 999] })).toEqual([
      "100-440 aged-out",
    ]);
    expect(gaps([finished(440, span(433, 490, 1)), ...rest], { window: [100, 999] })).toEqual([
      "100-433 aged-out",
    ]);
    expect(gaps([finished(440, span(433, 490, 1)), ...rest], { window: [433, 999] })).toEqual([]);
  });

  it("end a window that reaches beyond the file that is being written, and say when that is finished", () => {
    const files = [finished(900, span(900, 958, 1)), other(961, "unfinished")];
    expect(gaps(files, { window: [900, 990] })).toEqual(["958.000001-990 not-yet-written @1036"]);
    // Packets of these seconds may go into the next file.
    expect(gaps(files, { window: [900, 1020] })).toEqual(["958.000001-1020 not-yet-written @1095"]);
    expect(gaps(files, { window: [900, 958] })).toEqual([]);
  });

  it("leave out an idle link: the file before ended when the newest was begun, less a block's age", () => {
    const files = [finished(838), finished(900), other(961, "unfinished")];
    expect(gaps(files, { window: [838, 951] })).toEqual([]);
    expect(gaps(files, { window: [838, 952] })).toEqual(["951-952 not-yet-written @1036"]);
  });

  it("call missing what should have been written by now", () => {
    const files = [finished(500, span(500, 560, 1)), other(561, "unfinished")];
    expect(gaps(files, { window: [500, 900] })).toEqual(["560.000001-900 missing"]);
    expect(gaps(files.slice(0, 1), { window: [500, 900] })).toEqual(["560.000001-900 missing"]);
    expect(gaps(files.slice(0, 1), { window: [500, 900], nowUs: 570 * second })).toEqual([
      "560.000001-900 not-yet-written @975",
    ]);
  });

  it("are none where the kernel's block number goes on, however far apart the names are", () => {
    const files = [finished(100, span(100, 101, 1, 3)), finished(700, span(700, 999, 4))];
    expect(gaps(files, { window: [100, 999] })).toEqual([]);
    const idle = [files[0] as CoveredFile, finished(161), finished(600), files[1] as CoveredFile];
    expect(gaps(idle, { window: [100, 999] })).toEqual([]);
  });

  it("lie where the block number jumps or begins anew", () => {
    const before = finished(100, span(100, 159, 1, 3));
    for (const next of [5, 1, 3]) {
      expect(gaps([before, finished(162, span(163, 999, next))], { window: [100, 999] })).toEqual([
        "159-163 missing",
      ]);
    }
  });

  it("lie between names further apart than a file's age where there is no number", () => {
    const last = finished(300, span(301, 999));
    expect(gaps([finished(238), last], { window: [238, 999] })).toEqual([]);
    expect(gaps([finished(200), last], { window: [200, 999] })).toEqual(["260-300 missing"]);
    expect(gaps([finished(200, span(200, 298)), last], { window: [200, 999] })).toEqual([]);
    expect(gaps([finished(200, span(200, 280)), last], { window: [200, 999] })).toEqual(["280-300 missing"]);
  });

  it("lie where a file was deleted or only its index is left, and before the others if it was the oldest", () => {
    const files = [finished(100, span(100, 159, 1)), other(161, "lost"), finished(222, span(222, 999, 3))];
    expect(gaps(files, { window: [100, 999] })).toEqual(["159-222 missing"]);
    expect(gaps(files.slice(1), { window: [100, 999] })).toEqual(["100-222 aged-out"]);
    expect(gaps([files[0] as CoveredFile, ...files.slice(1, 2)], { window: [100, 999] })).toEqual([
      "159.000001-999 missing",
    ]);
  });

  it("are none where a lost file had no block", () => {
    const files = [finished(100, span(100, 159, 1)), other(161, "lost"), finished(222, span(222, 999, 2))];
    expect(gaps(files, { window: [100, 999] })).toEqual([]);
  });

  it("are the whole window without files, and nothing is said beyond files that have neighbours", () => {
    expect(gaps([])).toEqual(["0-1000 missing"]);
    expect(gaps([other(950, "unfinished")])).toEqual(["0-950 aged-out", "950-1000 not-yet-written @1025"]);
    const inside = { oldest: false, newest: false };
    expect(gaps([finished(400, span(400, 450, 7))], { is: inside })).toEqual([]);
  });

  it("are joined where those of two threads overlap, by reason", () => {
    const a = threadGaps([finished(100, span(100, 300, 1)), finished(400, span(400, 999, 3))], whole, times);
    const b = threadGaps([finished(350, span(350, 999, 1))], whole, times);
    const window = { startNs: 50_000_000_000n, endNs: 999_000_000_000n };
    expect(gapsIn(window, [...a, ...b], times)).toEqual([
      { startNs: 50_000_000_000n, endNs: 350_000_000_000n, reason: "aged-out" },
      { startNs: 300_000_000_000n, endNs: 400_000_000_000n, reason: "missing" },
    ]);
  });
});
