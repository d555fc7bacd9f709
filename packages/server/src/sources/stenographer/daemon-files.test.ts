import { describe, expect, it } from "vitest";
import type { DaemonFile } from "./daemon-files.js";
import { coverageOf, mayHold } from "./daemon-files.js";

const second = 1_000_000_000n;
const timing = { fileAgeSeconds: 60, blockageSeconds: 10 };

/** Files of one thread, begun at these seconds. */
function files(thread: number, ...begun: number[]): DaemonFile[] {
  return begun.map((at) => ({ thread, name: `${at}000000`, createdNs: BigInt(at) * second }));
}

const window = (from: number, to: number) => ({ startNs: BigInt(from) * second, endNs: BigInt(to) * second });

function gaps(lists: DaemonFile[][], from: number, to: number, now: number): string[] | undefined {
  return coverageOf(lists, window(from, to), timing, BigInt(now) * second)?.gaps.map(
    ({ startNs, endNs, reason, expectedAtNs }) =>
      `${reason} ${startNs / second}-${endNs / second}${expectedAtNs === undefined ? "" : ` until ${expectedAtNs / second}`}`,
  );
}

const steady = files(0, 1000, 1061, 1122, 1183);

describe("coverageOf", () => {
  it("finds none where files follow one another and the window ends before the newest begins", () => {
    expect(gaps([steady], 1000, 1183, 1200)).toEqual([]);
  });

  it("tells what aged out, by the thread that reaches back least", () => {
    expect(gaps([steady, files(1, 1061, 1122, 1183)], 900, 1100, 1200)).toEqual(["aged-out 900-1061"]);
  });

  it("tells what is not on disk yet, and when it should be", () => {
    expect(gaps([steady], 1100, 1250, 1260)).toEqual(["not-yet-written 1183-1250 until 1340"]);
  });

  it("takes a newest file for the last one when later ones would have been there by now", () => {
    expect(gaps([steady], 1100, 1240, 9999)).toEqual([]);
    expect(gaps([steady], 1100, 2000, 9999)).toEqual(["missing 1248-2000"]);
  });

  it("tells a hole between files that no file lasts over", () => {
    expect(gaps([files(0, 1000, 1061, 1500, 1561)], 1000, 1561, 1600)).toEqual(["missing 1126-1500"]);
  });

  it("makes one gap of what several threads lack", () => {
    const two = [files(0, 1000, 1500, 1561), files(1, 1000, 1061, 1520, 1561)];
    expect(gaps(two, 1000, 1561, 1600)).toEqual(["missing 1065-1520"]);
  });

  it("misses everything of a thread that has no file where another one has", () => {
    expect(gaps([steady, []], 1000, 1183, 1200)).toEqual(["missing 1000-1183"]);
  });

  it("knows nothing without a file", () => {
    expect(gaps([[]], 1000, 2000, 3000)).toBeUndefined();
    expect(gaps([], 1000, 2000, 3000)).toBeUndefined();
  });
});

describe("mayHold", () => {
  it("keeps the files that packets of the window can be in, with some reserve", () => {
    const names = mayHold([steady], window(1130, 1160), timing).map(({ name }) => name);
    expect(names).toEqual(["1122000000"]);
    expect(mayHold([steady], window(1060, 1110), timing)).toHaveLength(3);
  });
});
