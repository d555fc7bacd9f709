import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FetchProgress, reportProgress } from "./progress.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("progress", () => {
  it("is told at most ten times a second, and once at the end with the final counts", async () => {
    const reports: FetchProgress[] = [];
    const counts = { packets: 0, pcapBytes: 24 };
    const progress = reportProgress(
      (report) => reports.push(report),
      () => counts,
    );
    async function* pieces() {
      for (let i = 0; i < 100; i++) {
        vi.advanceTimersByTime(10);
        counts.packets++;
        counts.pcapBytes += 100;
        yield new Uint8Array(100);
      }
    }
    let passed = 0;
    for await (const _ of progress.over(pieces())) passed++;
    expect(passed).toBe(100);
    expect(reports.map((report) => report.elapsedMs)).toEqual([
      100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1000,
    ]);
    expect(reports[0]).toEqual({ packets: 10, bytes: 1024, elapsedMs: 100 });
    expect(reports.at(-1)).toEqual({ packets: 100, bytes: 10_024, elapsedMs: 1000 });
  });

  it("of something quick is told once", async () => {
    const reports: FetchProgress[] = [];
    const progress = reportProgress(
      (report) => reports.push(report),
      () => ({ packets: 1, pcapBytes: 100 }),
    );
    async function* piece() {
      yield new Uint8Array(100);
    }
    for await (const _ of progress.over(piece()));
    expect(reports).toEqual([{ packets: 1, bytes: 100, elapsedMs: 0 }]);
  });
});
