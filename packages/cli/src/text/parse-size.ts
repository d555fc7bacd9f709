import { UsageError } from "../usage-error.js";

const form = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?$/i;
const steps: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4 };

/**
 * Bytes from "2GiB", "500MB", "64k" or "1048576". Throws UsageError.
 *
 * KiB, MiB, GiB, TiB count in 1024s and KB, MB, GB, TB in 1000s (IEC 80000-13); K, M, G, T alone count in 1024s, as in
 * dd and curl.
 */
export function parseSize(text: string): number {
  const [, digits = "", letter = "", suffix = ""] = form.exec(text.trim()) ?? [];
  const step = steps[letter.toLowerCase()] ?? 0;
  const bytes = Math.floor(Number(digits) * (/^b$/i.test(suffix) ? 1000 : 1024) ** step);
  const meaningless =
    digits === "" || (step === 0 && /^ib$/i.test(suffix)) || (step === 0 && digits.includes("."));
  if (meaningless || !Number.isSafeInteger(bytes)) {
    throw new UsageError(
      `${JSON.stringify(text)} is no size; write bytes or a unit, such as 1048576, 500MB or 2GiB`,
    );
  }
  return bytes;
}
