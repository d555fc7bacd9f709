import {
  type Coverage as CoverageMessage,
  type CoverageGap as GapMessage,
  GapReason,
} from "@stenogrpc/protocol";
import { answerProblem } from "./answer-problem.js";
import { StenographerError } from "./stenographer-error.js";
import { formatTime } from "./time.js";
import { timestampNs } from "./well-known-types.js";

/**
 * Why a source has nothing for a part of the window.
 *
 * - `aged-out`: before its oldest packet
 * - `not-yet-written`: after what has been written; what was captured there is not on disk yet
 * - `missing`: between packets that it has: capture stopped, or files are missing or unreadable
 * - `unstated`: it does not say
 */
export type GapCause = "aged-out" | "not-yet-written" | "missing" | "unstated";

/** A part of the window that the source can't answer for. Times in nanoseconds since the epoch. */
export interface CoverageGap {
  /** Where it starts, included. */
  readonly startNs: bigint;
  /** Where it ends, not included. */
  readonly endNs: bigint;
  readonly reason: GapCause;
  /** When the packets should be there, at the earliest, where that is known. */
  readonly expectedAtNs?: bigint;
}

/** Which part of the window a source can answer for. */
export interface Coverage {
  /** Time of the oldest packet the source has, in the window or not. */
  readonly oldestPacketNs?: bigint;
  /** Time of the newest packet the source has. */
  readonly newestPacketNs?: bigint;
  /** Parts of the window for which packets may exist, or have existed, that the source does not have. In order of time. */
  readonly gaps: readonly CoverageGap[];
}

/**
 * How much of a window's time the source can answer for in full: all of it, a part, nothing, or that is not known. It is about time alone:
 * damage, limits and what a role may see are told apart from it.
 */
export type Covered = "all" | "part" | "none" | "unknown";

/** How much of the window lies in no gap. Gaps may overlap: those of several capture threads do. */
export function coveredOf(coverage: Coverage | undefined, { startNs, endNs }: TimeRange): Covered {
  if (coverage === undefined) return "unknown";
  if (coverage.gaps.length === 0) return "all";
  let answeredUpTo = startNs;
  for (const gap of coverage.gaps) {
    if (gap.startNs > answeredUpTo) return "part";
    if (gap.endNs > answeredUpTo) answeredUpTo = gap.endNs;
  }
  return answeredUpTo < endNs ? "part" : "none";
}

const hourNs = 3_600_000_000_000n;

/**
 * How old the source's newest packet is, in nanoseconds, where that says that capture has probably stopped: the end of the window, as far as
 * it is past, lies behind it by more than an hour, and is not covered.
 */
export function standstillNs(
  { newestPacketNs, gaps }: Coverage,
  window: TimeRange,
  nowNs: bigint,
): bigint | undefined {
  const pastNs = window.endNs < nowNs ? window.endNs : nowNs;
  if (newestPacketNs === undefined || newestPacketNs >= pastNs - hourNs) return undefined;
  const lacksEnd = gaps.some(({ reason, endNs }) => reason !== "aged-out" && endNs >= pastNs);
  return lacksEnd ? nowNs - newestPacketNs : undefined;
}

/** An age in words, rounded down. */
export function ageText(ageNs: bigint): string {
  const hours = ageNs / hourNs;
  if (hours < 2n) return `${ageNs / (hourNs / 60n)} minutes`;
  return hours < 48n ? `${hours} hours` : `${hours / 24n} days`;
}

const causes: Partial<Record<GapReason, GapCause>> = {
  [GapReason.AGED_OUT]: "aged-out",
  [GapReason.NOT_YET_WRITTEN]: "not-yet-written",
  [GapReason.MISSING]: "missing",
};

/**
 * What a summary says of coverage.
 *
 * @throws StenographerError `MALFORMED_ANSWER` where that makes no sense
 */
export function readCoverage(message: CoverageMessage, window: TimeRange, uid: string): Coverage {
  const { oldestPacket, newestPacket } = message;
  const gaps = message.gaps.map((gap) => readGap(gap, uid));
  let previous = window.startNs;
  for (const { startNs, endNs } of gaps) {
    if (startNs < previous || endNs <= startNs || endNs > window.endNs) {
      throw answerProblem(
        "MALFORMED_ANSWER",
        `the summary has a gap from ${formatTime(startNs)} to ${formatTime(endNs)}, which is not in order or not in the window`,
        uid,
      );
    }
    previous = startNs;
  }
  return {
    oldestPacketNs: oldestPacket && timestampNs(oldestPacket, "the time of the oldest packet", uid),
    newestPacketNs: newestPacket && timestampNs(newestPacket, "the time of the newest packet", uid),
    gaps,
  };
}

function readGap({ start, end, reason, expectedAt }: GapMessage, uid: string): CoverageGap {
  if (start === undefined || end === undefined) {
    throw answerProblem("MALFORMED_ANSWER", "the summary has a gap without its times", uid);
  }
  return {
    startNs: timestampNs(start, "the start of a gap", uid),
    endNs: timestampNs(end, "the end of a gap", uid),
    reason: causes[reason] ?? "unstated",
    ...(expectedAt && { expectedAtNs: timestampNs(expectedAt, "the time of packets to come", uid) }),
  };
}

/** What is said of a retrieval's coverage, as far as it decides whether the whole window was answered for. */
interface Answered {
  readonly uid: string;
  readonly verdict: string;
  readonly window: TimeRange;
  readonly coverage: Coverage | undefined;
}

interface TimeRange {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** What is known when a gap is put into words. */
interface Circumstances extends Omit<Coverage, "gaps"> {
  readonly window: TimeRange;
  readonly nowNs: bigint;
  /** How old the newest packet is, where capture has probably stopped. */
  readonly stoppedNs: bigint | undefined;
}

/**
 * Holds an answer against `requireCoverage`.
 *
 * @param nowMs the time, in milliseconds since the epoch
 * @throws StenographerError `COVERAGE_INCOMPLETE` that says what is missing and what to do
 */
export function requireFullCoverage(
  { uid, verdict, window, coverage }: Answered,
  nowMs: number = Date.now(),
): void {
  const problems: string[] = [];
  if (verdict === "incomplete") {
    problems.push(
      "damage in its files cost packets that may have matched (ask without requireCoverage to get the rest)",
    );
  }
  if (coverage === undefined) {
    problems.push("it does not know what it has (ask without requireCoverage, or a source that does)");
  }
  const gaps = coverage?.gaps ?? [];
  const nowNs = BigInt(Math.floor(nowMs)) * 1_000_000n;
  const stoppedNs = coverage && standstillNs(coverage, window, nowNs);
  const known = { ...coverage, window, nowNs, stoppedNs };
  problems.push(...gaps.slice(0, mostGapsNamed).map((gap) => describeGap(gap, known)));
  if (gaps.length > mostGapsNamed) problems.push(`and ${gaps.length - mostGapsNamed} gaps more`);
  if (problems.length === 0) return;
  const later = coverage !== undefined && verdict !== "incomplete";
  throw new StenographerError(`the sensor can't answer for the whole window: ${problems.join("; ")}`, {
    code: "failed_precondition",
    reason: "COVERAGE_INCOMPLETE",
    ...(later ? retryOf(gaps, nowNs) : {}),
    uid,
  });
}

const mostGapsNamed = 10;
/** Who waits longer than this plans it: a program that asks again by itself would do so for days, or for ever. */
const longestRetryMs = 60 * 60 * 1000;
/** What was due while the answer came may be there now. */
const leastRetryMs = 1000;

/**
 * Whether asking again soon may help, and when, where that is known. What is overdue is waited for as long again: packets that came to be
 * due while the answer came are asked for soon, and those that do not come less and less often.
 */
function retryOf(
  gaps: readonly CoverageGap[],
  nowNs: bigint,
): { readonly retryable: boolean; readonly retryAfterMs?: number } {
  let waitMs = 0;
  for (const gap of gaps) {
    if (gap.reason !== "not-yet-written") return { retryable: false };
    const dueNs = dueAt(gap, nowNs);
    if (dueNs === undefined) continue;
    const dueMs = Number((dueNs - nowNs + 999_999n) / 1_000_000n);
    if (dueMs > 0) waitMs = Math.max(waitMs, dueMs);
    else if (-dueMs <= longestRetryMs) waitMs = Math.max(waitMs, leastRetryMs, -dueMs);
  }
  if (waitMs > longestRetryMs) return { retryable: false };
  return waitMs === 0 ? { retryable: true } : { retryable: true, retryAfterMs: waitMs };
}

/** When packets that are not there yet may be, where that is known: not before they are captured, whatever the server says. */
export function dueAt({ endNs, expectedAtNs }: CoverageGap, nowNs: bigint): bigint | undefined {
  if (endNs <= nowNs) return expectedAtNs;
  return expectedAtNs !== undefined && expectedAtNs > endNs ? expectedAtNs : endNs;
}

/** A gap in words, and what to do about it. */
function describeGap(
  gap: CoverageGap,
  { window, oldestPacketNs, newestPacketNs, nowNs, stoppedNs }: Circumstances,
): string {
  const { startNs, endNs, reason } = gap;
  const range = `from ${formatTime(startNs)} to ${formatTime(endNs)}`;
  const fromStart = startNs === window.startNs;
  const toEnd = endNs === window.endNs;
  const beside = fromStart && toEnd ? "ask for another window" : "ask for what lies before and after";
  switch (reason) {
    case "aged-out": {
      // Another capture thread's oldest packet may be older than what this one lacks.
      const oldest =
        toEnd && oldestPacketNs !== undefined && oldestPacketNs >= endNs ? oldestPacketNs : undefined;
      const which = oldest === undefined ? "" : `, which is of ${formatTime(oldest)}`;
      const advice =
        toEnd && oldest === undefined
          ? "ask for a later window"
          : `ask from ${formatTime(oldest ?? endNs)} on`;
      return `${range} it has nothing, that is before its oldest packet${which} (${advice})`;
    }
    case "not-yet-written": {
      if (stoppedNs !== undefined)
        return `${range} packets are not on disk (its newest packet is ${ageText(stoppedNs)} old: capture has probably stopped)`;
      const dueNs = dueAt(gap, nowNs);
      const advice = [
        `ask again ${dueNs === undefined ? "a few minutes later" : `after ${formatTime(dueNs)}`}`,
      ];
      if (!fromStart) advice.push(`or up to ${formatTime(startNs)}`);
      else if (newestPacketNs !== undefined && newestPacketNs < startNs)
        advice.push(`its newest packet is of ${formatTime(newestPacketNs)}`);
      const why = endNs > nowNs ? ": the window ends in the future" : "";
      return `${range} packets are not on disk yet${why} (${advice.join(", ")})`;
    }
    case "missing":
      return `${range} capture stopped or files are missing (${beside})`;
    case "unstated":
      return `${range} it has nothing, and does not say why (${beside})`;
  }
}
