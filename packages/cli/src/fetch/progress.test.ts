import { describe, expect, it } from "vitest";
import { createProgress } from "./progress.js";

function recorder(terminal: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  return { written, stream: { ...terminal, write: (text: string) => written.push(text) } };
}

describe("progress", () => {
  it("draws one line again on a terminal, at most ten times a second, and removes it", () => {
    const { written, stream } = recorder({ isTTY: true });
    let nowMs = 0;
    const progress = createProgress(stream, { nowMs: () => nowMs });
    for (nowMs = 50; nowMs <= 1000; nowMs += 50) progress.update({ packets: nowMs, bytes: nowMs * 1024 });
    progress.end();
    expect(written).toHaveLength(10 + 1);
    expect(written[0]).toBe("\r\u001b[2K50 packets, 50.0 KiB, 1000.0 KiB/s");
    expect(written.at(-1)).toBe("\r\u001b[2K");
    expect(written.join("")).not.toContain("\n");
  });

  it("is cut to the terminal's width, since a wrapped line could not be drawn again", () => {
    const { written, stream } = recorder({ isTTY: true, columns: 12 });
    createProgress(stream, { nowMs: () => 0 }).update({ packets: 1, bytes: 24 });
    expect(written).toEqual(["\r\u001b[2K1 packet, 2"]);
  });

  it("takes a terminal that no one told its size for one of 80 columns", () => {
    const { written, stream } = recorder({ isTTY: true, columns: 0 });
    createProgress(stream, { nowMs: () => 0 }).update({ packets: 1, bytes: 24 });
    expect(written).toEqual(["\r\u001b[2K1 packet, 24 B, 23.4 KiB/s"]);
  });

  it("is a plain line every five seconds anywhere else", () => {
    const { written, stream } = recorder();
    let nowMs = 0;
    const progress = createProgress(stream, { nowMs: () => nowMs });
    for (nowMs = 1000; nowMs <= 11_000; nowMs += 1000) progress.update({ bytes: 2048 });
    progress.end();
    expect(written).toEqual(["2.0 KiB, 410 B/s\n", "2.0 KiB, 205 B/s\n"]);
  });

  it("says nothing when it is to be quiet", () => {
    const { written, stream } = recorder({ isTTY: true });
    const progress = createProgress(stream, { quiet: true });
    progress.update({ packets: 1, bytes: 1 });
    progress.end();
    expect(written).toEqual([]);
  });
});
