import type { StenographerErrorCode } from "./stenographer-error.js";
import type { StenographerReason, stenographerReasons } from "./stenographer-reason.js";

/**
 * Whom a failure is for:
 *
 * - `request`: what was asked for makes no sense, here or there; ask for something else
 * - `access`: certificates, roles and policy; ask whoever runs the sensor
 * - `capacity`: more than there is room, budget or time for now; ask later, or for less
 * - `network`: no connection, or a lost one; ask again
 * - `sensor`: the server or its source can't answer; ask again where `retryable` says so, else look there
 * - `integrity`: what came is not what was sent; nothing of it counts
 * - `local`: this machine, or this program, did not take the answer
 * - `canceled`: you left
 */
export type StenographerErrorCategory =
  | "request"
  | "access"
  | "capacity"
  | "network"
  | "sensor"
  | "integrity"
  | "local"
  | "canceled";

/** Of every reason that a stenogrpc server or this client gives. */
export const categoryByReason = {
  OPTIONS_INVALID: "request",
  TIME_INVALID: "request",
  WINDOW_INVALID: "request",
  LIMIT_INVALID: "request",
  UID_INVALID: "request",
  FILTER_SYNTAX: "request",
  OPTION_UNSUPPORTED: "request",
  OPTION_INVALID: "request",
  FILTER_LINK_TYPE: "request",
  FILTER_TOO_COSTLY: "request",
  INDEX_CANT_HELP: "request",
  COVERAGE_INCOMPLETE: "sensor",
  FETCH_ALREADY_USED: "request",
  CANCELED: "canceled",
  TIMEOUT: "capacity",
  CONNECTION_FAILED: "network",
  READER_IDLE: "local",
  CONNECTION_LOST: "network",
  TLS_SERVER_UNTRUSTED: "access",
  CLIENT_CERTIFICATE_REJECTED: "access",
  CLIENT_CERTIFICATE_REQUIRED: "access",
  CERTIFICATE_REVOKED: "access",
  CERTIFICATE_EXPIRED: "access",
  CERTIFICATE_UNTRUSTED: "access",
  NO_FREE_SLOT: "capacity",
  IDENTITY_LIMIT: "capacity",
  BUDGET_EXHAUSTED: "capacity",
  IDENTITY_UNMAPPED: "access",
  SENSOR_NOT_ALLOWED: "access",
  RPC_NOT_ALLOWED: "access",
  WINDOW_NOT_ALLOWED: "access",
  NOT_AUTHORIZED: "access",
  AUTHORIZATION_FAILED: "access",
  REASON_REQUIRED: "request",
  REASON_INVALID: "request",
  SERVER_DRAINING: "sensor",
  SOURCE_UNAVAILABLE: "sensor",
  SOURCE_CHANGED: "sensor",
  SOURCE_FAILED: "sensor",
  INTERNAL: "sensor",
  AUDIT_FAILED: "sensor",
  SOURCE_CORRUPT: "sensor",
  MIXED_LINK_TYPES: "request",
  LINK_TYPE_UNSUPPORTED: "request",
  SUMMARY_MISSING: "integrity",
  MALFORMED_ANSWER: "integrity",
  DIALECT_MISMATCH: "integrity",
  COUNT_MISMATCH: "integrity",
  DIGEST_MISMATCH: "integrity",
  UNKNOWN_FAILURE: "sensor",
  FILE_FAILED: "local",
} as const satisfies Record<(typeof stenographerReasons)[number], StenographerErrorCategory>;

/** Where a foreign server gives a reason of its own, or none. */
const categoryByCode: Record<StenographerErrorCode, StenographerErrorCategory> = {
  canceled: "canceled",
  unknown: "sensor",
  invalid_argument: "request",
  deadline_exceeded: "capacity",
  not_found: "request",
  already_exists: "request",
  permission_denied: "access",
  resource_exhausted: "capacity",
  failed_precondition: "request",
  aborted: "network",
  out_of_range: "request",
  unimplemented: "sensor",
  internal: "sensor",
  unavailable: "network",
  data_loss: "integrity",
  unauthenticated: "access",
};

/** Whom a failure is for, by its reason if we know that, else by its code. */
export function categoryOf(
  reason: StenographerReason,
  code: StenographerErrorCode,
): StenographerErrorCategory {
  const known: Readonly<Record<string, StenographerErrorCategory>> = categoryByReason;
  return (Object.hasOwn(known, reason) ? known[reason] : undefined) ?? categoryByCode[code];
}
