import { parseDuration } from "./parse-duration.js";
import { UsageError } from "./usage-error.js";

const nsPerMs = 1_000_000n;
const nsPerSecond = 1_000_000_000n;
const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))$/;
const epochSeconds = /^(\d{9,11})(?:\.(\d{1,9}))?$/;
const ago = /^((?:\d+[smhd])+)(?: ago)?$/;

/**
 * Nanoseconds since the epoch from RFC 3339 with a zone, epoch seconds, "now", or a time ago such as "15m". Exact to the
 * nanosecond.
 *
 * A time without a zone is refused: sensor, server and analyst sit in different ones. Throws UsageError.
 */
export function parseWhen(text: string, nowNs: bigint): bigint {
  const trimmed = text.trim();
  if (trimmed === "now") return nowNs;
  const epoch = epochSeconds.exec(trimmed);
  if (epoch) return BigInt(epoch[1] ?? 0) * nsPerSecond + fraction(epoch[2]);
  if (ago.test(trimmed)) return nowNs - BigInt(parseDuration(trimmed.replace(/ ago$/, ""))) * nsPerMs;
  const calendar = rfc3339.exec(trimmed);
  if (calendar) return calendarTime(trimmed, calendar);
  throw new UsageError(`${JSON.stringify(text)} is no time; ${advice(trimmed)}`);
}

function calendarTime(text: string, parts: RegExpExecArray): bigint {
  const [, year, month, day, hour, minute, second, digits, , sign, zoneHour = "0", zoneMinute = "0"] = parts;
  const fields = [year, Number(month) - 1, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]; // six in, six out
  const localMs = Date.UTC(...fields);
  // Date.UTC turns February 30th into March 2nd, and two-digit years into 1900s; a time that moved was not a time.
  const moved = new Date(localMs).toISOString().slice(0, 19) !== `${text.slice(0, 10)}T${text.slice(11, 19)}`;
  if (moved || Number(zoneHour) > 23 || Number(zoneMinute) > 59) {
    throw new UsageError(`${JSON.stringify(text)} is no time: there is no such moment in the calendar`);
  }
  const offsetMs = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000 * (sign === "-" ? -1 : 1);
  return BigInt(localMs - offsetMs) * nsPerMs + fraction(digits);
}

function fraction(digits: string | undefined): bigint {
  return BigInt((digits ?? "").padEnd(9, "0"));
}

function advice(text: string): string {
  if (/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text)) {
    return `it has no zone; write ${text.replace(" ", "T")}${/:\d\d:\d\d/.test(text) ? "" : ":00"}Z for UTC, or an offset such as +02:00`;
  }
  if (/^\d{12,}$/.test(text)) return "epoch times are in seconds, with a fraction where needed";
  return "write 2026-01-02T03:04:05Z, epoch seconds such as 1767323045, now, or how long ago: 90s, 15m, 2h, 3d";
}
