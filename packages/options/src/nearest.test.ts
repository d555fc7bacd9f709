import { expect, it } from "vitest";
import { nearest } from "./nearest.js";

const keys = ["root_certificate", "role", "common_name", "dns", "uri", "max_bytes", "max_bytes_per_hour"];

it.each([
  ["root_cert", "root_certificate"],
  ["Common", "common_name"],
  ["max_byte", "max_bytes"],
  ["maxbytes", "max_bytes"],
  ["dsn", "dns"],
  ["rol", "role"],
  ["max_bytes", "max_bytes"],
])("takes %s for %s", (word, meant) => {
  expect(nearest(word, keys)).toBe(meant);
});

it.each(["cn", "x", "", "max", "colour", "certificate"])("takes %j for nothing", (word) => {
  expect(nearest(word, keys)).toBeUndefined();
});
