import { expect, it } from "vitest";
import * as z from "zod";
import { sameType, strictOptions } from "./index.js";

interface Options {
  /** Unit: bytes. */
  maxBytes?: number | undefined;
  names: string[];
}

it("takes an interface and a schema's type that are the same", () => {
  const schema = strictOptions({ maxBytes: z.int().default(5), names: z.array(z.string()) });
  expect(sameType<Options, z.input<typeof schema>>(true)).toBeUndefined();
});

it("is refused by the compiler where a key, its type, its ? or its readonly differ", () => {
  // @ts-expect-error one key more
  sameType<Options, Options & { more: string }>(true);
  // @ts-expect-error one key less
  sameType<Options, Omit<Options, "maxBytes">>(true);
  // @ts-expect-error another type
  sameType<Options, { maxBytes?: string | undefined; names: string[] }>(true);
  // @ts-expect-error required
  sameType<Options, { maxBytes: number | undefined; names: string[] }>(true);
  // @ts-expect-error readonly
  sameType<Options, { readonly maxBytes?: number | undefined; names: string[] }>(true);
  sameType<Options, { maxBytes?: number | undefined; names: string[] }>(true);
});
