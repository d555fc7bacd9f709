import { parseTime, StenographerError } from "@stenogrpc/client";
import { UsageError } from "../usage-error.js";
import { parseDuration } from "./parse-duration.js";

const nsPerMs = 1_000_000n;
const nsPerSecond = 1_000_000_000n;
const epochSeconds = /^(\d{9,11})(?:\.(\d{1,9}))?$/;
const ago = /^((?:\d+[smhd])+)(?: ago)?$/;

/**
 * Nanoseconds since the epoch from a time that the client's options take as text (ISO 8601 with a zone), epoch seconds, "now", or
 * a time ago such as "15m". Exact to the nanosecond.
 *
 * A time without a zone is refused: sensor, server and analyst sit in different ones. Throws UsageError.
 *
 * @param name what the time is called in messages: "--from"
 */
export function parseWhen(text: string, name: string, nowNs: bigint): bigint {
  const trimmed = text.trim();
  if (trimmed === "now") return nowNs;
  const epoch = epochSeconds.exec(trimmed);
  if (epoch) return BigInt(epoch[1] ?? 0) * nsPerSecond + BigInt((epoch[2] ?? "").padEnd(9, "0"));
  try {
    if (ago.test(trimmed)) return timeAgo(trimmed, nowNs);
    return parseTime(text, name, advice(trimmed));
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${name}: ${error.message}`, { cause: error });
    if (error instanceof StenographerError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function timeAgo(text: string, nowNs: bigint): bigint {
  const timestampNs = nowNs - BigInt(parseDuration(text.replace(/ ago$/, ""))) * nsPerMs;
  if (timestampNs < 0n) throw new UsageError(`${JSON.stringify(text)} lies before 1970-01-01T00:00:00Z`);
  return timestampNs;
}

function advice(text: string): string {
  if (/^\d{12,}$/.test(text)) return "epoch times are in seconds, with a fraction where needed";
  return "write 2026-01-02T03:04:05Z, epoch seconds such as 1767323045, now, or how long ago: 90s, 15m, 2h, 3d";
}
