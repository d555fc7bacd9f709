import * as z from "zod";
import { nearest } from "./nearest.js";

/**
 * A zod object that refuses unknown keys and names the nearest known one: a typing error in a limit must not become
 * "no limit".
 */
export function strictOptions<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? unknownKeys(issue.keys, known) : undefined),
  });
}

function unknownKeys(unknown: readonly string[], known: readonly string[]): string {
  return unknown
    .map((key) => {
      const candidate = nearest(key, known);
      const hint =
        candidate === undefined ? `known keys: ${known.join(", ")}` : `did you mean "${candidate}"?`;
      return `unknown key "${key}"; ${hint}`;
    })
    .join("; ");
}
