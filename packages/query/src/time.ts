/** A fixed instant, in nanoseconds since 1970 UTC, within the years 0000 to 9999. */
export interface AbsoluteTime {
  readonly kind: "absolute";
  readonly timestampNs: bigint;
}

/** An instant so long before the moment the filter is used: `45m ago`. `resolveTimes` makes it absolute. */
export interface RelativeTime {
  readonly kind: "ago";
  /** A whole number of minutes. */
  readonly nanoseconds: bigint;
  /** The same as it is printed: hours where they come out even (`3h`), else minutes (`45m`). */
  readonly text: string;
}

export type TimeReference = AbsoluteTime | RelativeTime;

/** Packet time: `after T` is t >= T, `before T` is t < T, so that the two make a half-open window. */
export interface TimeNode {
  readonly kind: "before" | "after";
  readonly time: TimeReference;
}

export const nanosecondsPerSecond = 1_000_000_000n;
const nanosecondsPerMinute = 60n * nanosecondsPerSecond;

/** 0000-01-01T00:00:00Z, the first instant RFC 3339 can write. */
export const firstTimestampNs = -62_167_219_200n * nanosecondsPerSecond;
/** The last nanosecond of the year 9999. */
export const lastTimestampNs = 253_402_300_800n * nanosecondsPerSecond - 1n;

/**
 * 0001-01-01T00:00:00Z, the zero of Go's time.Time. Stenographer takes it as "no limit", so that `before` it selects
 * everything instead of nothing.
 */
export const unlimitedTimestampNs = -62_135_596_800n * nanosecondsPerSecond;

/** Longest durations Stenographer reads: Go's time.Duration ends at 2^63 - 1 nanoseconds. */
export const maxHoursAgo = 2_562_047n;
export const maxMinutesAgo = 153_722_867n;

const rfc3339 =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;

/**
 * Nanoseconds since 1970 UTC for an RFC 3339 text with upper-case T and Z, or undefined if it is none.
 *
 * Digits past the ninth of a fraction are cut off, not rounded. As Stenographer (Go 1.19) it takes an hour of one
 * digit and any offset of two times two digits; it has no leap seconds. Nothing outside the years 0000 to 9999 UTC.
 */
export function parseTime(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]; // six groups that always take part
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 59) return undefined;
  const [fraction = "", sign, offsetHours = "0", offsetMinutes = "0"] = match.slice(7);
  const offsetSeconds = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -60 : 60);
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offsetSeconds;
  const timestampNs = BigInt(seconds) * nanosecondsPerSecond + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return isPrintableTime(timestampNs) ? timestampNs : undefined;
}

/**
 * The instant as `2015-01-01T13:14:15.5Z`: UTC, as many digits of the second as it needs.
 *
 * @throws RangeError outside the years 0000 to 9999
 */
export function printTime(timestampNs: bigint): string {
  if (!isPrintableTime(timestampNs)) {
    throw new RangeError(`time ${timestampNs} ns is outside the years 0000 to 9999`);
  }
  const seconds = floorToSecond(timestampNs) / nanosecondsPerSecond;
  const nanoseconds = timestampNs - seconds * nanosecondsPerSecond;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, "0000-00-00T00:00:00".length);
  const fraction = nanoseconds.toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction}Z`;
}

/** Whether RFC 3339 can write the instant: years 0000 to 9999. */
export function isPrintableTime(timestampNs: bigint): boolean {
  return timestampNs >= firstTimestampNs && timestampNs <= lastTimestampNs;
}

/** The full second at or before the instant. */
export function floorToSecond(timestampNs: bigint): bigint {
  const over = ((timestampNs % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
  return timestampNs - over;
}

/** What `45m` or `3h` (before `ago`) means, or undefined if it is no such duration or too long. */
export function parseAgo(text: string): RelativeTime | undefined {
  const match = /^([0-9]+)([mh])$/.exec(text);
  const digits = match?.[1]?.replace(/^0+(?=[0-9])/, "");
  if (match === null || digits === undefined || digits.length > maxMinutesAgo.toString().length)
    return undefined;
  const amount = BigInt(digits);
  if (amount > (match[2] === "h" ? maxHoursAgo : maxMinutesAgo)) return undefined;
  return minutesAgo(match[2] === "h" ? amount * 60n : amount);
}

/**
 * The text of a relative time, made from its number.
 *
 * @throws RangeError if it is not a whole number of minutes that Stenographer reads
 */
export function printAgo(time: RelativeTime): string {
  const minutes = time.nanoseconds / nanosecondsPerMinute;
  const isWhole = minutes * nanosecondsPerMinute === time.nanoseconds;
  if (!isWhole || minutes < 0n || minutes > maxMinutesAgo) {
    throw new RangeError(
      `${time.nanoseconds} ns ago cannot be written: it takes whole minutes, 0 to ${maxMinutesAgo}`,
    );
  }
  return `${minutesAgo(minutes).text} ago`;
}

function minutesAgo(minutes: bigint): RelativeTime {
  const text = minutes % 60n === 0n ? `${minutes / 60n}h` : `${minutes}m`;
  return { kind: "ago", nanoseconds: minutes * nanosecondsPerMinute, text };
}
