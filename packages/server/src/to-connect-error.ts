import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { CaptureError } from "@stenogrpc/pcap";
import { FilterProblemSchema } from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import {
  FilterCostError,
  FilterMeaningError,
  FilterSyntaxError,
  UnsupportedLinkTypeError,
} from "@stenogrpc/query";
import { RequestError, requestErrors } from "./request-error.js";
import type { SourceErrorKind } from "./sources/packet-source.js";
import { SourceError } from "./sources/packet-source.js";
import { msToDuration } from "./timestamps.js";

const sourceErrors: Record<SourceErrorKind, readonly [Code, reason: string]> = {
  "source-unavailable": [Code.Unavailable, "SOURCE_UNAVAILABLE"],
  "source-changed": [Code.Unavailable, "SOURCE_CHANGED"],
  "source-failed": [Code.Internal, "SOURCE_FAILED"],
  "source-corrupt": [Code.DataLoss, "SOURCE_CORRUPT"],
  "mixed-link-types": [Code.FailedPrecondition, "MIXED_LINK_TYPES"],
};

type Detail = { desc: DescMessage; value: Record<string, unknown> };

/**
 * Turns any failure into what the client is told: a code, a sentence, and a reason to branch on.
 *
 * What is not known here becomes "internal error" without its text, since that could name paths or queries of the
 * server's; the caller logs the cause.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof RequestError) {
    const [code, reason] = requestErrors[error.kind];
    // A server that shuts down has said so: the log needs no stack for each request that it sends away.
    const cause = error.kind === "draining" ? undefined : error;
    return failure(error.message, code, reason, cause, retryInfo(error.retryAfterMs));
  }
  if (error instanceof FilterSyntaxError) {
    return failure(error.message, Code.InvalidArgument, "FILTER_SYNTAX", error, [filterProblem(error)]);
  }
  if (error instanceof FilterMeaningError) {
    return failure(error.message, Code.InvalidArgument, "FILTER_LINK_TYPE", error);
  }
  if (error instanceof FilterCostError) {
    return failure(error.message, Code.InvalidArgument, "FILTER_TOO_COSTLY", error);
  }
  if (error instanceof UnsupportedLinkTypeError) {
    return failure(error.message, Code.FailedPrecondition, "LINK_TYPE_UNSUPPORTED", error);
  }
  if (error instanceof SourceError) {
    const [code, reason] = sourceErrors[error.kind];
    return failure(error.message, code, reason, error);
  }
  if (error instanceof CaptureError) {
    return error.kind === "mixed-link-types"
      ? failure(error.message, Code.FailedPrecondition, "MIXED_LINK_TYPES", error)
      : failure("the source delivered a damaged capture", Code.DataLoss, "SOURCE_CORRUPT", error);
  }
  return failure("internal error", Code.Internal, "INTERNAL", error);
}

function failure(
  message: string,
  code: Code,
  reason: string,
  cause: unknown,
  more: readonly Detail[] = [],
): ConnectError {
  const info = detail(ErrorInfoSchema, { reason, domain: "stenogrpc" });
  // Half a character can't be sent: there would be no answer at all.
  return new ConnectError(message.replace(/\p{Cs}/gu, "\ufffd"), code, undefined, [info, ...more], cause);
}

function retryInfo(retryAfterMs: number | undefined): Detail[] {
  if (retryAfterMs === undefined) return [];
  return [detail(RetryInfoSchema, { retryDelay: msToDuration(retryAfterMs) })];
}

function filterProblem(error: FilterSyntaxError): Detail {
  return detail(FilterProblemSchema, {
    offset: error.offset,
    line: error.line,
    column: error.column,
    expected: [...error.expected],
    message: error.message,
    rendering: error.render(),
  });
}

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value: value as Record<string, unknown> }; // checked against the schema by the parameter's type
}

/** The reason in a ConnectError's details, for logs and tests. */
export function reasonOf(error: ConnectError): string {
  const outgoing = error.details.find((d) => "desc" in d && d.desc === ErrorInfoSchema) as
    | { value: { reason?: string } }
    | undefined; // the details were built by detail() above
  return outgoing?.value.reason ?? Code[error.code].toUpperCase();
}
