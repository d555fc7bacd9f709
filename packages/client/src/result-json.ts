import type { FetchResult } from "./fetch-result.js";
import { formatTime } from "./time.js";

/** A result as JSON can hold it. */
export type FetchResultJson = ReturnType<typeof resultJson>;

/**
 * A result as `JSON.stringify` prints it: times in RFC 3339, in fields without `Ns`; what is undefined is null. So `stenogrpc fetch --json`
 * has it, too. For copies of a result, which `JSON.stringify` refuses for their bigints, and to add fields of your own.
 */
export function resultJson(result: FetchResult) {
  const { firstPacketNs, lastPacketNs, window, filterDialect, payloadLimitBytes, clockSkewMs, ...rest } =
    result;
  return {
    ...rest,
    ...coverageJson(result),
    filterDialect: filterDialect ?? null,
    payloadLimitBytes: payloadLimitBytes ?? null,
    clockSkewMs: clockSkewMs ?? null,
    firstPacket: timeJson(firstPacketNs),
    lastPacket: timeJson(lastPacketNs),
    window: windowJson(window),
  };
}

/** Its coverage and damage. */
export function coverageJson({ coverage, damage }: FetchResult) {
  return {
    coverage: coverage
      ? {
          oldestPacket: timeJson(coverage.oldestPacketNs),
          newestPacket: timeJson(coverage.newestPacketNs),
          gaps: coverage.gaps.map(({ startNs, endNs, reason, expectedAtNs }) => ({
            ...windowJson({ startNs, endNs }),
            reason,
            expectedAt: timeJson(expectedAtNs),
          })),
        }
      : null,
    damage: damage.map(({ block = null, offset = null, ...rest }) => ({ ...rest, block, offset })),
  };
}

export function windowJson({ startNs, endNs }: FetchResult["window"]): { start: string; end: string } {
  return { start: formatTime(startNs), end: formatTime(endNs) };
}

export function timeJson(timestampNs: bigint | undefined): string | null {
  return timestampNs === undefined ? null : formatTime(timestampNs);
}
