import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstTimestampNs, lastTimestampNs, parseAgo, parseTime, printTime } from "./time.js";

const secondNs = 1_000_000_000n;

describe("parseTime", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0n],
    ["2015-01-01T13:14:15Z", 1_420_118_055n * secondNs],
    ["2015-01-01T13:14:15.5Z", 1_420_118_055n * secondNs + 500_000_000n],
    ["2015-01-01T13:14:15.123456789Z", 1_420_118_055n * secondNs + 123_456_789n],
    ["2015-01-01T14:14:15+01:00", 1_420_118_055n * secondNs],
    ["2015-01-01T07:44:15-05:30", 1_420_118_055n * secondNs],
    ["1969-12-31T23:59:59.5Z", -500_000_000n],
    ["2016-02-29T00:00:00Z", 1_456_704_000n * secondNs],
    ["0000-01-01T00:00:00Z", firstTimestampNs],
    ["9999-12-31T23:59:59.999999999Z", lastTimestampNs],
    ["0099-01-01T00:00:00Z", -59_042_995_200n * secondNs],
    // As Stenographer's Go 1.19: one digit for the hour, any two digits in an offset.
    ["2015-01-01T1:14:15Z", 1_420_074_855n * secondNs],
    ["2015-01-01T13:14:15+25:00", 1_420_028_055n * secondNs],
  ])("reads %s", (text, expected) => {
    expect(parseTime(text)).toBe(expected);
  });

  it("cuts digits past the nanosecond off and does not round", () => {
    expect(parseTime("1970-01-01T00:00:00.1234567899Z")).toBe(123_456_789n);
    expect(parseTime("1969-12-31T23:59:59.9999999999Z")).toBe(-1n);
  });

  it.each([
    "",
    "2015-01-01",
    "2015-01-01T13:14:15",
    "2015-01-01T13:14Z",
    "2015-01-01t13:14:15Z",
    "2015-01-01T13:14:15z",
    "2015-01-01T13:14:15.Z",
    "2015-01-01T13:14:15+0100",
    "2015-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2015-13-01T00:00:00Z",
    "2015-00-01T00:00:00Z",
    "2015-04-31T00:00:00Z",
    "2015-01-01T24:00:00Z",
    "2015-01-01T23:60:00Z",
    "2016-12-31T23:59:60Z",
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    " 2015-01-01T13:14:15Z",
    "2015-01-01T13:14:15ZZ",
  ])("does not read %j", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});

describe("printTime", () => {
  it("prints what parses to the same instant, for any year there is", () => {
    fc.assert(
      fc.property(fc.bigInt(firstTimestampNs, lastTimestampNs), (timestampNs) => {
        const text = printTime(timestampNs);
        expect(text).toMatch(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*[1-9])?Z$/);
        expect(parseTime(text)).toBe(timestampNs);
      }),
    );
  });

  it("refuses what RFC 3339 cannot write", () => {
    expect(() => printTime(firstTimestampNs - 1n)).toThrow(RangeError);
    expect(() => printTime(lastTimestampNs + 1n)).toThrow(RangeError);
  });
});

describe("parseAgo", () => {
  it.each([
    ["45m", 45n * 60n, "45m"],
    ["3h", 3n * 3600n, "3h"],
    ["60m", 3600n, "1h"],
    ["0m", 0n, "0h"],
    ["0005m", 300n, "5m"],
    ["2562047h", 2_562_047n * 3600n, "2562047h"],
    ["153722867m", 153_722_867n * 60n, "153722867m"],
  ])("reads %s", (text, seconds, canonical) => {
    expect(parseAgo(text)).toEqual({ kind: "ago", nanoseconds: seconds * secondNs, text: canonical });
  });

  it.each([
    "",
    "m",
    "5",
    "5s",
    "5d",
    "-5m",
    "1.5h",
    "5hm",
    "2562048h",
    "153722868m",
    `1${"0".repeat(99_999)}m`,
  ])("does not read %s", (text) => {
    expect(parseAgo(text)).toBeUndefined();
  });
});
