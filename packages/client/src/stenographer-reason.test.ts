import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { stenographerReasons } from "./stenographer-reason.js";

it("is what the README's table explains", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = readme.split("\n").filter((line) => line.startsWith("| `") && /`[A-Z]+_?[A-Z_]*`/.test(line));
  const explained = rows.flatMap((row) => row.split("|")[1]?.match(/(?<=`)[A-Z_]+(?=`)/g) ?? []);
  expect(new Set(explained)).toEqual(new Set(stenographerReasons));
  expect(explained).toHaveLength(stenographerReasons.length);
});
