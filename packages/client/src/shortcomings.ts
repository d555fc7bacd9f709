import { ageText, type CoverageGap, dueAt, standstillNs } from "./coverage.js";
import type { Damage } from "./damage.js";
import type { FetchResult } from "./fetch-result.js";
import { formatTime } from "./time.js";

const mostNamed = 10;

/** The facts of an answer that its shortcomings follow from. */
export type Answered = Pick<
  FetchResult,
  | "window"
  | "coverage"
  | "covered"
  | "damage"
  | "stoppedBy"
  | "packets"
  | "pcapBytes"
  | "lastPacketNs"
  | "policyFilter"
  | "payloadLimitBytes"
  | "recordsBehindVlan"
  | "recordsSeen"
  | "recordsOutsideWindow"
  | "filter"
>;

/**
 * What an answer lacks, in words, one fact each: what a limit cut off, what the client's role keeps from it, what matches only behind VLAN
 * tags, what the sensor can't answer for, and what it could not read. Of gaps and damage the first ten, and how many more there are.
 *
 * @param nowMs the time, in milliseconds since the epoch
 */
export function shortcomingsOf(answered: Answered, nowMs: number = Date.now()): string[] {
  const { coverage, damage, window } = answered;
  const nowNs = BigInt(Math.floor(nowMs)) * 1_000_000n;
  const uncovered = uncoveredText(answered);
  const cut = cutText(answered);
  const stoppedNs = coverage && standstillNs(coverage, window, nowNs);
  return [
    ...(uncovered === undefined ? [] : [uncovered]),
    ...(stoppedNs === undefined
      ? []
      : [`the newest packet is ${ageText(stoppedNs)} old: capture has probably stopped`]),
    ...(cut === undefined ? [] : [cut]),
    ...roleTexts(answered),
    ...vlanTexts(answered),
    ...named(coverage?.gaps ?? [], (gap) => gapText(gap, answered, nowNs, stoppedNs !== undefined), "gaps"),
    ...damageInWords(
      damage.filter(({ losesPackets }) => losesPackets),
      "damaged places",
    ),
  ];
}

/** What is said first where the sensor can answer for no moment of the window; undefined where it can, or does not know. */
export function uncoveredText(answered: Answered): string | undefined {
  if (answered.covered !== "none") return undefined;
  return isVoid(answered)
    ? "the sensor has nothing of this window"
    : "the sensor can answer for no moment of this window in full";
}

/** Whether it surely has nothing: what one capture thread lacks, another may have. */
function isVoid({ coverage, window, ...rest }: Answered): boolean {
  const { oldestPacketNs, newestPacketNs } = coverage ?? {};
  if (newestPacketNs !== undefined && newestPacketNs < window.startNs) return true;
  if (oldestPacketNs !== undefined && oldestPacketNs >= window.endNs) return true;
  const { filter, policyFilter, recordsSeen, recordsOutsideWindow } = rest;
  return filter === "" && policyFilter === "" && recordsSeen === recordsOutsideWindow;
}

/** What cut the answer, and how to get the rest. */
function cutText({ stoppedBy, packets, pcapBytes, lastPacketNs, window }: Answered): string | undefined {
  // From the latest packet's time on, not from behind it: others may have the same.
  const rest = `ask for the rest from ${formatTime(lastPacketNs ?? window.startNs)} to ${formatTime(window.endNs)}`;
  const amount = `${packets} packet${packets === 1 ? "" : "s"}, ${pcapBytes} bytes`;
  switch (stoppedBy) {
    case "nothing":
      return undefined;
    case "max-bytes":
      return packets === 0
        ? `the byte limit that was asked for left no room for the first packet; raise it`
        : `the byte limit that was asked for cut the answer after ${amount}; raise it, or ${rest}`;
    case "max-packets":
      return `the packet limit that was asked for cut the answer after ${amount}; raise it, or ${rest}`;
    case "server-limit":
      return packets === 0
        ? "the server's own limit left no room for the first packet"
        : `the server's own limit cut the answer after ${amount}; ${rest}`;
    case "budget":
      return `what the server gives this client within an hour cut the answer after ${amount}; ${rest}, when an hour is over`;
  }
}

/** What the client's role keeps from it. */
function roleTexts({ policyFilter, payloadLimitBytes, packets }: Answered): string[] {
  const texts: string[] = [];
  if (policyFilter !== "") texts.push(`this client's role sees only packets that match ${policyFilter}`);
  if (payloadLimitBytes !== undefined && packets > 0) {
    texts.push(`this client's role cuts packets ${payloadLimitBytes} bytes behind their transport header`);
  }
  return texts;
}

/** In the server's own words, so that a reader who shows its warnings as well can tell that they are the same. */
function vlanTexts({ recordsBehindVlan }: Answered): string[] {
  if (recordsBehindVlan === 0) return [];
  const subject = recordsBehindVlan === 1 ? "1 packet matches" : `${recordsBehindVlan} packets match`;
  return [
    `${subject} only behind a VLAN tag, where this filter does not look: ask with vlan_transparent (vlanTransparent, --any-vlan)`,
  ];
}

/** The first ten places in words, and how many more there are. */
export function damageInWords(damage: readonly Damage[], nouns: string): string[] {
  return named(damage, damageText, nouns);
}

/** The first few of them in words, and how many more there are. */
function named<T>(items: readonly T[], text: (item: T) => string, nouns: string): string[] {
  const lines = items.slice(0, mostNamed).map(text);
  const more = items.length - lines.length;
  if (more > 0) lines.push(`and ${more} more ${nouns}`);
  return lines;
}

function gapText(
  gap: CoverageGap,
  { coverage, window }: Answered,
  nowNs: bigint,
  hasStopped: boolean,
): string {
  const { startNs, endNs, reason } = gap;
  const [start, end] = [formatTime(startNs), formatTime(endNs)];
  const { oldestPacketNs, newestPacketNs } = coverage ?? {};
  switch (reason) {
    case "aged-out":
      if (endNs < window.endNs) return `the sensor has nothing before ${end} (asked from ${start})`;
      // Another capture thread's oldest packet may be older than what this one lacks.
      return oldestPacketNs !== undefined && oldestPacketNs >= endNs
        ? `the sensor has nothing before ${formatTime(oldestPacketNs)}, its oldest packet (asked from ${start} to ${end})`
        : `the sensor has nothing that is so old (asked from ${start} to ${end})`;
    case "not-yet-written": {
      const isWhole = startNs === window.startNs && newestPacketNs !== undefined && newestPacketNs < startNs;
      const what = isWhole
        ? `after ${formatTime(newestPacketNs)}, the sensor's newest packet (asked from ${start} to ${end})`
        : `after ${start} (asked up to ${end})`;
      // What is not captured will never be there.
      return hasStopped ? `not on disk ${what}` : `not on disk yet ${what}; ${whenToAsk(gap, nowNs)}`;
    }
    case "missing":
      return `the sensor may lack packets from ${start} to ${end}: capture stopped, or files are missing or can't be read`;
    case "unstated":
      return `the sensor may lack packets from ${start} to ${end}, and does not say why`;
  }
}

function whenToAsk(gap: CoverageGap, nowNs: bigint): string {
  const dueNs = dueAt(gap, nowNs);
  const advice = `ask again ${dueNs === undefined ? "in a few minutes" : `after ${formatTime(dueNs)}`}`;
  return gap.endNs <= nowNs ? advice : `the window ends in the future: ${advice}`;
}

function damageText({ file, thread, block, offset, what, losesPackets }: Damage): string {
  const place = [
    `file ${file} of thread ${thread}`,
    ...(block === undefined ? [] : [`block ${block}`]),
    ...(offset === undefined ? [] : [`byte ${offset}`]),
  ].join(", ");
  return `${place}: ${what}${losesPackets ? " (packets may be missing)" : ""}`;
}
