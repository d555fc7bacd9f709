import { parseTime } from "@stenogrpc/client";
import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { parseWhen } from "./parse-when.js";

const nowNs = 1_767_323_045_123_456_789n; // 2026-01-02T03:04:05.123456789Z

describe("parseWhen", () => {
  it.each([
    ["now", nowNs],
    ["2026-01-02T03:04:05Z", 1_767_323_045_000_000_000n],
    ["2026-01-02 03:04:05z", 1_767_323_045_000_000_000n],
    ["2026-01-02T03:04:05.000000001Z", 1_767_323_045_000_000_001n],
    ["2026-01-02T05:34:05.5+02:30", 1_767_323_045_500_000_000n],
    ["2026-01-01T22:04:05-05:00", 1_767_323_045_000_000_000n],
    ["2026-01-02T03:04Z", 1_767_323_040_000_000_000n],
    ["2026-01-02T04:04:05+0100", 1_767_323_045_000_000_000n],
    ["2026-01-02 03:04:05+00:00", 1_767_323_045_000_000_000n],
    ["2026-01-02T03:04:05,5Z", 1_767_323_045_500_000_000n],
    ["2024-02-29T00:00:00Z", 1_709_164_800_000_000_000n],
    ["1767323045", 1_767_323_045_000_000_000n],
    ["1767323045.25", 1_767_323_045_250_000_000n],
    ["15m", nowNs - 900_000_000_000n],
    ["15m ago", nowNs - 900_000_000_000n],
    ["1h30m", nowNs - 5_400_000_000_000n],
    ["3d", nowNs - 259_200_000_000_000n],
  ])("reads %s", (text, timestampNs) => {
    expect(parseWhen(text, "--from", nowNs)).toBe(timestampNs);
  });

  it("takes every text that the client's options take, as they do", () => {
    const zones = ["Z", "z", "+00", "+0100", "-01:30"];
    const times = ["05:40", "05:40:25", "05:40:25.5", "05:40:25,000000001"];
    for (const text of times.flatMap((time) => zones.map((zone) => `${time}${zone}`))) {
      for (const written of [`2026-11-24T${text}`, ` 2026-11-24 ${text} `]) {
        expect(parseWhen(written, "--from", nowNs)).toBe(parseTime(written, "from"));
      }
    }
  });

  it.each([
    ["2026-01-02 03:04:05", 'has no time zone; add Z for UTC ("2026-01-02T03:04:05Z")'],
    ["2026-01-02", 'has no time of day; write "2026-01-02T00:00:00Z"'],
    ["1767323045000", "is no time; epoch times are in seconds"],
    ["1000-01-01T00:00:00Z", "lies before 1970-01-01T00:00:00Z"],
    ["30000d", "lies before 1970-01-01T00:00:00Z"],
    ["2026-02-30T00:00:00Z", "is not in the calendar"],
    ["2026-13-01T00:00:00Z", "is not in the calendar"],
    ["2026-01-02T24:00:00Z", "is not in the calendar"],
    ["0026-01-02T00:00:00Z", "is not in the calendar"],
    ["2026-01-02T03:04:05+24:00", "has an offset that no clock has"],
    ["2026-01-02T03:04:05.1234567890Z", "is finer than a nanosecond"],
    [
      "yesterday",
      "is no time; write 2026-01-02T03:04:05Z, epoch seconds such as 1767323045, now, or how long ago",
    ],
    [`${"9".repeat(20)}d`, "is no duration"],
  ])("refuses %s by option and text, and says why", (text, why) => {
    const refuse = () => parseWhen(text, "--from", nowNs);
    expect(refuse).toThrow(UsageError);
    expect(refuse).toThrow(`--from: ${JSON.stringify(text)} ${why}`);
  });

  it.each(["", "15", "15min", "-15m"])("refuses %j", (text) => {
    expect(() => parseWhen(text, "--from", nowNs)).toThrow(UsageError);
  });
});
