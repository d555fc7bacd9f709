import { InvalidArgumentError } from "commander";
import { parseDuration } from "./parse-duration.js";
import { parseSize } from "./parse-size.js";
import { UsageError } from "./usage-error.js";

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

/** An option's size in bytes. */
export const sizeArgument = asArgument(parseSize);

/** An option's duration in milliseconds. */
export const durationArgument = asArgument(parseDuration);

/** commander names the option in front of an InvalidArgumentError only. */
function asArgument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error;
    }
  };
}
