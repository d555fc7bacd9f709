import type { StenographerErrorCode } from "./stenographer-error.js";
import { factsOf, type StenographerReason } from "./stenographer-reason.js";

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
  return factsOf(reason)?.category ?? categoryByCode[code];
}
