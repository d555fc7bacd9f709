import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { CaptureError, type CaptureHeader, captureHeaderBytes, RecordWalk } from "@stenogrpc/pcap";
import { Status, StoppedBy, type Summary, Completeness as WireCompleteness } from "@stenogrpc/protocol";
import type { AnswerPart, MessageEnd } from "./answer-part.js";
import { type AnswerProblemReason, answerProblem } from "./answer-problem.js";
import { clockSkewMs, skewTexts } from "./clock-skew.js";
import { coveredOf, readCoverage, requireFullCoverage } from "./coverage.js";
import { readDamage } from "./damage.js";
import type { FetchPlan } from "./fetch-options.js";
import type { Completeness, FetchResult, StoppedByLimit, Verdict } from "./fetch-result.js";
import { checkDialect } from "./filter-dialect.js";
import { PacketTimes } from "./packet-times.js";
import type { IncrementalHash } from "./sha256.js";
import { shortcomingsOf } from "./shortcomings.js";
import { StenographerError } from "./stenographer-error.js";
import { formatTime } from "./time.js";
import { timestampNs } from "./well-known-types.js";
import { WholeRecords } from "./whole-records.js";

/** Packets and bytes that have passed so far. */
export interface AnswerCounts {
  readonly packets: number;
  readonly pcapBytes: number;
}

const stoppedByNames: Partial<Record<StoppedBy, StoppedByLimit>> = {
  [StoppedBy.NOTHING]: "nothing",
  [StoppedBy.MAX_BYTES]: "max-bytes",
  [StoppedBy.MAX_PACKETS]: "max-packets",
  [StoppedBy.SERVER_LIMIT]: "server-limit",
  [StoppedBy.BUDGET]: "budget",
};

const completenessNames: Partial<Record<WireCompleteness, Completeness>> = {
  [WireCompleteness.PROVED]: "proved",
  [WireCompleteness.UNPROVED]: "unproved",
};

/**
 * Checks an answer as it comes against what was asked and, at its end, against the server's summary.
 *
 * `take` gives back only whole records. Nothing may be called complete before `finish` has returned.
 * Both throw a StenographerError: `MALFORMED_ANSWER`, `COUNT_MISMATCH`, `DIGEST_MISMATCH`, `DIALECT_MISMATCH`,
 * `SUMMARY_MISSING`, and `finish` also `COVERAGE_INCOMPLETE`. Which, does not depend on how the answer was cut into parts.
 */
export class VerifiedAnswer implements AnswerCounts {
  packets = 0;
  pcapBytes = 0;
  readonly #plan: FetchPlan;
  readonly #hash: IncrementalHash;
  readonly #now: () => number;
  readonly #requestedMs: number;
  readonly #walk = new RecordWalk({
    fileHeader: (header) => this.#takeHeader(header),
    record: (seconds, nanoseconds, endOffset) => this.#takeRecord(seconds, nanoseconds, endOffset),
  });
  readonly #whole = new WholeRecords();
  #times: PacketTimes;
  #insideMessage = false;
  #verdict: { status: Status; summary: Summary } | undefined;

  /** @param now the clock, in milliseconds since the epoch */
  constructor(plan: FetchPlan, hash: IncrementalHash, now: () => number = Date.now) {
    this.#plan = plan;
    this.#hash = hash;
    this.#now = now;
    this.#requestedMs = now();
    this.#times = new PacketTimes(plan.window);
  }

  /** Whether the next part surely has more: the end of a message, or of the answer. */
  get expectsMore(): boolean {
    return this.#insideMessage || this.#verdict !== undefined;
  }

  /** Checks the next part and gives the pcap bytes that are whole records by it. */
  take({ pcap, ends }: AnswerPart): readonly Uint8Array[] {
    const before = this.pcapBytes;
    let firstEnd: number | undefined;
    let at = 0;
    const walkTo = (to: number): void => {
      if (to === at) return;
      const end = this.#takeBytes(pcap, at, to);
      firstEnd ??= end;
      at = to;
    };
    for (const end of ends) {
      walkTo(end.at);
      this.#takeEnd(end);
    }
    walkTo(pcap.length);
    if (pcap.length === 0) return [];
    this.#hash.update(pcap);
    return this.#whole.take(pcap, firstEnd, this.#walk.wholeBytes - before);
  }

  /** Checks the whole, when the stream has ended. */
  finish(): FetchResult {
    if (this.#verdict === undefined) {
      throw this.#problem(
        "SUMMARY_MISSING",
        "the answer ended without its summary, so it may not be whole; if this is an original server (the Python prototype), which never sends one, set originalServer: true",
      );
    }
    const { status, summary } = this.#verdict;
    const { uid, dialect, requireCoverage, window } = this.#plan;
    const sha256 = this.#hash.hex();
    this.#compareTotals(summary, sha256);
    checkDialect(dialect, summary.filterDialect, uid);
    const { verdict, stoppedBy } = this.#conclude(status, summary);
    const applied = {
      startNs: this.#time(summary.windowStart, "the window's start") ?? window.startNs,
      endNs: this.#time(summary.windowEnd, "the window's end") ?? window.endNs,
    };
    this.#checkApplied(applied);
    const coverage = summary.coverage && readCoverage(summary.coverage, applied, uid);
    const damage = summary.damage.map(readDamage);
    const found = {
      uid,
      verdict,
      stoppedBy,
      packets: this.packets,
      pcapBytes: this.pcapBytes,
      sha256,
      firstPacketNs: this.#times.firstNs,
      lastPacketNs: this.#times.lastNs,
      source: summary.source,
      sensor: summary.sensor,
      serverVersion: summary.serverVersion,
      clientIdentity: summary.clientIdentity,
      window: applied,
      filter: summary.filter,
      filterDialect: dialect,
      policyFilter: summary.policyFilter,
      payloadLimitBytes: summary.payloadLimit,
      completeness: completenessNames[summary.completeness] ?? "unstated",
      coverage,
      covered: coveredOf(coverage, applied),
      damage,
      recordsSeen: Number(summary.recordsSeen),
      recordsOutsideWindow: Number(summary.recordsOutsideWindow),
      recordsUnmatched: Number(summary.recordsUnmatched),
      recordsBehindVlan: Number(summary.recordsBehindVlan),
      clockSkewMs: this.#clockSkewMs(summary),
      warnings: [...summary.warnings],
      verification: "full",
      retries: 0,
    } as const;
    // By the sensor's clock, where it says it: so are gaps and the times of packets.
    const nowMs = this.#serverMs(summary) ?? this.#now();
    const shortcomings = [
      ...shortcomingsOf(found, nowMs),
      ...skewTexts(found.clockSkewMs, this.#plan, this.#requestedMs),
    ];
    const result: FetchResult = { ...found, shortcomings };
    if (requireCoverage) requireFullCoverage(result, nowMs);
    return result;
  }

  /** Walks over bytes of one message, and gives where in the part the first record in them ends. */
  #takeBytes(pcap: Uint8Array, from: number, to: number): number | undefined {
    this.#refuseAfterSummary();
    this.#insideMessage = true;
    this.pcapBytes += to - from;
    try {
      return this.#walk.push(pcap, from, to);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      throw this.#notPcap(error);
    }
  }

  #takeRecord(seconds: number, nanoseconds: number, endOffset: number): void {
    const { maxBytes, maxPackets } = this.#plan;
    this.packets++;
    if (!this.#times.add(seconds, nanoseconds)) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `packet ${this.packets} of the answer, at ${seconds}.${String(nanoseconds).padStart(9, "0")}, lies outside the window that was asked for`,
      );
    }
    if (maxBytes !== undefined && endOffset > maxBytes) {
      throw this.#problem("MALFORMED_ANSWER", `the answer exceeds maxBytes: ${endOffset} > ${maxBytes}`);
    }
    if (maxPackets !== undefined && this.packets > maxPackets) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `the answer exceeds maxPackets: ${this.packets} > ${maxPackets}`,
      );
    }
  }

  #takeEnd({ uid, status, summary }: MessageEnd): void {
    this.#refuseAfterSummary();
    this.#insideMessage = false;
    if (uid !== this.#plan.uid)
      throw this.#problem("MALFORMED_ANSWER", `a message carries the uid ${JSON.stringify(uid)}`);
    this.#checkCut();
    this.#takeVerdict(status, summary);
  }

  #refuseAfterSummary(): void {
    if (this.#verdict !== undefined)
      throw this.#problem("MALFORMED_ANSWER", "a message came after the one with the summary");
  }

  /** A message ends with a record, so that every prefix of the messages is a pcap file. */
  #checkCut(): void {
    if (this.#walk.wholeBytes === this.pcapBytes) return;
    throw this.#problem(
      "MALFORMED_ANSWER",
      this.pcapBytes < captureHeaderBytes
        ? `the first message has ${this.pcapBytes} bytes, less than a pcap file header (${captureHeaderBytes})`
        : `a message ends inside a packet record, at byte ${this.pcapBytes} of the answer; if this is an original server (the Python prototype), which cuts anywhere, set originalServer: true`,
    );
  }

  #takeHeader({ resolution }: CaptureHeader): void {
    const asked = this.#plan.timestampResolution;
    if (asked !== undefined && resolution !== asked) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `the answer has times in ${resolution}; ${asked} were asked for`,
      );
    }
    if (resolution === "nanoseconds") return;
    // A packet of the window's first microsecond lies before it where its nanoseconds were cut off.
    const { startNs, endNs } = this.#plan.window;
    this.#times = new PacketTimes({ startNs: startNs - (startNs % 1000n), endNs });
  }

  #notPcap(error: CaptureError): StenographerError {
    return this.#problem("MALFORMED_ANSWER", `the answer is no valid pcap: ${error.message}`, error);
  }

  #takeVerdict(status: Status, summary: Summary | undefined): void {
    if (status === Status.UNKNOWN_FAILURE) {
      throw new StenographerError("the server reports that something went wrong, not what; look at its log", {
        code: "unknown",
        reason: "UNKNOWN_FAILURE",
        uid: this.#plan.uid,
      });
    }
    if (status === Status.UNSPECIFIED && summary === undefined) return;
    if (status === Status.UNSPECIFIED)
      throw this.#problem("MALFORMED_ANSWER", "a summary came without a status");
    if (summary === undefined) {
      throw this.#problem("SUMMARY_MISSING", "the answer ended with a status but without its summary");
    }
    this.#verdict = { status, summary };
  }

  #compareTotals(summary: Summary, sha256: string): void {
    if (this.pcapBytes === 0) throw this.#problem("MALFORMED_ANSWER", "the answer has no pcap file header");
    this.#compare("packets", this.packets, summary.packets);
    this.#compare("pcap bytes", this.pcapBytes, summary.pcapBytes);
    this.#compare(
      "first packet time",
      this.#times.firstNs,
      this.#time(summary.firstPacket, "the time of the first packet"),
    );
    this.#compare(
      "last packet time",
      this.#times.lastNs,
      this.#time(summary.lastPacket, "the time of the last packet"),
    );
    const promised = Array.from(summary.sha256, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (sha256 !== promised) {
      throw this.#problem(
        "DIGEST_MISMATCH",
        `the bytes that came are not those that were sent: SHA-256 ${sha256}, the server says ${promised || "none"}`,
      );
    }
  }

  #compare(what: string, received: number | bigint | undefined, promised: bigint | undefined): void {
    const same =
      received === undefined
        ? promised === undefined
        : promised !== undefined && BigInt(received) === promised;
    if (!same) {
      throw this.#problem(
        "COUNT_MISMATCH",
        `the answer does not agree with its summary: ${what} ${received ?? "none"}, the summary says ${promised ?? "none"}`,
      );
    }
  }

  #conclude(status: Status, summary: Summary): { verdict: Verdict; stoppedBy: StoppedByLimit } {
    const stoppedBy = stoppedByNames[summary.stoppedBy];
    const stopped = stoppedBy !== undefined && stoppedBy !== "nothing";
    const lossy = summary.damage.some(({ losesPackets }) => losesPackets);
    if (status === Status.TRUNCATED && stopped) return { verdict: "truncated", stoppedBy };
    // A limit may have stopped it besides.
    if (status === Status.INCOMPLETE && lossy && stoppedBy !== undefined) {
      return { verdict: "incomplete", stoppedBy };
    }
    if (stoppedBy === "nothing" && !lossy) {
      if (status === Status.OK && this.packets > 0) return { verdict: "complete", stoppedBy };
      if (status === Status.NO_PACKETS && this.packets === 0) return { verdict: "no-packets", stoppedBy };
    }
    throw this.#problem(
      "MALFORMED_ANSWER",
      `status ${Status[status] ?? status} does not go with ${this.packets} packets, stopped by ${StoppedBy[summary.stoppedBy] ?? summary.stoppedBy}, and damage that ${lossy ? "may cost packets" : "costs no packets"}`,
    );
  }

  /** What the server did not look for is not in the answer, and no gap says so. */
  #checkApplied({ startNs, endNs }: FetchPlan["window"]): void {
    const { window } = this.#plan;
    if (startNs <= window.startNs && endNs >= window.endNs) return;
    throw this.#problem(
      "MALFORMED_ANSWER",
      `the server looked for packets from ${formatTime(startNs)} to ${formatTime(endNs)}; ${formatTime(window.startNs)} to ${formatTime(window.endNs)} was asked for`,
    );
  }

  #clockSkewMs(summary: Summary): number | undefined {
    const serverMs = this.#serverMs(summary);
    if (serverMs === undefined) return undefined;
    return clockSkewMs({ requestedMs: this.#requestedMs, endedMs: this.#now(), serverMs });
  }

  #serverMs({ serverTime }: Summary): number | undefined {
    const serverNs = this.#time(serverTime, "the server's time");
    return serverNs === undefined ? undefined : Number(serverNs / 1_000_000n);
  }

  #time(timestamp: Timestamp | undefined, what: string): bigint | undefined {
    return timestamp && timestampNs(timestamp, what, this.#plan.uid);
  }

  #problem(reason: AnswerProblemReason, message: string, cause?: unknown): StenographerError {
    return answerProblem(reason, message, this.#plan.uid, cause);
  }
}

/**
 * The pieces of an answer as they are found good, those that came at once together.
 *
 * Those of the last message are held back until the totals agree, as far as they came at once.
 *
 * @param lent the reader is done with pieces when it asks for the next ones, so that their memory can be used again
 */
export async function* verifiedPieces(
  parts: AsyncIterable<AnswerPart>,
  answer: VerifiedAnswer,
  lent: () => boolean,
): AsyncGenerator<readonly Uint8Array[], FetchResult> {
  let held: readonly Uint8Array[] = [];
  let partBefore: AnswerPart | undefined;
  for await (const part of parts) {
    if (held.length > 0) yield held;
    if (lent()) partBefore?.giveBack?.();
    partBefore = part;
    held = answer.take(part);
    if (answer.expectsMore) continue;
    if (held.length > 0) yield held;
    held = [];
  }
  const result = answer.finish();
  if (held.length > 0) yield held;
  return result;
}
