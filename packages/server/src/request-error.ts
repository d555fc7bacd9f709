/**
 * Why the server itself says no:
 *
 * - `reader-idle`: the client took nothing of its answer for too long
 * - `client-certificate-required`: nobody asked that TLS could verify
 * - `certificate-revoked`, `certificate-expired`, `certificate-untrusted`: the client's certificate is revoked or on the denylist,
 *   or has expired or lost its authority since its connection began
 * - `identity-unmapped`: no rule of `access` is about this certificate
 * - `sensor-not-allowed`, `rpc-not-allowed`, `window-not-allowed`: the role does not allow it
 * - `not-authorized`: the authorize hook said no; `authorization-failed`: it could not say
 * - `reason-required`: the role wants to know why; `reason-invalid`: it is too long
 * - `uid-invalid`, `window-invalid`, `limit-invalid`, `option-invalid`: the request makes no sense
 * - `option-unsupported`: the source can't do what was asked for
 * - `index-cant-help`: the filter would read every packet in the window, which the policy does not allow
 * - `no-free-slot`: as many retrievals run as may
 * - `identity-limit`: this client has as many retrievals under way as it may
 * - `budget-exhausted`: this client got all that it may within an hour
 * - `draining`: the server is shutting down
 * - `timeout`: the server's own time limit for one retrieval passed
 * - `audit-failed`: the request could not be written to the audit log
 */
export type RequestErrorKind =
  | "client-certificate-required"
  | "reader-idle"
  | "certificate-revoked"
  | "certificate-expired"
  | "certificate-untrusted"
  | "identity-unmapped"
  | "sensor-not-allowed"
  | "rpc-not-allowed"
  | "window-not-allowed"
  | "not-authorized"
  | "authorization-failed"
  | "reason-required"
  | "reason-invalid"
  | "identity-limit"
  | "budget-exhausted"
  | "uid-invalid"
  | "window-invalid"
  | "limit-invalid"
  | "option-invalid"
  | "option-unsupported"
  | "index-cant-help"
  | "no-free-slot"
  | "draining"
  | "timeout"
  | "audit-failed";

/** A refusal by the server, told to the client as it is. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly kind: RequestErrorKind;
  /** Milliseconds after which the same request may succeed, where that is known. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: RequestErrorKind, message: string, options?: { retryAfterMs?: number }) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
