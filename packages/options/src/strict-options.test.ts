import { describe, expect, it } from "vitest";
import * as z from "zod";
import { optionsError, parseOptions, strictOptions } from "./index.js";

const schema = strictOptions({
  maxBytes: z.int().positive().optional(),
  limits: strictOptions({ timeoutMs: z.int().default(5) }).prefault({}),
});

describe("options", () => {
  it("fills in defaults, nested ones too", () => {
    expect(parseOptions("client", schema, {})).toEqual({ limits: { timeoutMs: 5 } });
  });

  it("names the nearest known key for an unknown one", () => {
    expect(() => parseOptions("client", schema, { maxByte: 1 })).toThrow(
      optionsError("client", [{ path: [], message: 'unknown key "maxByte"; did you mean "maxBytes"?' }]),
    );
  });

  it("lists the known keys when none is near", () => {
    expect(() => parseOptions("client", schema, { colour: 1 })).toThrow(
      'client: unknown key "colour"; known keys: maxBytes, limits',
    );
  });

  it("says where a nested problem is", () => {
    expect(() => parseOptions("client", schema, { limits: { timeoutsMs: 1 } })).toThrow(
      'client: limits: unknown key "timeoutsMs"; did you mean "timeoutMs"?',
    );
  });

  it("says once what is wrong with many elements of a list, and how many", () => {
    const lists = strictOptions({
      names: z.array(z.string("must be text")),
      sizes: z.array(z.int("must be whole")),
    });
    expect(() => parseOptions("client", lists, { names: [1, "a", 2, 3], sizes: [0.5] })).toThrow(
      optionsError("client", [
        { path: ["names", 0], message: "must be text (and 2 more)" },
        { path: ["sizes", 0], message: "must be whole" },
      ]),
    );
  });

  it("names paths in its message and keeps them apart from it", () => {
    const problem = { path: ["names", 0], message: "must be text" };
    expect(optionsError("client", [problem, { ...problem, path: [] }])).toMatchObject({
      message: "client: names.0: must be text; must be text",
      problems: [problem, { path: [] }],
    });
  });

  it("names every problem at once", () => {
    expect(() => parseOptions("client", schema, { maxBytes: -1, limits: { timeoutMs: "x" } })).toThrow(
      /maxBytes: .*; limits\.timeoutMs: /,
    );
  });
});
