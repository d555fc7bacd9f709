import { StenographerError } from "@stenogrpc/client/node";
import { indented } from "./check-filter.js";
import { type ExitCode, exitCode } from "./exit-codes.js";
import { formatDuration } from "./format.js";
import { printable } from "./printable.js";

/** A failed call in words, and the exit code it means. */
export interface ExplainedFailure {
  readonly text: string;
  /** Constant to branch on, such as NO_FREE_SLOT. */
  readonly reason: string;
  readonly exitCode: ExitCode;
}

/** Reasons that mean: what was asked cannot work, whatever the server's state. */
const usageReasons = new Set([
  "FILTER_SYNTAX",
  "WINDOW_INVALID",
  "LIMIT_INVALID",
  "UID_INVALID",
  "OPTIONS_INVALID",
  "TIME_INVALID",
]);

/** Explains a failure of the client. What is not one is thrown on: it is a bug. */
export function explainFailure(error: unknown): ExplainedFailure {
  if (!(error instanceof StenographerError)) throw error;
  const lines = [`${printable(error.message)} [${printable(error.reason)}]`];
  if (error.filterProblem)
    lines.push("", indented(error.filterProblem.rendering.split("\n").map(printable).join("\n")));
  if (error.retryAfterMs !== undefined) {
    lines.push(`The server asks to try again after ${formatDuration(error.retryAfterMs)}.`);
  }
  if (error.uid) lines.push(`uid ${error.uid}, also in the server's log`);
  return {
    text: lines.join("\n"),
    reason: error.reason,
    exitCode: usageReasons.has(error.reason) ? exitCode.usage : exitCode.failed,
  };
}
