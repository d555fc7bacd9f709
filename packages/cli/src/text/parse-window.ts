import { formatTime } from "@stenogrpc/client";
import { UsageError } from "../usage-error.js";
import { parseWhen } from "./parse-when.js";

/** Half-open, in nanoseconds since the epoch. */
export interface Window {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** A window from --from and --to, or as they are called in messages; both see the same now. Throws UsageError. */
export function parseWindow(
  from: string,
  to: string,
  nowMs = Date.now(),
  [fromName, toName]: readonly [string, string] = ["--from", "--to"],
): Window {
  const nowNs = BigInt(nowMs) * 1_000_000n;
  const startNs = parseWhen(from, fromName, nowNs);
  const endNs = parseWhen(to, toName, nowNs);
  if (endNs <= startNs) {
    throw new UsageError(
      `${fromName} ${formatTime(startNs)} must lie before ${toName} ${formatTime(endNs)}, which is not included`,
    );
  }
  return { startNs, endNs };
}
