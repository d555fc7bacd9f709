import * as z from "zod";
import type { FilterText } from "./filter-dialect.js";

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

const isFilterText = (value: unknown): value is FilterText =>
  typeof value === "string" ||
  (typeof value === "object" &&
    value !== null &&
    "dialect" in value &&
    value.toString !== Object.prototype.toString);

export const filterText = z.custom<FilterText>(isFilterText, {
  error: 'write filter text such as "host 10.0.0.1 and port 443"',
});

export const filterDialect = z.enum(["pcap", "stenographer"]);
