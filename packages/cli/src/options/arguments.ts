import { InvalidArgumentError } from "commander";
import { parseDuration } from "../text/parse-duration.js";
import { parseSize } from "../text/parse-size.js";
import { UsageError } from "../usage-error.js";

/** An option's whole number within bounds, both included. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Write a whole number of at least ${min}.`
          : `Write a whole number from ${min} to ${max}.`,
      );
    }
    return value;
  };
}

/** What a request's reason may have (StenoRequest.reason). */
export const mostReasonCharacters = 1024;

/** Why packets are wanted, within what a server takes. */
export function reasonArgument(text: string): string {
  if (text.trim() !== "" && text.length <= mostReasonCharacters) return text;
  throw new InvalidArgumentError(`Write 1 to ${mostReasonCharacters} characters.`);
}

/** A name of a file, folder or server: an empty one is what an unset variable of a script leaves. */
export function nameArgument(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Write a name; this is empty.");
}

/** What every capture has: its file header (StenoRequest.max_bytes). */
const leastBytes = 24;

/** An option's size in bytes, as a limit of an answer may have it. */
export const sizeArgument = asArgument(parseSize, (bytes) =>
  bytes < leastBytes ? `Write at least ${leastBytes}, the bytes of a capture without packets.` : undefined,
);

/** The longest that a timer of Node's waits. */
const longestTimeoutMs = 2_147_483_647;

/** An option's duration in milliseconds, as a timeout may have it. */
export const durationArgument = asArgument(parseDuration, (durationMs) =>
  durationMs < 1 || durationMs > longestTimeoutMs ? "Write 1ms or more, and no more than 24d." : undefined,
);

/** commander names the option in front of an InvalidArgumentError only. */
function asArgument<T>(
  parse: (text: string) => T,
  problem: (value: T) => string | undefined,
): (text: string) => T {
  return (text) => {
    const value = parsed(parse, text);
    const wrong = problem(value);
    if (wrong !== undefined) throw new InvalidArgumentError(wrong);
    return value;
  };
}

function parsed<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error;
  }
}
