import { describe, expect, it } from "vitest";
import { glob } from "./glob.js";

describe("a pattern", () => {
  it.each([
    ["exact", "exact"],
    ["a*", "ab"],
    ["*a", "ba"],
    ["a*c", "abc"],
    ["a*a", "aaa"],
    ["a*b*c", "a-b-b-c"],
    ["*", "anything"],
    ["**", "ab"],
    ["a.c", "a.c"],
    ["spiffe://corp/ns/*/sa/web-*", "spiffe://corp/ns/soc/sa/web-1"],
  ])("%s means %s", (pattern, text) => {
    expect(glob(pattern, "/")(text)).toBe(true);
  });

  it.each([
    ["exact", "exactly"],
    ["exact", "Exact"],
    ["a*", "a"],
    ["*a", "a"],
    ["a*a", "a"],
    ["a*a", "aa"],
    ["**", "a"],
    ["a.c", "abc"],
    ["a*c", "abcd"],
    ["[ab]", "a"],
    ["a?", "ab"],
    ["spiffe://corp/*", "spiffe://corp/ns/admin"],
    ["spiffe://corp/*", "spiffe://corp/"],
    ["spiffe://*/sa", "spiffe:///sa"],
    ["*", ""],
  ])("%s does not mean %s", (pattern, text) => {
    expect(glob(pattern, "/")(text)).toBe(false);
  });

  it("stops at each of its separators, and tells them apart", () => {
    const test = glob("*@example.org", "/@");
    expect(["a@example.org", "a@b@example.org", "a/b@example.org", "a/example.org"].map(test)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it("is decided in one way through the text, however many stars there are", () => {
    expect(glob("*a".repeat(500), "")("a".repeat(100_000))).toBe(true);
    expect(glob(`${"*a".repeat(500)}b`, "")("a".repeat(100_000))).toBe(false);
  });
});
