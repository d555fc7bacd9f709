import { Code, ConnectError } from "@connectrpc/connect";
import { FilterProblemSchema } from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { longestTimeoutMs } from "./option-schemas.js";
import {
  type FilterProblemDetail,
  StenographerError,
  type StenographerErrorCode,
} from "./stenographer-error.js";
import { factsOf } from "./stenographer-reason.js";
import { durationMs } from "./well-known-types.js";

const codeNames: Record<Code, StenographerErrorCode> = {
  [Code.Canceled]: "canceled",
  [Code.Unknown]: "unknown",
  [Code.InvalidArgument]: "invalid_argument",
  [Code.DeadlineExceeded]: "deadline_exceeded",
  [Code.NotFound]: "not_found",
  [Code.AlreadyExists]: "already_exists",
  [Code.PermissionDenied]: "permission_denied",
  [Code.ResourceExhausted]: "resource_exhausted",
  [Code.FailedPrecondition]: "failed_precondition",
  [Code.Aborted]: "aborted",
  [Code.OutOfRange]: "out_of_range",
  [Code.Unimplemented]: "unimplemented",
  [Code.Internal]: "internal",
  [Code.Unavailable]: "unavailable",
  [Code.DataLoss]: "data_loss",
  [Code.Unauthenticated]: "unauthenticated",
};

/** What to do about a server that has no such call: it gives no reason but its code. */
const nextStepOfUnimplemented =
  "the server does not know this call: an original server can neither describe itself nor explain a query";

/** What became of the connection under a failed call, where a transport can tell. */
export interface ConnectionFailure {
  readonly code: StenographerErrorCode;
  readonly reason:
    | "CONNECTION_FAILED"
    | "CONNECTION_LOST"
    | "TLS_SERVER_UNTRUSTED"
    | "CLIENT_CERTIFICATE_REJECTED";
  readonly retryable: boolean;
  readonly message: string;
}

/** Looks behind an error that no server sent. Undefined: nothing better is known than the error itself. */
export type ExplainFailure = (error: ConnectError) => Promise<ConnectionFailure | undefined>;

/** Where in a call an error was met. */
export interface CallContext {
  readonly uid?: string;
  /** Whether anything of the answer had come. */
  readonly answered: boolean;
  readonly timeoutMs?: number;
  readonly explainFailure?: ExplainFailure;
}

/**
 * One meaning for each failure of a call: the server's reason where it gave one, else what became of the connection.
 *
 * Codes alone lie at the edges: a killed server shows as Canceled, a refused certificate as Internal or Aborted.
 */
export async function errorFromRpc(error: unknown, context: CallContext): Promise<StenographerError> {
  if (error instanceof StenographerError) return error;
  const connectError = ConnectError.from(error);
  if (sentByServer(connectError)) return fromServer(connectError, context);
  if (connectError.code === Code.DeadlineExceeded) return deadlinePassed(connectError, context);
  const failure = (await context.explainFailure?.(connectError)) ?? fromCodeAlone(connectError, context);
  return failure === undefined
    ? fromServer(connectError, context)
    : new StenographerError(failure.message, { ...failure, uid: context.uid, cause: error });
}

/** The error of a call that its caller's signal ended: a time limit (`AbortSignal.timeout`) or a reason that was given is told. */
export function canceledBySignal(
  call: string,
  signal: AbortSignal | undefined,
  uid: string | undefined,
): StenographerError {
  const reason: unknown = signal?.reason;
  const name = reason instanceof Error ? reason.name : undefined;
  const told = reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "";
  if (name === "TimeoutError")
    return canceled(`the caller's signal timed out and ended the ${call}`, uid, reason);
  const why = name === "AbortError" || told === "" ? "" : `: ${told}`;
  return canceled(`the caller's signal aborted the ${call}${why}`, uid, reason);
}

/** The error of a call that we ended ourselves, or that our caller did. */
export function canceled(message: string, uid: string | undefined, cause?: unknown): StenographerError {
  return new StenographerError(message, { code: "canceled", reason: "CANCELED", uid, cause });
}

/** A status from the other end carries the trailers it came with, or details; what the transport made up carries neither. */
function sentByServer(error: ConnectError): boolean {
  return error.metadata.has("grpc-status") || error.details.length > 0;
}

function fromServer(error: ConnectError, { uid, timeoutMs }: CallContext): StenographerError {
  const info = error.findDetails(ErrorInfoSchema)[0];
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (info === undefined && error.code === Code.DeadlineExceeded)
    return deadlinePassed(error, { uid, timeoutMs });
  if (info === undefined && error.code === Code.Canceled) return givenUp(error, uid);
  const code = codeNames[error.code];
  const reason = info?.reason || code.toUpperCase();
  const facts = factsOf(reason);
  const nextStep = reason === "UNIMPLEMENTED" ? nextStepOfUnimplemented : facts?.nextStep;
  const retryable = facts?.retryable || retryDelay !== undefined || error.code === Code.Unavailable;
  return new StenographerError(nextStep ? `${error.rawMessage}; ${nextStep}` : error.rawMessage || reason, {
    code,
    reason,
    retryable,
    uid,
    retryAfterMs: retryDelay && waitableMs(durationMs(retryDelay)),
    filterProblem: filterProblem(error),
    cause: error,
  });
}

/** A delay that a timer can wait; setTimeout fires at once for anything longer than 24.8 days. */
function waitableMs(delayMs: number): number | undefined {
  return delayMs >= 0 && delayMs <= longestTimeoutMs ? delayMs : undefined;
}

/** The other end said "canceled" though nobody here did: it went down, or gave the call up. */
function givenUp(cause: ConnectError, uid: string | undefined): StenographerError {
  return new StenographerError("the server gave the call up before the answer was whole; try again", {
    code: "unavailable",
    reason: "CONNECTION_LOST",
    retryable: true,
    uid,
    cause,
  });
}

function deadlinePassed(cause: ConnectError, { uid, timeoutMs }: Pick<CallContext, "uid" | "timeoutMs">) {
  const limit = timeoutMs === undefined ? "its time limit" : `${timeoutMs} ms`;
  // Only a retrieval has a uid, and can be narrowed.
  const message =
    uid === undefined
      ? `no answer after ${limit}; raise timeoutMs, or look whether the sensor is well`
      : `the answer was not whole after ${limit}; raise timeoutMs, or narrow the window or the filter`;
  return new StenographerError(message, { code: "deadline_exceeded", reason: "TIMEOUT", uid, cause });
}

function fromCodeAlone(error: ConnectError, { answered }: CallContext): ConnectionFailure | undefined {
  const lost = answered
    ? ({
        reason: "CONNECTION_LOST",
        message: "the connection was lost before the answer was whole; try again",
      } as const)
    : ({ reason: "CONNECTION_FAILED", message: `no connection: ${error.rawMessage}; try again` } as const);
  const ofConnection: readonly Code[] = [Code.Canceled, Code.Aborted, Code.Unavailable];
  // fetch() says TypeError and nothing else when it gets no connection or loses one.
  if (!ofConnection.includes(error.code) && !(error.cause instanceof TypeError)) return undefined;
  return { ...lost, code: "unavailable", retryable: true };
}

function filterProblem(error: ConnectError): FilterProblemDetail | undefined {
  const problem = error.findDetails(FilterProblemSchema)[0];
  if (problem === undefined) return undefined;
  const { offset, line, column, expected, message, rendering } = problem;
  return { offset, line, column, expected: [...expected], message, rendering };
}
