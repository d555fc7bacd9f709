import type { TimeWindow } from "@stenogrpc/pcap";
import type { CoverageGap } from "../source-outcome.js";
import { later } from "../source-outcome.js";
import type { IsBeingWritten } from "./being-written.js";
import type { FileVersion } from "./list-captures.js";
import type { KnownFile } from "./range-cache.js";
import type { Damaged } from "./time-range.js";

/** How far packets behind the damage may lie outside the times seen: captures are in order but for moments. */
const damageSlackNs = 60_000_000_000n;

/**
 * Whether packets of the window may lie behind a file's damage. They were written before the file was last changed, and
 * after its first packet but for some reordering.
 */
export function damageReaches(window: TimeWindow, { seen }: Damaged, { mtimeNs }: FileVersion): boolean {
  const endsAtNs = later(mtimeNs, seen?.endsAtNs ?? 0n) + damageSlackNs;
  return endsAtNs >= window.startNs && (seen === undefined || seen.startsAtNs - damageSlackNs < window.endNs);
}

/**
 * What is lost of files that were written to until they were last changed: behind the last packet of those that end in the middle of a
 * record, and all of those that have a capture's name and are none.
 */
export function lostParts(known: readonly KnownFile[], isBeingWritten: IsBeingWritten): CoverageGap[] {
  return known.flatMap(({ version, finding }) => {
    if (finding.kind === "not-a-capture") return [lostBefore(version)];
    if (finding.kind !== "packets" || finding.endsWhole || isBeingWritten({ version })) return [];
    const startNs = finding.endsAtNs + 1n;
    const endNs = version.mtimeNs > startNs ? version.mtimeNs : startNs + damageSlackNs;
    return [{ startNs, endNs, reason: "missing" as const }];
  });
}

/** How many files with a capture's name are none, and may have been captures that held packets of the window. */
export function unreadable(known: readonly KnownFile[], window: TimeWindow): number {
  return known.filter(
    ({ version, finding }) => finding.kind === "not-a-capture" && lostBefore(version).endNs > window.startNs,
  ).length;
}

function lostBefore({ mtimeNs }: FileVersion): CoverageGap {
  return { startNs: 0n, endNs: mtimeNs + damageSlackNs, reason: "missing" };
}
