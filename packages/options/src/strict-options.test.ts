import { describe, expect, it } from "vitest";
import * as z from "zod";
import { OptionsError, parseOptions, strictOptions } from "./index.js";

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
      new OptionsError('client: unknown key "maxByte"; did you mean "maxBytes"?'),
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

  it("names every problem at once", () => {
    expect(() => parseOptions("client", schema, { maxBytes: -1, limits: { timeoutMs: "x" } })).toThrow(
      /maxBytes: .*; limits\.timeoutMs: /,
    );
  });
});
