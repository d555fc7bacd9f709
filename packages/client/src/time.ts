import { StenographerError } from "./stenographer-error.js";

/**
 * A moment: `Date`, ISO 8601 string with a time zone, number of seconds since the epoch (fractions allowed), or bigint
 * nanoseconds since the epoch. A number or bigint in another unit is refused: it would be a time at which nobody captured packets.
 */
export type TimeInput = Date | string | number | bigint;

const nsPerSecond = 1_000_000_000n;
// google.protobuf.Timestamp ends with the year 9999; classic pcap knows no time before 1970.
const lastSecond = 253_402_300_799n;
// As seconds this is the year 5138, as milliseconds March 1973: a number above it was meant as milliseconds. So it goes on with
// the finer units, and no packet was captured before 1973.
const highestPlausibleSeconds = 1e11;

const isoShape =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?$/;
const dateOnly = /^\d{4}-\d\d-\d\d$/;
const whatToWrite = 'write "2026-07-01T12:00:00Z", a Date, seconds or bigint nanoseconds since 1970';

/**
 * Nanoseconds since 1970-01-01T00:00:00Z, exactly.
 *
 * @param name what the time is called in messages: "from"
 * @param advice what to write instead of a text that has no form of a time
 * @throws StenographerError `TIME_INVALID`
 */
export function parseTime(value: TimeInput, name: string, advice = whatToWrite): bigint {
  const ns = toNanoseconds(value, name, advice);
  if (ns < 0n) throw invalid(name, `${show(value)} lies before 1970-01-01T00:00:00Z`);
  if (ns / nsPerSecond > lastSecond) throw invalid(name, `${show(value)} lies after the year 9999`);
  return ns;
}

/** RFC 3339 in UTC, with nanoseconds where there are any: "2026-01-02T03:04:05.000000001Z". */
export function formatTime(timestampNs: bigint): string {
  // Rounded down, also before 1970.
  const inSecond = ((timestampNs % nsPerSecond) + nsPerSecond) % nsPerSecond;
  const seconds = new Date(Number((timestampNs - inSecond) / 1_000_000n)).toISOString().slice(0, 19);
  const digits =
    inSecond === 0n
      ? ""
      : `.${inSecond
          .toString()
          .padStart(9, "0")
          .replace(/(000)+$/, "")}`;
  return `${seconds}${digits}Z`;
}

function toNanoseconds(value: TimeInput, name: string, advice: string): bigint {
  if (typeof value === "bigint") return fromNanoseconds(value, name);
  if (typeof value === "number") return fromSeconds(value, name);
  if (typeof value === "string") return fromIso(value, name, advice);
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) throw invalid(name, "is an invalid Date");
  return BigInt(milliseconds) * 1_000_000n;
}

function fromNanoseconds(ns: bigint, name: string): bigint {
  const unit = unitOf(Number(ns));
  if (ns > 0n && unit !== "nanoseconds") {
    const factor = { seconds: "1_000_000_000n", milliseconds: "1_000_000n", microseconds: "1_000n" }[unit];
    throw invalid(
      name,
      `${ns} looks like ${unit}; a bigint is nanoseconds since 1970: multiply by ${factor} (or pass a Date, if it is that early)`,
    );
  }
  return ns;
}

/** The unit in which a time since 1970 is one that packets were captured at. */
function unitOf(value: number): "seconds" | "milliseconds" | "microseconds" | "nanoseconds" {
  if (value <= highestPlausibleSeconds) return "seconds";
  if (value <= highestPlausibleSeconds * 1e3) return "milliseconds";
  return value <= highestPlausibleSeconds * 1e6 ? "microseconds" : "nanoseconds";
}

function fromSeconds(seconds: number, name: string): bigint {
  if (!Number.isFinite(seconds)) throw invalid(name, `${seconds} is no number of seconds`);
  if (seconds < 0) throw invalid(name, `${seconds} lies before 1970-01-01T00:00:00Z`);
  const unit = unitOf(seconds);
  if (unit !== "seconds") {
    const advice = {
      milliseconds: "divide by 1000, or pass a Date",
      microseconds: "divide by 1000000",
      nanoseconds: "pass nanoseconds as a bigint",
    }[unit];
    throw invalid(name, `${seconds} looks like ${unit}; a number is seconds since 1970: ${advice}`);
  }
  // By the decimal digits that were written, since the binary fraction is off by up to 120 ns: 1700000000.1 is .100000000.
  const [whole = "0", digits = ""] = (seconds < 1e-6 ? seconds.toFixed(9) : String(seconds)).split(".");
  return BigInt(whole) * nsPerSecond + BigInt(digits.slice(0, 9).padEnd(9, "0"));
}

function fromIso(text: string, name: string, advice: string): bigint {
  const parts = isoShape.exec(text.trim());
  if (!parts) {
    const problem = dateOnly.test(text.trim())
      ? `has no time of day; write "${text.trim()}T00:00:00Z"`
      : `is no time; ${advice}`;
    throw invalid(name, `${show(text)} ${problem}`);
  }
  const [, year, month, day, hour, minute, second = "00", fraction = "", zone] = parts;
  if (zone === undefined) {
    const isoText = `${text.trim().replace(" ", "T")}Z`;
    throw invalid(
      name,
      `${show(text)} has no time zone; add Z for UTC (${show(isoText)}) or an offset: +02:00`,
    );
  }
  if (fraction.length > 9)
    throw invalid(name, `${show(text)} is finer than a nanosecond: at most nine digits`);
  const wallMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC rolls over: February 30 becomes March 2, and years below 100 become 19xx.
  if (new Date(wallMs).toISOString() !== `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`) {
    throw invalid(name, `${show(text)} is not in the calendar`);
  }
  const wallNs = BigInt(wallMs) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
  return wallNs - BigInt(offsetMinutes(zone, text, name)) * 60n * nsPerSecond;
}

function offsetMinutes(zone: string, text: string, name: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", ""));
  if (hours > 23 || minutes > 59) throw invalid(name, `${show(text)} has an offset that no clock has`);
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function show(value: TimeInput): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : value instanceof Date
      ? value.toISOString()
      : `${value}`;
}

function invalid(name: string, problem: string): StenographerError {
  return new StenographerError(`${name}: ${problem}`, { code: "invalid_argument", reason: "TIME_INVALID" });
}
