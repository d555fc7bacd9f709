import { expect, it } from "vitest";
import { counted, formatDuration, formatSize } from "./format.js";
import { parseDuration } from "./parse-duration.js";
import { printable } from "./printable.js";

it.each([
  [0, "0 B"],
  [24, "24 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1_048_575, "1.0 MiB"],
  [2_147_483_648, "2.0 GiB"],
  [5_629_499_534_213_120, "5120.0 TiB"],
])("writes %i bytes as %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

it.each([
  [0, "0s"],
  [1500, "1.5s"],
  [90_000, "1m30s"],
  [3_600_000, "1h"],
  [90_061_000, "1d1h1m1s"],
])("writes %i milliseconds as %s", (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
  if (!text.includes(".")) expect(parseDuration(text)).toBe(durationMs);
});

it("counts in the singular and the plural", () => {
  expect([0, 1, 1234].map((count) => counted(count, "packet"))).toEqual([
    "0 packets",
    "1 packet",
    "1,234 packets",
  ]);
});

it("keeps what could move the cursor off the terminal", () => {
  expect(printable("sensor\u001b[2J\r\n\u202e1\u009b")).toBe("sensor\ufffd[2J\ufffd\ufffd\ufffd1\ufffd");
});
