import { create } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";

const nsPerSecond = 1_000_000_000n;

/** Nanoseconds since the epoch. */
export function timestampNs(timestamp: Timestamp): bigint {
  return timestamp.seconds * nsPerSecond + BigInt(timestamp.nanos);
}

/** A Timestamp from nanoseconds since the epoch, which must not be negative. */
export function toTimestamp(ns: bigint): Timestamp {
  return create(TimestampSchema, { seconds: ns / nsPerSecond, nanos: Number(ns % nsPerSecond) });
}

/** Milliseconds, fractions dropped. */
export function durationMs(duration: Duration): number {
  return Number(duration.seconds) * 1000 + Math.floor(duration.nanos / 1_000_000);
}
