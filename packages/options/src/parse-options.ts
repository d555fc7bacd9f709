import type { z } from "zod";

/** One thing that is wrong. */
export interface OptionProblem {
  /** Keys and positions that lead to it. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Options or configuration that make no sense. The message says where, what is wrong, and what would do. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly kind = "options-invalid";
  /** The same one by one, for whoever has other names for the options. Empty: there is only the message. */
  readonly problems: readonly OptionProblem[];

  constructor(message: string, problems: readonly OptionProblem[] = []) {
    super(message);
    this.problems = problems;
  }
}

/** The error of options that have problems. `what` they are of begins the message. */
export function optionsError(what: string, problems: readonly OptionProblem[]): OptionsError {
  const texts = problems.map(({ path, message }) =>
    path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`,
  );
  return new OptionsError(`${what}: ${texts.join("; ")}`, problems);
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
  throw optionsError(what, withoutRepetition(result.error.issues));
}

/** A list whose elements are all wrong in one way is one mistake, such as the wrong file: the first element speaks for all. */
function withoutRepetition(issues: readonly OptionProblem[]): OptionProblem[] {
  const alike = new Map<string, { first: OptionProblem; more: number }>();
  for (const issue of issues) {
    const { path, message } = issue;
    const place = typeof path.at(-1) === "number" ? path.slice(0, -1).map(String) : [...path.map(String), ""];
    const key = JSON.stringify([place, message]);
    const known = alike.get(key);
    if (known) known.more++;
    else alike.set(key, { first: issue, more: 0 });
  }
  return [...alike.values()].map(({ first: { path, message }, more }) => ({
    path,
    message: more > 0 ? `${message} (and ${more} more)` : message,
  }));
}
