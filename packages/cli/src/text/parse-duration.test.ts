import { expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { parseDuration } from "./parse-duration.js";

it.each([
  ["500ms", 500],
  ["90s", 90_000],
  ["15m", 900_000],
  ["2h", 7_200_000],
  ["3d", 259_200_000],
  ["1h30m", 5_400_000],
  ["60", 60_000],
  ["0.25", 250],
])("reads %s as %i milliseconds", (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

it.each(["", "m", "15 min", "-5m", "1.5h", "5M", "1h 30m", "1h30"])(
  "refuses %j and says what to write",
  (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
    expect(() => parseDuration(text)).toThrow("such as 90s, 15m, 2h or 3d");
  },
);
