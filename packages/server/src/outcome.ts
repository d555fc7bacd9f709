import { Code, type ConnectError } from "@connectrpc/connect";
import { drainingReason } from "./request-error.js";
import { reasonOf } from "./to-connect-error.js";

/** How a call ended that did not get its whole answer. */
export type Shortfall = "refused" | "failed" | "canceled";

/**
 * How a call ended that was told this failure: the one word for it in the log, in the metrics and in the audit.
 *
 * `canceled`: whoever asked left. `refused`: for the request's or the client's sake, or since the server shuts down, and not a byte of
 * a capture was sent. `failed`: all else, so that `refused` always says that nobody got anything.
 */
export function outcomeOf(failure: ConnectError, pcapBytes: number): Shortfall {
  if (failure.code === Code.Canceled) return "canceled";
  return pcapBytes === 0 && !isOurs(failure) ? "refused" : "failed";
}

/** How loud the log says it: an error is the sensor's, which its operator has to see to. */
export function logLevelOf(failure: ConnectError): "error" | "warn" | "info" {
  if (failure.code === Code.Canceled) return "info";
  return isOurs(failure) ? "error" : "warn";
}

/** Whether the failure is the sensor's rather than the request's, the client's, or the operator's who shuts it down. */
function isOurs(failure: ConnectError): boolean {
  if (reasonOf(failure) === drainingReason) return false;
  switch (failure.code) {
    case Code.InvalidArgument:
    case Code.ResourceExhausted:
    case Code.FailedPrecondition:
    case Code.Unauthenticated:
    case Code.PermissionDenied:
    case Code.DeadlineExceeded:
      return false;
    default:
      return true;
  }
}
