import type { KnownFile } from "./range-cache.js";
import type { Finding } from "./time-range.js";

/**
 * While `gzip x.pcap` runs, x.pcap and x.pcap.gz hold the same packets. They count once; when both stay and differ (a ring
 * that compresses what it overwrites later), both count.
 */
export function withoutCompressedTwins(known: readonly KnownFile[]): readonly KnownFile[] {
  const compressed = known.filter(({ version }) => version.path.endsWith(".gz"));
  if (compressed.length === 0) return known;
  const byPath = new Map(known.map((file) => [file.version.path, file]));
  const twins = new Set(
    compressed.filter((file) =>
      isTwin(file.finding, byPath.get(file.version.path.slice(0, -".gz".length))?.finding),
    ),
  );
  return twins.size === 0 ? known : known.filter((file) => !twins.has(file));
}

/** Whether the plain file has all that the compressed one has. Of files that were not read to their end nobody knows. */
function isTwin(compressed: Finding, plain: Finding | undefined): boolean {
  if (compressed.kind === "no-packets")
    return plain !== undefined && "timeless" in plain && compressed.timeless <= plain.timeless;
  if (compressed.kind !== "packets" || plain?.kind !== "packets") return false;
  if (compressed.packets === undefined || plain.packets === undefined) return false;
  return compressed.startsAtNs === plain.startsAtNs && compressed.packets <= plain.packets;
}
