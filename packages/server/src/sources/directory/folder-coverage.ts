import type { TimeWindow } from "@stenogrpc/pcap";
import type { SourceDescription } from "../packet-source.js";
import type { Coverage, CoverageGap } from "../source-outcome.js";
import { gapsInWindow, later } from "../source-outcome.js";
import type { IsBeingWritten } from "./being-written.js";
import { lostParts } from "./lost-parts.js";
import type { KnownFile } from "./range-cache.js";

/** Where no capture has changed for so long, none is written any more. */
const stillNs = 3_600_000_000_000n;
/** How far clocks may differ. */
const clockSlackNs = 60_000_000_000n;
/** 1988-01-01T00:00:00Z: no packet was captured before, but by a machine that had not been told the time. */
const firstCaptureNs = 567_993_600_000_000_000n;

/** How the times of files are taken. */
export interface Clocks {
  readonly nowNs: bigint;
  /** The files' times of change stand for those of their newest packets. */
  readonly trustFileTimes: boolean;
}

/** The times of the oldest and the newest packet, as far as they are known. */
export function extentOf(known: readonly KnownFile[], { nowNs, trustFileTimes }: Clocks): SourceDescription {
  const { oldestPacketNs, newestPacketNs } = credibleExtent(known, nowNs);
  // A trusted time of change is a bound, not the time of a packet.
  return trustFileTimes ? { oldestPacketNs } : { oldestPacketNs, newestPacketNs };
}

/**
 * Which part of the window a folder can answer for. It can't tell silence from what is not written yet, so nothing is
 * covered behind its newest packet; behind a trusted time of change, which is later, what lies in the future is not. Nor is what
 * of its files is lost.
 */
export function coverageOf(
  known: readonly KnownFile[],
  window: TimeWindow,
  { isBeingWritten, ...clocks }: Clocks & { readonly isBeingWritten: IsBeingWritten },
): Coverage {
  const { nowNs, trustFileTimes } = clocks;
  const { oldestPacketNs, newestPacketNs } = credibleExtent(known, nowNs);
  const behindNewestNs = newestPacketNs === undefined ? window.startNs : newestPacketNs + 1n;
  const isTrusted = trustFileTimes && newestPacketNs !== undefined;
  const uncoveredNs = isTrusted ? later(nowNs, behindNewestNs) : behindNewestNs;
  const pastNs = isStill(known, nowNs) ? later(nowNs, uncoveredNs) : uncoveredNs;
  const gaps: CoverageGap[] = [
    ...lostParts(known, isBeingWritten),
    { startNs: 0n, endNs: oldestPacketNs ?? 0n, reason: "aged-out" },
    // Nobody writes any more, or in another folder.
    { startNs: uncoveredNs, endNs: pastNs, reason: "missing" },
    {
      startNs: pastNs,
      endNs: window.endNs,
      reason: "not-yet-written",
      // When a packet is on disk depends on who writes it, but never before it is captured.
      ...(window.endNs > nowNs ? { expectedAtNs: window.endNs } : {}),
    },
  ];
  return { ...extentOf(known, clocks), gaps: gapsInWindow(gaps, window) };
}

function isStill(known: readonly KnownFile[], nowNs: bigint): boolean {
  return !known.some(({ version }) => version.mtimeNs > nowNs - stillNs);
}

/** The times of the oldest and the newest packet, but for those that can't be; of damaged files those that were read. */
function credibleExtent(known: readonly KnownFile[], nowNs: bigint): SourceDescription {
  let oldestPacketNs: bigint | undefined;
  let newestPacketNs: bigint | undefined;
  for (const { finding, version } of known) {
    const found =
      finding.kind === "packets" ? finding : finding.kind === "damaged" ? finding.seen : undefined;
    const range = found && credible(found, version.mtimeNs, nowNs);
    if (range === undefined) continue;
    if (oldestPacketNs === undefined || range.startsAtNs < oldestPacketNs) oldestPacketNs = range.startsAtNs;
    if (newestPacketNs === undefined || range.endsAtNs > newestPacketNs) newestPacketNs = range.endsAtNs;
  }
  return { oldestPacketNs, newestPacketNs };
}

/**
 * A file's times without those that a wrong clock made, long ago or in the future: one such packet would cover years. Instead of them
 * stands what is sure. Undefined: nothing is.
 */
function credible(
  { startsAtNs, endsAtNs }: { readonly startsAtNs: bigint; readonly endsAtNs: bigint },
  mtimeNs: bigint,
  nowNs: bigint,
): { startsAtNs: bigint; endsAtNs: bigint } | undefined {
  const latestNs = nowNs + clockSlackNs;
  if (startsAtNs > latestNs || endsAtNs < firstCaptureNs) return undefined;
  // It was written to until it was last changed.
  const writtenNs = mtimeNs < latestNs ? mtimeNs : latestNs;
  const newestNs = endsAtNs <= latestNs ? endsAtNs : writtenNs > startsAtNs ? writtenNs : startsAtNs;
  return { startsAtNs: startsAtNs < firstCaptureNs ? newestNs : startsAtNs, endsAtNs: newestNs };
}
