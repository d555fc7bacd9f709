import type { TimeWindow } from "@stenogrpc/pcap";
import type { Coverage, CoverageGap } from "../source-outcome.js";
import { gapsInWindow } from "../source-outcome.js";
import type { StenographerConfig } from "../stenographer-config.js";
import type { StenographerConnection } from "./stenographer-connection.js";

/** A pair of packet and index file that the daemon answers from. */
export interface DaemonFile {
  /** Capture thread, from 0. */
  readonly thread: number;
  /** Microseconds since the epoch when the file was begun, in decimal. */
  readonly name: string;
  readonly createdNs: bigint;
}

type Timing = Pick<StenographerConfig, "fileAgeSeconds" | "blockageSeconds">;

/** The files that the daemon knows now, a list a thread, by time. Files that are still written to are not among them. */
export async function listDaemonFiles(
  daemon: StenographerConnection,
  threads: number,
  signal: AbortSignal,
): Promise<DaemonFile[][]> {
  const lists: DaemonFile[][] = [];
  for (let thread = 0; thread < threads; thread++) {
    const listing = await daemon.get(`/debug/t${thread}/files`, signal);
    const names = Array.from(listing.matchAll(/^\t(\d{1,19})$/gm), ([, name]) => name as string); // the group always takes part
    names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    lists.push(names.map((name) => ({ thread, name, createdNs: BigInt(name) * 1000n })));
  }
  return lists;
}

/** stenotype rotates when it has finished a block, and looks at whole seconds: some more than the flags say. */
const reserveSeconds = 5;
/** stenographer looks for new files this often. */
const syncSeconds = 15;

/** The files that may hold packets of a window: one begun at F holds F - blockage to F + fileage and a little. */
export function mayHold(
  lists: readonly (readonly DaemonFile[])[],
  window: TimeWindow,
  timing: Timing,
): DaemonFile[] {
  const before = seconds(timing.blockageSeconds + reserveSeconds);
  const after = seconds(timing.fileAgeSeconds + reserveSeconds);
  return lists
    .flat()
    .filter(({ createdNs }) => createdNs - before < window.endNs && createdNs + after >= window.startNs);
}

/** The daemon widens every time it is asked for by this itself (its query.go). */
const ownSlackSeconds = 60;

/**
 * The files that the daemon may answer a window's query from, and some more: it takes whole files by their names, also those
 * that hold nothing of the window.
 */
export function mayBeTaken(
  lists: readonly (readonly DaemonFile[])[],
  window: TimeWindow,
  { fileAgeSeconds, blockageSeconds }: Timing,
): DaemonFile[] {
  // More than `stenographerQuery` and the daemon together widen a window.
  const reach = seconds(fileAgeSeconds + blockageSeconds + reserveSeconds + 2 * ownSlackSeconds);
  return lists
    .flat()
    .filter(({ createdNs }) => createdNs - reach < window.endNs && createdNs + reach >= window.startNs);
}

/**
 * Which part of a window the daemon's files can answer for, as far as their names tell. Undefined without a file.
 *
 * A name is when a file was begun. What lies behind the newest file's beginning counts as covered only when it would have
 * been written by now: until then a file that is still hidden may hold more.
 */
export function coverageOf(
  lists: readonly (readonly DaemonFile[])[],
  window: TimeWindow,
  timing: Timing,
  nowNs: bigint,
): Coverage | undefined {
  const expectedAtNs =
    window.endNs + seconds(timing.fileAgeSeconds + timing.blockageSeconds + reserveSeconds + syncSeconds);
  const lasting = seconds(timing.fileAgeSeconds + reserveSeconds);
  const pause = lasting + seconds(timing.blockageSeconds);
  const gaps: CoverageGap[] = [];
  for (const list of lists) {
    const oldest = list[0];
    const newest = list.at(-1);
    if (oldest === undefined || newest === undefined) {
      // Threads share the packets, so this one had some.
      if (lists.some(({ length }) => length > 0))
        gaps.push({ startNs: 0n, endNs: window.endNs, reason: "missing" });
      continue;
    }
    gaps.push({ startNs: 0n, endNs: oldest.createdNs, reason: "aged-out" });
    for (const [i, { createdNs }] of list.entries()) {
      const next = list[i + 1]?.createdNs ?? 0n;
      if (next - createdNs > pause)
        gaps.push({ startNs: createdNs + lasting, endNs: next, reason: "missing" });
    }
    const end = { endNs: window.endNs };
    if (expectedAtNs > nowNs) {
      gaps.push({ startNs: newest.createdNs, ...end, reason: "not-yet-written", expectedAtNs });
    } else gaps.push({ startNs: newest.createdNs + lasting, ...end, reason: "missing" });
  }
  return gaps.length === 0 ? undefined : { gaps: gapsInWindow(gaps, window) };
}

function seconds(count: number): bigint {
  return BigInt(Math.ceil(count)) * 1_000_000_000n;
}
