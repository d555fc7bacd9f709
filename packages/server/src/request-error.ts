import { Code } from "@connectrpc/connect";

/** Why the server itself says no, and what the client is told: a code, and a reason to branch on. */
export const requestErrors = {
  /** The client took nothing of its answer for too long. */
  "reader-idle": [Code.DeadlineExceeded, "READER_IDLE"],
  /** Nobody asked that TLS could verify. */
  "client-certificate-required": [Code.Unauthenticated, "CLIENT_CERTIFICATE_REQUIRED"],
  /** The client's certificate is revoked or on the denylist. */
  "certificate-revoked": [Code.PermissionDenied, "CERTIFICATE_REVOKED"],
  /** It has expired since its connection began. */
  "certificate-expired": [Code.Unauthenticated, "CERTIFICATE_EXPIRED"],
  /** It has lost its authority since its connection began. */
  "certificate-untrusted": [Code.Unauthenticated, "CERTIFICATE_UNTRUSTED"],
  /** No rule of `access` is about this certificate. */
  "identity-unmapped": [Code.PermissionDenied, "IDENTITY_UNMAPPED"],
  /** The role is not for this sensor. */
  "sensor-not-allowed": [Code.PermissionDenied, "SENSOR_NOT_ALLOWED"],
  /** The role does not open this call. */
  "rpc-not-allowed": [Code.PermissionDenied, "RPC_NOT_ALLOWED"],
  /** The role allows only shorter windows, or later ones. */
  "window-not-allowed": [Code.PermissionDenied, "WINDOW_NOT_ALLOWED"],
  /** The authorize hook said no. */
  "not-authorized": [Code.PermissionDenied, "NOT_AUTHORIZED"],
  /** It could not say. */
  "authorization-failed": [Code.PermissionDenied, "AUTHORIZATION_FAILED"],
  /** The role wants to know why. */
  "reason-required": [Code.InvalidArgument, "REASON_REQUIRED"],
  /** What it was told is too long. */
  "reason-invalid": [Code.InvalidArgument, "REASON_INVALID"],
  /** The uid is none. */
  "uid-invalid": [Code.InvalidArgument, "UID_INVALID"],
  /** The window is missing, empty, out of range, or longer than the server allows. */
  "window-invalid": [Code.InvalidArgument, "WINDOW_INVALID"],
  /** A limit makes no sense. */
  "limit-invalid": [Code.InvalidArgument, "LIMIT_INVALID"],
  /** An option has a value that is not known here. */
  "option-invalid": [Code.InvalidArgument, "OPTION_INVALID"],
  /** The source can't do what was asked for. */
  "option-unsupported": [Code.InvalidArgument, "OPTION_UNSUPPORTED"],
  /** The filter would read every packet in the window, which the policy does not allow. */
  "index-cant-help": [Code.FailedPrecondition, "INDEX_CANT_HELP"],
  /** As many retrievals run as may. */
  "no-free-slot": [Code.ResourceExhausted, "NO_FREE_SLOT"],
  /** This client has as many retrievals under way as it may. */
  "identity-limit": [Code.ResourceExhausted, "IDENTITY_LIMIT"],
  /** It got all that it may within an hour. */
  "budget-exhausted": [Code.ResourceExhausted, "BUDGET_EXHAUSTED"],
  /** The server is shutting down. */
  draining: [Code.Unavailable, "SERVER_DRAINING"],
  /** The server's own time limit for one retrieval passed. */
  timeout: [Code.DeadlineExceeded, "TIMEOUT"],
  /** The request could not be written to the audit log. */
  "audit-failed": [Code.Internal, "AUDIT_FAILED"],
} as const satisfies Record<string, readonly [Code, reason: string]>;

export type RequestErrorKind = keyof typeof requestErrors;

/** The reason that a server gives while it shuts down. */
export const [, drainingReason] = requestErrors.draining;

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
