import { StenographerError } from "./stenographer-error.js";

/** What can be wrong with an answer that arrived without an error. */
export type AnswerProblemReason =
  | "SUMMARY_MISSING"
  | "MALFORMED_ANSWER"
  | "COUNT_MISMATCH"
  | "DIGEST_MISMATCH"
  | "DIALECT_MISMATCH";

/** An answer that is not what was promised. Nothing of it may be taken for complete. */
export function answerProblem(
  reason: AnswerProblemReason,
  message: string,
  uid: string | undefined,
  cause?: unknown,
): StenographerError {
  return new StenographerError(message, { code: "data_loss", reason, uid, cause });
}
