import { isPrintableTime, parseAgo, parseTime, type TimeReference } from "./time.js";

/** An instant: a Date, nanoseconds since 1970 UTC, or a text such as `2015-01-01T13:14:15Z` or `45m ago`. */
export type TimeInput = Date | bigint | string;

/** The instant as it stands in a tree. @throws RangeError if it is none */
export function toTime(time: TimeInput): TimeReference {
  if (typeof time === "string") {
    const ago = /^(.*[mh]) ago$/.exec(time)?.[1];
    const parsed = ago === undefined ? undefined : parseAgo(ago);
    if (parsed !== undefined) return parsed;
  }
  const timestampNs = toTimestampNs(time);
  if (timestampNs === undefined || !isPrintableTime(timestampNs)) {
    throw new RangeError(
      `${String(time)} is not a time: it takes 2015-01-01T13:14:15Z, 45m ago, a Date or nanoseconds, years 0000 to 9999`,
    );
  }
  return { kind: "absolute", timestampNs };
}

function toTimestampNs(time: TimeInput): bigint | undefined {
  if (typeof time === "string") return parseTime(time);
  if (typeof time === "bigint") return time;
  const milliseconds = time.getTime();
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds) * 1_000_000n;
}
