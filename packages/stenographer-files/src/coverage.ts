import type { TimeWindow } from "@stenogrpc/pcap";

/** What a store can answer for. */
export interface Coverage {
  /** Times of its oldest and newest packet, in the window or not; absent where it has none. */
  readonly oldestNs?: bigint;
  readonly newestNs?: bigint;
  /** Parts of the window that it can't answer for, in order of time. */
  readonly gaps: readonly CoverageGap[];
}

/** A part of the window for which packets may exist, or have existed, that the store does not have. */
export interface CoverageGap {
  readonly startNs: bigint;
  readonly endNs: bigint;
  /**
   * - `aged-out`: before the oldest file of some thread
   * - `not-yet-written`: captured, if at all, but not in a finished file yet
   * - `missing`: capture did not run, a file is missing, or a part of one can't be read
   */
  readonly reason: GapReason;
  /** When the packets should be there. Only with `not-yet-written`. */
  readonly expectedAtNs?: bigint;
}

export type GapReason = "aged-out" | "not-yet-written" | "missing";

/** What is known of a packet file, in microseconds since the epoch. */
export interface CoveredFile {
  readonly createdUs: number;
  /** `lost`: deleted, or only its index is there. */
  readonly state: "finished" | "unfinished" | "lost";
  /** Its packets, as far as they can be had; undefined: none. */
  readonly packets?: PacketSpan | undefined;
}

export interface PacketSpan {
  readonly firstUs: number;
  readonly lastUs: number;
  /** Numbers of its first and last block in the capture; 0: not counted. */
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** How stenotype writes, and what time it is. */
export interface WritingTimes {
  readonly fileAgeUs: number;
  readonly blockAgeUs: number;
  readonly nowUs: number;
}

/** A gap before it is cut to the window. */
export interface RawGap {
  readonly fromUs: number;
  readonly toUs: number;
  readonly reason: GapReason;
  /** When a file is finished that was created at `fromUs` at the latest; undefined: no file is being written. */
  readonly dueUs?: number;
}

/** A file may be this much older than it should when stenotype begins the next one: it looks once a second, and may be busy. */
const rotationSlackUs = 5_000_000;
const mostGaps = 1000;

/**
 * Where a thread's packets are missing. `files` are some in a row, by time; what is missing before the first and behind the
 * last of them is said where these are the thread's `oldest` and `newest`.
 *
 * The kernel numbers its blocks: where the number goes on from one file to the next, nothing is missing between them, however far
 * apart they are; where it does not, capture was started anew or files are missing. Between files without packets there is no
 * number; but stenotype begins a file every `fileAgeUs` on an idle link too, so names further apart are a hole.
 */
export function threadGaps(
  files: readonly CoveredFile[],
  is: { readonly oldest: boolean; readonly newest: boolean },
  times: WritingTimes,
): RawGap[] {
  const gaps: RawGap[] = [];
  const isFinished = ({ state }: CoveredFile) => state === "finished";
  const found = files.findIndex(files.some(isFinished) ? isFinished : ({ state }) => state !== "lost");
  const first = files[found];
  if (first === undefined) {
    return is.oldest && is.newest ? [{ fromUs: -Infinity, toUs: Infinity, reason: "missing" }] : [];
  }
  if (is.oldest) gaps.push({ fromUs: -Infinity, toUs: startOf(first), reason: "aged-out" });

  /** Gaps by name since the last file with numbered blocks: its successor with numbers knows better. */
  let byName: RawGap[] = [];
  let numbered: PacketSpan | undefined;
  let before: CoveredFile | undefined;
  let lost: CoveredFile | undefined;
  for (const file of files.slice(found)) {
    if (file.state !== "finished") {
      lost ??= file;
      continue;
    }
    const { packets } = file;
    if (before !== undefined) byName.push(...gapByName(before, lost, file, times));
    if (packets !== undefined && packets.firstSequence > 0) {
      if (numbered !== undefined) {
        byName = packets.firstSequence === numbered.lastSequence + 1 ? [] : [gapBetween(numbered, packets)];
      }
      numbered = packets;
      gaps.push(...byName);
      byName = [];
    }
    before = file;
    lost = undefined;
  }
  gaps.push(...byName);
  if (is.newest) gaps.push(...gapAtEnd(before, lost, times));
  return gaps;
}

/** The gaps of all threads and what else was lost, cut to the window, overlapping ones of a kind as one. */
export function gapsIn(window: TimeWindow, raw: readonly RawGap[], times: WritingTimes): CoverageGap[] {
  const cut = raw
    .map((gap) => inWindow(gap, window, times))
    .filter(({ startNs, endNs }) => startNs < endNs)
    .sort((a, b) => compare(a.startNs, b.startNs) || compare(a.endNs, b.endNs));
  const last = new Map<GapReason, CoverageGap>();
  const merged: CoverageGap[] = [];
  for (const gap of cut) {
    const open = last.get(gap.reason);
    if (open !== undefined && (gap.startNs <= open.endNs || merged.length >= mostGaps)) {
      const wider = { ...open, endNs: later(open.endNs, gap.endNs), ...expectedOf(open, gap) };
      merged[merged.indexOf(open)] = wider;
      last.set(gap.reason, wider);
    } else {
      merged.push(gap);
      last.set(gap.reason, gap);
    }
  }
  return merged;
}

/** From when on a file has every packet. Blocks are written in order, so none before its first is in it. */
function startOf({ createdUs, packets }: CoveredFile): number {
  return Math.min(createdUs, packets?.firstUs ?? createdUs);
}

function gapBetween(before: PacketSpan, behind: PacketSpan): RawGap {
  return { fromUs: before.lastUs, toUs: Math.max(behind.firstUs, before.lastUs + 1), reason: "missing" };
}

function gapByName(
  before: CoveredFile,
  lost: CoveredFile | undefined,
  file: CoveredFile,
  { fileAgeUs, blockAgeUs }: WritingTimes,
): RawGap[] {
  const toUs = startOf(file);
  const packetsTo = before.packets?.lastUs ?? before.createdUs;
  if (lost !== undefined) {
    return [{ fromUs: Math.max(packetsTo, lost.createdUs - blockAgeUs), toUs, reason: "missing" }];
  }
  const fromUs = Math.max(packetsTo, before.createdUs + fileAgeUs);
  return toUs - fromUs > rotationSlackUs ? [{ fromUs, toUs, reason: "missing" }] : [];
}

/** What lies behind the newest finished file: the one that is being written, or nothing. */
function gapAtEnd(
  newest: CoveredFile | undefined,
  unfinished: CoveredFile | undefined,
  { fileAgeUs, blockAgeUs, nowUs }: WritingTimes,
): RawGap[] {
  // A window that ends right behind the newest packet, whose time is known to the microsecond, has no gap.
  const endOf = (packets: PacketSpan | undefined) => (packets === undefined ? -Infinity : packets.lastUs + 1);
  // It was ended when the next one was begun: a later packet's time is damaged.
  const newestTo = Math.min(endOf(newest?.packets), unfinished?.createdUs ?? Infinity);
  const packetsTo = Math.max(newestTo, newest?.createdUs ?? -Infinity);
  const heldTo = endOf(unfinished?.packets);
  // The newest file was ended when the next one was begun; what waited in a block then is in the next one.
  const begunUs = unfinished === undefined ? -Infinity : unfinished.createdUs - (newest ? blockAgeUs : 0);
  const fromUs = Math.max(packetsTo, heldTo, begunUs);
  const createdUs = unfinished?.createdUs ?? newest?.createdUs ?? fromUs;
  const dueUs = createdUs + fileAgeUs + blockAgeUs + rotationSlackUs;
  const gaps: RawGap[] = [];
  if (newest !== undefined && unfinished !== undefined) {
    const endUs = Math.max(packetsTo, newest.createdUs + fileAgeUs);
    if (begunUs - endUs > rotationSlackUs) gaps.push({ fromUs: endUs, toUs: begunUs, reason: "missing" });
  }
  const isWriting = unfinished?.state !== "lost" && dueUs > nowUs;
  gaps.push(
    isWriting
      ? { fromUs, toUs: Infinity, reason: "not-yet-written", dueUs }
      : { fromUs, toUs: Infinity, reason: "missing" },
  );
  return gaps;
}

function inWindow(
  { fromUs, toUs, reason, dueUs }: RawGap,
  window: TimeWindow,
  times: WritingTimes,
): CoverageGap {
  const startNs = later(window.startNs, fromUs === -Infinity ? window.startNs : BigInt(fromUs) * 1000n);
  const endNs = earlier(window.endNs, toUs === Infinity ? window.endNs : BigInt(toUs) * 1000n);
  if (dueUs === undefined) return { startNs, endNs, reason };
  // The file that is being written has what comes until shortly before it is due; later packets are in later ones.
  const { fileAgeUs, blockAgeUs } = times;
  const heldUntilNs = BigInt(dueUs - 2 * blockAgeUs - rotationSlackUs) * 1000n;
  const laterNs = endNs + BigInt(fileAgeUs + blockAgeUs + rotationSlackUs) * 1000n;
  return { startNs, endNs, reason, expectedAtNs: endNs <= heldUntilNs ? BigInt(dueUs) * 1000n : laterNs };
}

function expectedOf(a: CoverageGap, b: CoverageGap): { readonly expectedAtNs?: bigint } {
  if (a.expectedAtNs === undefined || b.expectedAtNs === undefined) return {};
  return { expectedAtNs: later(a.expectedAtNs, b.expectedAtNs) };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b);
