import { OptionsError, parseOptions } from "@stenogrpc/options";
import type { z } from "zod";
import { StenographerError } from "./stenographer-error.js";

/**
 * Checks options against a schema, as @stenogrpc/options does, and fails as this package fails.
 *
 * @throws StenographerError `OPTIONS_INVALID` that names every problem, and for an unknown key the nearest known one
 */
export function checkOptions<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  try {
    return parseOptions(what, schema, options);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    throw optionsInvalid(error.message, error);
  }
}

export function optionsInvalid(message: string, cause?: unknown): StenographerError {
  return new StenographerError(message, { code: "invalid_argument", reason: "OPTIONS_INVALID", cause });
}
