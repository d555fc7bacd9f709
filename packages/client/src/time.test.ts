import { describe, expect, it } from "vitest";
import { failureOf } from "../test-support/failure.js";
import { formatTime, parseTime, type TimeInput } from "./time.js";

const noonNs = 1_782_907_200_000_000_000n;

describe("parseTime", () => {
  it.each<[TimeInput, bigint]>([
    [new Date("2026-07-01T12:00:00.250Z"), noonNs + 250_000_000n],
    ["2026-07-01T12:00:00Z", noonNs],
    ["2026-07-01T12:00Z", noonNs],
    ["2026-07-01 12:00:00z", noonNs],
    ["2026-07-01T14:00:00+02:00", noonNs],
    ["2026-07-01T06:30:00-0530", noonNs],
    ["2026-07-01T14:00:00+02", noonNs],
    ["2026-07-01T12:00:00.000000001Z", noonNs + 1n],
    ["2026-07-01T12:00:00.5Z", noonNs + 500_000_000n],
    [1_782_907_200, noonNs],
    [1_782_907_200.1, noonNs + 100_000_000n],
    [1_782_907_200.123456, noonNs + 123_456_000n],
    [0.0000005, 500n],
    [0, 0n],
    [noonNs + 7n, noonNs + 7n],
  ])("reads %s exactly", (input, ns) => {
    expect(parseTime(input, "from")).toBe(ns);
  });

  it("refuses a string without a zone, and says to add Z", async () => {
    const failure = await failureOf(() => parseTime("2026-07-01T12:00:00", "from"));
    expect(failure.reason).toBe("TIME_INVALID");
    expect(failure.message).toBe(
      'from: "2026-07-01T12:00:00" has no time zone; add Z for UTC ("2026-07-01T12:00:00Z") or an offset: +02:00',
    );
  });

  it.each<[TimeInput, string]>([
    [1_782_907_200_000, "looks like milliseconds; a number is seconds since 1970: divide by 1000, or"],
    [1_782_907_200_000_000, "looks like microseconds; a number is seconds since 1970: divide by 1000000"],
    [1_782_907_200_000_000_000, "looks like nanoseconds; a number is seconds since 1970: pass nanoseconds"],
    [1_782_907_200n, "looks like seconds; a bigint is nanoseconds since 1970: multiply by 1_000_000_000n"],
    [
      1_782_907_200_000n,
      "looks like milliseconds; a bigint is nanoseconds since 1970: multiply by 1_000_000n",
    ],
    [
      1_782_907_200_000_000n,
      "looks like microseconds; a bigint is nanoseconds since 1970: multiply by 1_000n",
    ],
  ])("refuses %s, which is in another unit", async (value, message) => {
    const failure = await failureOf(() => parseTime(value, "to"));
    expect(failure.reason).toBe("TIME_INVALID");
    expect(failure.message).toContain(`to: ${value} ${message}`);
  });

  it.each<[TimeInput, RegExp]>([
    ["2026-07-01", /no time of day; write "2026-07-01T00:00:00Z"/],
    ["2026-02-30T00:00:00Z", /not in the calendar/],
    ["2026-01-01T24:00:00Z", /not in the calendar/],
    ["2026-01-01T23:59:60Z", /not in the calendar/],
    ["2026-01-01T00:00:00+24:00", /offset that no clock has/],
    ["2026-01-01T00:00:00.0000000001Z", /finer than a nanosecond/],
    ["yesterday", /"yesterday" is no time/],
    ["15m", /"15m" is no time/],
    [Number.NaN, /NaN is no number of seconds/],
    [-1, /before 1970/],
    [-1n, /before 1970/],
    ["1969-12-31T23:59:59Z", /before 1970/],
    [253_402_300_800n * 1_000_000_000n, /after the year 9999/],
    [new Date(Number.NaN), /invalid Date/],
  ])("refuses %s and says why", async (input, message) => {
    const failure = await failureOf(() => parseTime(input, "from"));
    expect(failure.reason).toBe("TIME_INVALID");
    expect(failure.code).toBe("invalid_argument");
    expect(failure.message).toMatch(message);
  });
});

describe("formatTime", () => {
  it.each([
    [0n, "1970-01-01T00:00:00Z"],
    [1_767_323_045_123_456_789n, "2026-01-02T03:04:05.123456789Z"],
    [1_767_323_045_120_000_000n, "2026-01-02T03:04:05.120Z"],
    [1_767_323_045_000_000_001n, "2026-01-02T03:04:05.000000001Z"],
  ])("writes %i so that parseTime reads it back", (timestampNs, text) => {
    expect(formatTime(timestampNs)).toBe(text);
    expect(parseTime(text, "from")).toBe(timestampNs);
  });

  it("writes times before 1970, which a server may give", () => {
    expect(formatTime(-1n)).toBe("1969-12-31T23:59:59.999999999Z");
    expect(formatTime(-62_135_596_800_000_000_000n)).toBe("0001-01-01T00:00:00Z");
  });
});
