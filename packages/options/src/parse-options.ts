import type { z } from "zod";

/** Options or configuration that make no sense. The message says where, what is wrong, and what would do. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly kind = "options-invalid";
}

/**
 * Checks options against a schema and fills in the defaults.
 *
 * @param what what the options are of, to begin the message with
 * @throws OptionsError that names every problem
 */
export function parseOptions<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) =>
    issue.path.length === 0 ? issue.message : `${issue.path.map(String).join(".")}: ${issue.message}`,
  );
  throw new OptionsError(`${what}: ${problems.join("; ")}`);
}
