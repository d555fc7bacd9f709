import { floorToSecond, lastTimestampNs, nanosecondsPerSecond } from "../time.js";
import type { FilterNode } from "./ast.js";
import { printStenographerFilter } from "./print.js";
import { mapPrimitives } from "./walk.js";

/** What is known of the sensor's Stenographer; both are flags of its capture program. */
export interface StenographerTimingOptions {
  /** `--fileage_sec`: how long a file is written to, in seconds. Default 60. */
  readonly fileAgeSeconds?: number;
  /** `--blockage_sec`: how long a packet may wait for its block to be handed over, in seconds. Default 10. */
  readonly blockageSeconds?: number;
}

/**
 * The text to ask Stenographer: surely selects every packet that lies in the window and passes the filter.
 *
 * It selects more: Stenographer takes whole files, by the time in their names. So the times of the window, and those
 * inside the filter, are moved apart by what a file can hold, to whole seconds; what comes back must be cut to the
 * window and matched again. Begins with a letter or `(`.
 *
 * @param window half-open, [startNs, endNs), in nanoseconds since 1970 UTC
 * @throws RangeError for an option that is no number of seconds; TypeError if a time in the filter is still relative
 */
export function stenographerQuery(
  filter: FilterNode | undefined,
  window: { readonly startNs: bigint; readonly endNs: bigint },
  options: StenographerTimingOptions = {},
): string {
  const reach = fileReach(options);
  const after = afterNode(window.startNs, reach);
  const before = beforeNode(window.endNs, reach);
  const inWindow: FilterNode = { kind: "and", left: after, right: before };
  if (filter === undefined) return printStenographerFilter(inWindow);
  const widened = mapPrimitives(filter, (node) => {
    if (node.kind !== "before" && node.kind !== "after") return node;
    if (node.time.kind === "ago") {
      throw new TypeError(
        `"${node.kind} ${node.time.text} ago" has no fixed time yet: call resolveTimes first`,
      );
    }
    return node.kind === "after"
      ? afterNode(node.time.timestampNs, reach)
      : beforeNode(node.time.timestampNs, reach);
  });
  return printStenographerFilter({ kind: "and", left: inWindow, right: widened });
}

interface FileReach {
  readonly earlierNs: bigint;
  readonly laterNs: bigint;
}

/** Stenographer widens `after` and `before` by this itself (query.go). */
const ownSlackSeconds = 60;
/** The file's age counts in whole seconds and is only looked at when a block is done; and some for the clock. */
const reserveSeconds = 5;

/**
 * A file named F holds packets from F - blockage to about F + fileage + 2 s. `after A` takes files with F >= A - 60 s,
 * so it must be asked for earlier by what a file lasts beyond a minute; `before B` takes files with F <= B + 60 s,
 * which is too little only if a block waits about a minute.
 */
function fileReach({ fileAgeSeconds = 60, blockageSeconds = 10 }: StenographerTimingOptions): FileReach {
  for (const [name, value] of Object.entries({ fileAgeSeconds, blockageSeconds })) {
    if (!Number.isFinite(value) || value < 0 || value > 1e9) {
      throw new RangeError(`${name} ${value} is out of range: it takes seconds, 0 to 1000000000`);
    }
  }
  const earlier = Math.max(0, fileAgeSeconds - ownSlackSeconds) + blockageSeconds + reserveSeconds;
  const later = Math.max(0, blockageSeconds + reserveSeconds - ownSlackSeconds);
  return { earlierNs: wholeSecondsNs(earlier), laterNs: wholeSecondsNs(later) };
}

function wholeSecondsNs(seconds: number): bigint {
  return BigInt(Math.ceil(seconds)) * nanosecondsPerSecond;
}

function afterNode(timestampNs: bigint, reach: FileReach): FilterNode {
  return timeNode("after", floorToSecond(timestampNs - reach.earlierNs));
}

function beforeNode(timestampNs: bigint, reach: FileReach): FilterNode {
  const later = timestampNs + reach.laterNs + nanosecondsPerSecond - 1n;
  return timeNode("before", floorToSecond(later));
}

/**
 * Packets carry unsigned 32-bit seconds since 1970, so nothing is lost by keeping to the years 1970 to 9999; and
 * 0001-01-01, which Stenographer takes for "no limit", is never printed.
 */
function timeNode(kind: "before" | "after", timestampNs: bigint): FilterNode {
  const lastSecondNs = floorToSecond(lastTimestampNs);
  const inRange = timestampNs < 0n ? 0n : timestampNs > lastSecondNs ? lastSecondNs : timestampNs;
  return { kind, time: { kind: "absolute", timestampNs: inRange } };
}
