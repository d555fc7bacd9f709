import { formatTime } from "@stenogrpc/client";
import { UsageError } from "../usage-error.js";
import { parseWhen } from "./parse-when.js";

/** A window from --from and --to, half-open, in nanoseconds since the epoch; both see the same now. Throws UsageError. */
export function parseWindow(
  from: string,
  to: string,
  nowMs = Date.now(),
): { startNs: bigint; endNs: bigint } {
  const nowNs = BigInt(nowMs) * 1_000_000n;
  const startNs = parseWhen(from, "--from", nowNs);
  const endNs = parseWhen(to, "--to", nowNs);
  if (endNs <= startNs) {
    throw new UsageError(
      `--from ${formatTime(startNs)} must lie before --to ${formatTime(endNs)}, which is not included`,
    );
  }
  return { startNs, endNs };
}
