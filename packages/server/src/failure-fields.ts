import { Code, type ConnectError } from "@connectrpc/connect";
import { SourceError } from "./sources/packet-source.js";
import { reasonOf } from "./to-connect-error.js";

/** The whole story of a failure for the log, including what the client is not told. */
export function failureFields(failure: ConnectError): object {
  const { cause } = failure;
  return {
    code: Code[failure.code],
    reason: reasonOf(failure),
    error: failure.rawMessage,
    ...(cause instanceof SourceError ? { details: cause.details } : {}),
    ...(cause === undefined ? {} : { err: cause }),
  };
}
