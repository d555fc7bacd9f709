import { expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { parseSize } from "./parse-size.js";

it.each([
  ["1048576", 1_048_576],
  ["0", 0],
  ["24B", 24],
  ["64k", 65_536],
  ["10M", 10_485_760],
  ["2GiB", 2_147_483_648],
  ["2 gib", 2_147_483_648],
  ["500MB", 500_000_000],
  ["1.5KB", 1500],
  ["1TiB", 1_099_511_627_776],
])("reads %s as %i bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each(["", "GiB", "-1", "1.5", "10iB", "10XB", "1e6", "0x10", "99999999TiB", "10 000"])(
  "refuses %j and says what to write",
  (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
    expect(() => parseSize(text)).toThrow("such as 1048576, 500MB or 2GiB");
  },
);
