import { describe, expect, it } from "vitest";
import { parseWhen } from "./parse-when.js";
import { UsageError } from "./usage-error.js";

const nowNs = 1_767_323_045_123_456_789n; // 2026-01-02T03:04:05.123456789Z

describe("parseWhen", () => {
  it.each([
    ["now", nowNs],
    ["2026-01-02T03:04:05Z", 1_767_323_045_000_000_000n],
    ["2026-01-02 03:04:05z", 1_767_323_045_000_000_000n],
    ["2026-01-02T03:04:05.000000001Z", 1_767_323_045_000_000_001n],
    ["2026-01-02T05:34:05.5+02:30", 1_767_323_045_500_000_000n],
    ["2026-01-01T22:04:05-05:00", 1_767_323_045_000_000_000n],
    ["2024-02-29T00:00:00Z", 1_709_164_800_000_000_000n],
    ["1767323045", 1_767_323_045_000_000_000n],
    ["1767323045.25", 1_767_323_045_250_000_000n],
    ["15m", nowNs - 900_000_000_000n],
    ["15m ago", nowNs - 900_000_000_000n],
    ["1h30m", nowNs - 5_400_000_000_000n],
    ["3d", nowNs - 259_200_000_000_000n],
  ])("reads %s", (text, timestampNs) => {
    expect(parseWhen(text, nowNs)).toBe(timestampNs);
  });

  it("refuses a time without a zone and writes it with one", () => {
    expect(() => parseWhen("2026-01-02 03:04:05", nowNs)).toThrow(
      "no zone; write 2026-01-02T03:04:05Z for UTC",
    );
    expect(() => parseWhen("2026-01-02T03:04", nowNs)).toThrow("no zone; write 2026-01-02T03:04:00Z for UTC");
  });

  it("refuses epoch milliseconds", () => {
    expect(() => parseWhen("1767323045000", nowNs)).toThrow("in seconds");
  });

  it.each([
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "0026-01-02T00:00:00Z",
    "2026-01-02T03:04:05+24:00",
  ])("refuses %s, which is not in the calendar", (text) => {
    expect(() => parseWhen(text, nowNs)).toThrow("no such moment");
  });

  it.each(["", "yesterday", "15", "15min", "-15m", "2026-01-02", "2026-01-02T03:04:05.1234567890Z"])(
    "refuses %j",
    (text) => {
      expect(() => parseWhen(text, nowNs)).toThrow(UsageError);
    },
  );
});
