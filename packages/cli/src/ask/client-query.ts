import { type ExplainOptions, type FilterDialect, formatTime } from "@stenogrpc/client";
import type { QueryOptions } from "../options/query-options.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import { UsageError } from "../usage-error.js";

/** The language that a filter is read in. */
export function dialectOf({ dialect }: QueryOptions, originalServer: boolean): FilterDialect {
  return dialect ?? (originalServer ? "stenographer" : "pcap");
}

/** Options and window for the client: as text, since it refuses bigints before 1973, which may be in another unit. */
export function clientQuery(window: { startNs: bigint; endNs: bigint }, options: QueryOptions) {
  return {
    from: formatTime(window.startNs),
    to: formatTime(window.endNs),
    dialect: options.dialect,
    vlanTransparent: options.anyVlan,
    restoreVlanTags: options.restoreVlan,
    timestampResolution: options.nanoseconds ? "nanoseconds" : undefined,
    reason: options.reason,
  } satisfies ExplainOptions;
}

/** The same with what only a retrieval has. */
export function retrievalQuery(window: { startNs: bigint; endNs: bigint }, options: RetrievalOptions) {
  const { requireCoverage, maxBytes, maxPackets } = options;
  return { ...clientQuery(window, options), requireCoverage, maxBytes, maxPackets };
}

/** Refuses what an original server would drop in silence. Throws UsageError. */
export function refuseForOriginal(options: QueryOptions & { requireCoverage?: boolean }): void {
  const refused = [
    options.dialect === "pcap" && "--dialect pcap",
    options.anyVlan && "--any-vlan",
    options.restoreVlan && "--restore-vlan",
    options.nanoseconds && "--nanoseconds",
    options.reason !== undefined && "--reason",
    options.requireCoverage && "--require-coverage",
  ].filter((option) => typeof option === "string");
  if (refused.length === 0) return;
  throw new UsageError(
    `${refused.join(", ")}: an original server reads Stenographer's language and knows no more; leave it out`,
  );
}
