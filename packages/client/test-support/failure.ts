import { expect } from "vitest";
import { StenographerError } from "../src/index.js";

/** The StenographerError that this ends in. Fails if it does not, or ends in another. */
export async function failureOf(attempt: Promise<unknown> | (() => unknown)): Promise<StenographerError> {
  const outcome = await Promise.resolve()
    .then(() => (typeof attempt === "function" ? attempt() : attempt))
    .then(
      () => "no failure",
      (error: unknown) => error,
    );
  expect(outcome).toBeInstanceOf(StenographerError);
  return outcome as StenographerError; // just expected
}
