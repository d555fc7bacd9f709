import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  CaptureDecoder,
  CaptureError,
  captureHeaderBytes,
  RecordCursor,
  recordHeaderBytes,
} from "@stenogrpc/pcap";
import {
  type Response,
  Status,
  StoppedBy,
  type Summary,
  Completeness as WireCompleteness,
} from "@stenogrpc/protocol";
import { type AnswerProblemReason, answerProblem } from "./answer-problem.js";
import { readCoverage, requireFullCoverage } from "./coverage.js";
import { readDamage } from "./damage.js";
import type { FetchPlan } from "./fetch-options.js";
import type { Completeness, FetchResult, StoppedByLimit, Verdict } from "./fetch-result.js";
import { checkDialect } from "./filter-dialect.js";
import { PacketTimes } from "./packet-times.js";
import type { IncrementalHash } from "./sha256.js";
import { StenographerError } from "./stenographer-error.js";
import { timestampNs } from "./well-known-types.js";

/** Packets and bytes that have passed so far. */
export interface AnswerCounts {
  readonly packets: number;
  readonly pcapBytes: number;
}

const pcapngMagic = 0x0a0d0d0a;

const stoppedByNames: Partial<Record<StoppedBy, StoppedByLimit>> = {
  [StoppedBy.NOTHING]: "nothing",
  [StoppedBy.MAX_BYTES]: "max-bytes",
  [StoppedBy.MAX_PACKETS]: "max-packets",
  [StoppedBy.SERVER_LIMIT]: "server-limit",
};

const completenessNames: Partial<Record<WireCompleteness, Completeness>> = {
  [WireCompleteness.PROVED]: "proved",
  [WireCompleteness.UNPROVED]: "unproved",
};

/**
 * Checks an answer message by message against what was asked and, at its end, against the server's summary.
 *
 * `take` gives back only bytes that end on a record. Nothing may be called complete before `finish` has returned.
 * Both throw a StenographerError: `MALFORMED_ANSWER`, `COUNT_MISMATCH`, `DIGEST_MISMATCH`, `DIALECT_MISMATCH`,
 * `SUMMARY_MISSING`, and `finish` also `COVERAGE_INCOMPLETE`.
 */
export class VerifiedAnswer implements AnswerCounts {
  packets = 0;
  pcapBytes = 0;
  readonly #plan: FetchPlan;
  readonly #hash: IncrementalHash;
  readonly #decoder = new CaptureDecoder();
  readonly #times: PacketTimes;
  #verdict: { status: Status; summary: Summary } | undefined;

  constructor(plan: FetchPlan, hash: IncrementalHash) {
    this.#plan = plan;
    this.#hash = hash;
    const { startNs, endNs } = plan.window;
    // A packet of the window's first microsecond lies before it once its nanoseconds are cut off, as was asked for.
    const finest = plan.timestampResolution === "microseconds" ? 1000n : 1n;
    this.#times = new PacketTimes({ startNs: startNs - (startNs % finest), endNs });
  }

  /** Whether the summary has come, after which nothing may. */
  get concluded(): boolean {
    return this.#verdict !== undefined;
  }

  /** Checks the next message and gives its pcap bytes. */
  take(message: Response): Uint8Array {
    if (this.concluded)
      throw this.#problem("MALFORMED_ANSWER", "a message came after the one with the summary");
    if (message.uid !== this.#plan.uid) {
      throw this.#problem("MALFORMED_ANSWER", `a message carries the uid ${JSON.stringify(message.uid)}`);
    }
    if (message.pcap.length > 0) this.#takeBytes(message.pcap);
    this.#takeVerdict(message);
    return message.pcap;
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
    const result: FetchResult = {
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
      window: {
        startNs: this.#time(summary.windowStart, "the window's start") ?? window.startNs,
        endNs: this.#time(summary.windowEnd, "the window's end") ?? window.endNs,
      },
      filter: summary.filter,
      filterDialect: dialect,
      completeness: completenessNames[summary.completeness] ?? "unstated",
      coverage: summary.coverage && readCoverage(summary.coverage, window, uid),
      damage: summary.damage.map(readDamage),
      recordsSeen: Number(summary.recordsSeen),
      recordsOutsideWindow: Number(summary.recordsOutsideWindow),
      recordsUnmatched: Number(summary.recordsUnmatched),
      warnings: [...summary.warnings],
      verification: "full",
    };
    if (requireCoverage) requireFullCoverage(result);
    return result;
  }

  #takeBytes(pcap: Uint8Array): void {
    if (this.pcapBytes === 0) this.#refuseOtherFormats(pcap);
    // What the decoder finds in one message, to the byte, is what the message holds: else it ends inside something.
    let accountedFor = this.pcapBytes === 0 ? captureHeaderBytes : 0;
    for (const batch of this.#decode(pcap)) {
      const cursor = new RecordCursor(batch);
      for (let i = 0; i < batch.count; i++) {
        cursor.seek(i);
        this.packets++;
        accountedFor += recordHeaderBytes + cursor.capturedLength;
        this.#takeTime(cursor.seconds, cursor.nanoseconds);
      }
    }
    this.pcapBytes += pcap.length;
    if (this.#decoder.failure !== undefined) throw this.#notPcap(this.#decoder.failure);
    this.#checkResolution();
    if (accountedFor !== pcap.length) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `a message ends inside a packet record, at byte ${this.pcapBytes} of the answer; if this is an original server (the Python prototype), which cuts anywhere, set originalServer: true`,
      );
    }
    this.#checkLimits();
    this.#hash.update(pcap);
  }

  #refuseOtherFormats(pcap: Uint8Array): void {
    if (pcap.length < captureHeaderBytes) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `the first message has ${pcap.length} bytes, less than a pcap file header (${captureHeaderBytes})`,
      );
    }
    const magic = new DataView(pcap.buffer, pcap.byteOffset).getUint32(0);
    if (magic === pcapngMagic) {
      throw this.#problem("MALFORMED_ANSWER", "the answer is pcapng; the contract is classic pcap");
    }
  }

  #checkResolution(): void {
    const asked = this.#plan.timestampResolution;
    const has = this.#decoder.header?.resolution;
    if (asked !== undefined && has !== asked) {
      throw this.#problem("MALFORMED_ANSWER", `the answer has times in ${has}; ${asked} were asked for`);
    }
  }

  #decode(pcap: Uint8Array) {
    try {
      return this.#decoder.push(pcap);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      throw this.#notPcap(error);
    }
  }

  #notPcap(error: CaptureError): StenographerError {
    return this.#problem("MALFORMED_ANSWER", `the answer is no valid pcap: ${error.message}`, error);
  }

  #takeTime(seconds: number, nanoseconds: number): void {
    if (!this.#times.add(seconds, nanoseconds)) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `packet ${this.packets} of the answer, at ${seconds}.${String(nanoseconds).padStart(9, "0")}, lies outside the window that was asked for`,
      );
    }
  }

  #checkLimits(): void {
    const { maxBytes, maxPackets } = this.#plan;
    if (maxBytes !== undefined && this.pcapBytes > maxBytes) {
      throw this.#problem("MALFORMED_ANSWER", `the answer exceeds maxBytes: ${this.pcapBytes} > ${maxBytes}`);
    }
    if (maxPackets !== undefined && this.packets > maxPackets) {
      throw this.#problem(
        "MALFORMED_ANSWER",
        `the answer exceeds maxPackets: ${this.packets} > ${maxPackets}`,
      );
    }
  }

  #takeVerdict({ status, summary }: Response): void {
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

  #time(timestamp: Timestamp | undefined, what: string): bigint | undefined {
    return timestamp && timestampNs(timestamp, what, this.#plan.uid);
  }

  #problem(reason: AnswerProblemReason, message: string, cause?: unknown): StenographerError {
    return answerProblem(reason, message, this.#plan.uid, cause);
  }
}

/** The pieces of an answer as they are found good. The last one is held back until the totals agree. */
export async function* verifiedPieces(
  messages: AsyncIterable<Response>,
  answer: VerifiedAnswer,
): AsyncGenerator<Uint8Array, FetchResult> {
  let last: Uint8Array = new Uint8Array(0);
  for await (const message of messages) {
    const piece = answer.take(message);
    if (answer.concluded) last = piece;
    else if (piece.length > 0) yield piece;
  }
  const result = answer.finish();
  if (last.length > 0) yield last;
  return result;
}
