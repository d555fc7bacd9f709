import { nearest } from "@stenogrpc/options";
import * as z from "zod";
import { parseDuration } from "../text/parse-duration.js";
import { parseSize } from "../text/parse-size.js";
import { UsageError } from "../usage-error.js";

/** Text that is not empty. */
export function text(what: string) {
  const error = (issue: { input?: unknown }) =>
    issue.input === undefined ? `missing: ${what}` : `must be ${what}, as text`;
  return z.string({ error }).min(1, { error: `must be ${what}, not empty` });
}

/** A whole number within bounds, both included. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return z
    .int({ error: `must be a whole number ${bounds}` })
    .min(min)
    .max(max);
}

/** True or false. */
export const flag = z.boolean({ error: "must be true or false" });

/** One of a few words; another one is told the nearest. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, {
    error: ({ input }) => {
      const meant = typeof input === "string" ? nearest(input, words) : undefined;
      return `must be one of ${words.join(", ")}${meant ? `; did you mean "${meant}"?` : ""}`;
    },
  });
}

/** Bytes, as a number or as text such as "2GiB". */
export const size = z
  .union([z.int().nonnegative(), z.string()], { error: "must be bytes or text such as 2GiB" })
  .transform((value, context) =>
    typeof value === "number" ? value : attempt(() => parseSize(value), context),
  );

/** Milliseconds, from a number of seconds or from text such as "15m". */
export const durationMs = z
  .union([z.number().nonnegative(), z.string()], { error: "must be seconds or text such as 15m" })
  .transform((value, context) =>
    typeof value === "number" ? Math.round(value * 1000) : attempt(() => parseDuration(value), context),
  );

function attempt<T>(parse: () => T, context: z.core.$RefinementCtx): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.issues.push({ code: "custom", message: error.message, input: context.value });
    return z.NEVER;
  }
}
