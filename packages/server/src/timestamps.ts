import type { Timestamp } from "@bufbuild/protobuf/wkt";

const nsPerSecond = 1_000_000_000n;

/** Nanoseconds since the epoch of a protobuf Timestamp. */
export function timestampToNs(timestamp: Pick<Timestamp, "seconds" | "nanos">): bigint {
  return timestamp.seconds * nsPerSecond + BigInt(timestamp.nanos);
}

/** Nanoseconds since the epoch of whole seconds since the epoch. */
export function epochSecondsToNs(seconds: bigint): bigint {
  return seconds * nsPerSecond;
}

/** The fields of a protobuf Timestamp from nanoseconds since the epoch, which must not be negative. */
export function nsToTimestamp(timestampNs: bigint): { seconds: bigint; nanos: number } {
  return { seconds: timestampNs / nsPerSecond, nanos: Number(timestampNs % nsPerSecond) };
}

/** The fields of a protobuf Duration from milliseconds, which must not be negative. */
export function msToDuration(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

/** RFC 3339 in UTC with nanoseconds, for logs and messages. */
export function timestampToIso(timestampNs: bigint): string {
  const whole = new Date(Number(timestampNs / nsPerSecond) * 1000).toISOString().slice(0, 19);
  const nanos = timestampNs % nsPerSecond;
  return nanos === 0n ? `${whole}Z` : `${whole}.${nanos.toString().padStart(9, "0")}Z`;
}
