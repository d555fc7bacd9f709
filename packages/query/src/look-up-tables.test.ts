import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { absent, LookUpTables, lookUp } from "./look-up-tables.js";

const signed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("tables in one array", () => {
  it("have what was put into each of them, and nothing else", () => {
    const table = fc.uniqueArray(fc.tuple(signed, fc.nat()), { minLength: 2, selector: ([from]) => from });
    fc.assert(
      fc.property(fc.array(table, { minLength: 1, maxLength: 4 }), fc.array(signed), (contents, others) => {
        const tables = new LookUpTables();
        const starts = contents.map((entries) => tables.add(entries));
        const encoded = tables.encoded();
        for (const [i, entries] of contents.entries()) {
          const map = new Map(entries);
          for (const from of [...map.keys(), ...others])
            expect(lookUp(encoded, starts[i] ?? 0, from)).toBe(map.get(from) ?? absent);
        }
      }),
    );
  });
});
