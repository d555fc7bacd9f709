import { UsageError } from "../usage-error.js";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const form = /^(?:\d+(?:ms|[smhd]))+$/;

/** Milliseconds from "500ms", "90s", "15m", "2h", "3d", "1h30m", or a bare number of seconds. Throws UsageError. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(\.\d{1,3})?$/.test(trimmed)) return Math.round(Number(trimmed) * 1000);
  let sumMs = 0;
  for (const [, digits, unit] of trimmed.matchAll(/(\d+)(ms|[smhd])/g)) {
    sumMs += Number(digits) * (unitMs[unit ?? ""] ?? Number.NaN);
  }
  if (!form.test(trimmed) || !Number.isSafeInteger(sumMs)) {
    throw new UsageError(
      `${JSON.stringify(text)} is no duration; write seconds or a unit, such as 90s, 15m, 2h or 3d`,
    );
  }
  return sumMs;
}
