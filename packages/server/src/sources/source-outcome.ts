import type { TimeWindow } from "@stenogrpc/pcap";

/** What a source knows about how whole its answer is. */
export interface SourceOutcome {
  /** Which part of the window it can answer for. Undefined: it does not know. */
  readonly coverage?: Coverage | undefined;
  /** `proved`: it counted by other means what it should give, and gave that. Default `unproved`. */
  readonly completeness?: "proved" | "unproved" | undefined;
  /** What could not be read. Where packets were lost for it, the answer is incomplete. */
  readonly damage?: readonly Damage[] | undefined;
}

/** Which part of the window a source can answer for. Times in nanoseconds since the epoch. */
export interface Coverage {
  /** Time of the oldest packet, in the window or not. */
  readonly oldestPacketNs?: bigint | undefined;
  /** Time of the newest packet. */
  readonly newestPacketNs?: bigint | undefined;
  /** Half-open parts of the window that it can't answer for, in order of time. */
  readonly gaps: readonly CoverageGap[];
}

/** A part of the window without an answer. */
export interface CoverageGap {
  readonly startNs: bigint;
  /** Not included. */
  readonly endNs: bigint;
  /**
   * - `aged-out`: before the oldest packet
   * - `not-yet-written`: behind what has been written
   * - `missing`: between packets that it has
   */
  readonly reason: "aged-out" | "not-yet-written" | "missing";
  /** When the packets should be there, at the earliest; only with `not-yet-written`. */
  readonly expectedAtNs?: bigint | undefined;
}

/** Something that could not be read. Names no folder: it goes to clients. */
export interface Damage {
  readonly file: string;
  /** Capture thread that wrote the file, from 0. */
  readonly thread: number;
  /** From 0. */
  readonly block?: number | undefined;
  /** In the file, in bytes. */
  readonly offset?: number | undefined;
  readonly what: string;
  readonly losesPackets: boolean;
}

/** The gaps as far as they lie in the window, in order of time and without overlap: what two threads lack is one gap. */
export function gapsInWindow(gaps: readonly CoverageGap[], { startNs, endNs }: TimeWindow): CoverageGap[] {
  const inside = gaps
    .map((gap) => ({
      ...gap,
      startNs: later(gap.startNs, startNs),
      endNs: gap.endNs < endNs ? gap.endNs : endNs,
    }))
    .sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0));
  const apart: CoverageGap[] = [];
  for (const gap of inside) {
    const last = apart.at(-1);
    const from = last === undefined ? gap.startNs : later(gap.startNs, last.endNs);
    if (from >= gap.endNs) continue;
    if (last?.reason === gap.reason && last.endNs >= gap.startNs)
      apart[apart.length - 1] = { ...last, endNs: gap.endNs };
    else apart.push({ ...gap, startNs: from });
  }
  return apart;
}

/** The later of two times. */
export function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
