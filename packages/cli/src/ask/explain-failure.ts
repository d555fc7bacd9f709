import { StenographerError } from "@stenogrpc/client/node";
import { type ExitCode, exitCode } from "../exit-codes.js";
import { formatDuration } from "../text/format.js";
import { printable } from "../text/printable.js";
import { indented } from "./check-filter.js";

/** A failed call in words, and the exit code it means. */
interface ExplainedFailure {
  readonly text: string;
  /** Constant to branch on, such as NO_FREE_SLOT. */
  readonly reason: string;
  readonly exitCode: ExitCode;
}

/** Reasons that mean: no server has read the request, and with it its uid. */
const unreadReasons = new Set([
  "CONNECTION_FAILED",
  "TLS_SERVER_UNTRUSTED",
  "CLIENT_CERTIFICATE_REJECTED",
  "CLIENT_CERTIFICATE_REQUIRED",
  "CERTIFICATE_REVOKED",
  "CERTIFICATE_EXPIRED",
  "CERTIFICATE_UNTRUSTED",
]);

/** What a file's failure was met in, once packets had come; whatever else there is comes before the request. */
const savingCalls = new Set(["write", "writev", "fsync", "close", "link", "rename", "unlink"]);

/** Options that the client's own words may name, as the command line has them. */
const flags = Object.entries({
  timeoutMs: "--timeout",
  maxBytes: "--max-bytes",
  maxPackets: "--max-packets",
  "allow overwrite": "--overwrite",
  "set reason": "--reason TEXT",
});

/** The same where a reason says which: keys of the YAML and flags. */
const adviceByReason: Readonly<Record<string, string>> = {
  TLS_SERVER_UNTRUSTED: "In the YAML, the CA is `root_certificate`, and `server_name` the name to expect.",
  CLIENT_CERTIFICATE_REJECTED: "In the YAML, they are `certificate_chain` and `private_key`.",
  COVERAGE_INCOMPLETE: "Without --require-coverage, what there is is saved.",
  OPTION_UNSUPPORTED: "The options that not every sensor has are --restore-vlan and --nanoseconds.",
  SUMMARY_MISSING: "For an original server, add --original-server, or `original_server: true` to the YAML.",
};

/** Explains a failure of the client. What is not one is thrown on: it is a bug. */
export function explainFailure(error: unknown): ExplainedFailure {
  if (!(error instanceof StenographerError)) throw error;
  const lines = [`${printable(error.message)} [${printable(error.reason)}]`];
  const advice = adviceByReason[error.reason];
  if (advice) lines.push(advice);
  const named = flags.filter(([option]) => error.message.includes(option));
  if (named.length > 0)
    lines.push(`On the command line, ${named.map(([option, flag]) => `"${option}" is ${flag}`).join(", ")}.`);
  if (error.filterProblem)
    lines.push("", indented(error.filterProblem.rendering.split("\n").map(printable).join("\n")));
  if (error.retryAfterMs !== undefined) {
    lines.push(`The server asks to try again after ${formatDuration(error.retryAfterMs)}.`);
  }
  if (error.uid && wasRead(error)) lines.push(`uid ${error.uid}, also in the server's log`);
  return {
    text: lines.join("\n"),
    reason: error.reason,
    // Whatever the sensor's state, what was asked can't work.
    exitCode: error.category === "request" ? exitCode.usage : exitCode.failed,
  };
}

function wasRead({ reason, cause }: StenographerError): boolean {
  if (unreadReasons.has(reason)) return false;
  if (reason !== "FILE_FAILED") return true;
  return (
    cause instanceof Error &&
    "syscall" in cause &&
    typeof cause.syscall === "string" &&
    savingCalls.has(cause.syscall)
  );
}
