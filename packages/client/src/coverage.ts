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
  /** When the packets should be there, where that is known. */
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
export function readCoverage(
  message: CoverageMessage,
  window: { readonly startNs: bigint; readonly endNs: bigint },
  uid: string,
): Coverage {
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
  readonly coverage: Coverage | undefined;
}

/**
 * Holds an answer against `requireCoverage`.
 *
 * @throws StenographerError `COVERAGE_INCOMPLETE` that says what is missing and what to do
 */
export function requireFullCoverage({ uid, verdict, coverage }: Answered): void {
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
  problems.push(...gaps.slice(0, mostGapsNamed).map(describeGap));
  if (gaps.length > mostGapsNamed) problems.push(`and ${gaps.length - mostGapsNamed} gaps more`);
  if (problems.length === 0) return;
  const later = coverage !== undefined && verdict !== "incomplete";
  throw new StenographerError(`the sensor can't answer for the whole window: ${problems.join("; ")}`, {
    code: "failed_precondition",
    reason: "COVERAGE_INCOMPLETE",
    retryable: later && gaps.every(({ reason }) => reason === "not-yet-written"),
    uid,
  });
}

const mostGapsNamed = 10;

/** A gap in words, and what to do about it. */
function describeGap({ startNs, endNs, reason, expectedAtNs }: CoverageGap): string {
  const range = `from ${formatTime(startNs)} to ${formatTime(endNs)}`;
  switch (reason) {
    case "aged-out":
      return `${range} it has nothing, that is before its oldest packet (ask from ${formatTime(endNs)} on)`;
    case "not-yet-written": {
      const when = expectedAtNs === undefined ? "a few minutes later" : `after ${formatTime(expectedAtNs)}`;
      return `${range} packets are not on disk yet (ask again ${when}, or up to ${formatTime(startNs)})`;
    }
    case "missing":
      return `${range} capture stopped or files are missing (ask for what lies before and after)`;
    case "unstated":
      return `${range} it has nothing, and does not say why (ask for what lies before and after)`;
  }
}
