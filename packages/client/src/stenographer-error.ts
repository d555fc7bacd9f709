import { categoryOf, type StenographerErrorCategory } from "./error-category.js";
import type { StenographerReason } from "./stenographer-reason.js";

/** A gRPC status code by name, as `StenographerError.code` gives it. */
export type StenographerErrorCode =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/** Where a filter could not be read: the server's `FilterProblem`, as a plain object. */
export interface FilterProblemDetail {
  /** Offset of the problem in the filter text, in UTF-16 code units from 0. */
  readonly offset: number;
  /** Line, from 1. */
  readonly line: number;
  /** Column, from 1. */
  readonly column: number;
  /** What could have stood there. */
  readonly expected: readonly string[];
  /** The problem in one sentence. */
  readonly message: string;
  /** The filter's line with a caret under the problem. */
  readonly rendering: string;
}

/** What a `StenographerError` carries beside its message. */
export interface StenographerErrorFields {
  readonly code: StenographerErrorCode;
  readonly reason: StenographerReason;
  readonly retryable?: boolean;
  readonly uid?: string;
  readonly retryAfterMs?: number;
  readonly filterProblem?: FilterProblemDetail;
  readonly cause?: unknown;
}

/**
 * Why a call failed. The message says what happened and what to do next; programs branch on `reason`, or on `category` to leave none out.
 *
 * `reason` is one of the constants in the package's README: those a server gives (`FILTER_SYNTAX`, `NO_FREE_SLOT`, ...),
 * those found here (`CONNECTION_LOST`, `DIGEST_MISMATCH`, ...), or, where a foreign server gives none, its gRPC code in
 * upper case.
 */
export class StenographerError extends Error {
  override readonly name = "StenographerError";
  /** The gRPC status code by name: "unavailable", "invalid_argument", ... */
  readonly code: StenographerErrorCode;
  /** A constant to branch on: `NO_FREE_SLOT`, `SUMMARY_MISSING`, ... */
  readonly reason: StenographerReason;
  /** Whom the failure is for, eight words for all reasons: "request", "access", "capacity", ... */
  readonly category: StenographerErrorCategory;
  /** Whether the very same call may succeed later. */
  readonly retryable: boolean;
  /** The uid of the retrieval, which is also in the server's log. Undefined where no retrieval was named. */
  readonly uid: string | undefined;
  /** Milliseconds to wait before the next attempt, where the server said when. */
  readonly retryAfterMs: number | undefined;
  /** Where the filter could not be read, with reason `FILTER_SYNTAX`. */
  readonly filterProblem: FilterProblemDetail | undefined;

  constructor(message: string, fields: StenographerErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.reason = fields.reason;
    this.category = categoryOf(fields.reason, fields.code);
    this.retryable = fields.retryable ?? false;
    this.uid = fields.uid;
    this.retryAfterMs = fields.retryAfterMs;
    this.filterProblem = fields.filterProblem;
  }
}
