import * as z from "zod";

/** setTimeout fires at once for anything longer (24.8 days), so a longer limit would be none. */
export const longestTimeoutMs = 2_147_483_647;

export const timeoutMs = z.int().min(1).max(longestTimeoutMs);

export const retryForMs = z.int().min(0).max(longestTimeoutMs);

// By shape, since a signal may come from another realm or a polyfill.
export const abortSignal = z.custom<AbortSignal>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    "aborted" in value &&
    "addEventListener" in value &&
    typeof value.addEventListener === "function",
  { error: "pass an AbortSignal" },
);
