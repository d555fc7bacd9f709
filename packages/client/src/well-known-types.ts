import { create } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { answerProblem } from "./answer-problem.js";

const nsPerSecond = 1_000_000_000n;

// google.protobuf.Timestamp: the years 1 to 9999.
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/**
 * Nanoseconds since the epoch, of a time that came from the other end.
 *
 * @param what what the time is called in messages
 * @throws StenographerError `MALFORMED_ANSWER` for what is none
 */
export function timestampNs({ seconds, nanos }: Timestamp, what: string, uid?: string): bigint {
  if (seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos > 999_999_999) {
    throw answerProblem("MALFORMED_ANSWER", `${what} is no time: ${seconds} s and ${nanos} ns`, uid);
  }
  return seconds * nsPerSecond + BigInt(nanos);
}

/** A Timestamp from nanoseconds since the epoch, which must not be negative. */
export function toTimestamp(ns: bigint): Timestamp {
  return create(TimestampSchema, { seconds: ns / nsPerSecond, nanos: Number(ns % nsPerSecond) });
}

/** Milliseconds, fractions dropped. */
export function durationMs(duration: Duration): number {
  return Number(duration.seconds) * 1000 + Math.floor(duration.nanos / 1_000_000);
}
