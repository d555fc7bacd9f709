import type { CaptureHeader, TimeWindow } from "@stenogrpc/pcap";
import { LinkType, linkTypeName, maximumSnaplen } from "@stenogrpc/pcap";
import { SourceError } from "../packet-source.js";
import { damageFailure } from "./file-errors.js";
import type { FileVersion } from "./list-captures.js";
import { damageReaches } from "./lost-parts.js";
import type { HeadPrint } from "./open-capture-file.js";
import type { KnownFile } from "./range-cache.js";
import type { Packets } from "./time-range.js";

/** A file that may hold packets of the window. */
export interface Candidate {
  readonly version: FileVersion;
  readonly head: HeadPrint;
  readonly range: Packets;
}

/** What an answer is made of. */
export interface Answer {
  /** The header of the answer; records of another form are converted. */
  readonly header: CaptureHeader;
  /** By the time of their first packet. */
  readonly candidates: readonly Candidate[];
  /** The most files that are open at a time. */
  readonly overlap: number;
}

/**
 * Chooses the files whose time ranges touch the window, and the form of the answer.
 *
 * @throws SourceError "mixed-link-types", "source-corrupt", or "source-failed" for a kind of capture that is not read
 */
export function planAnswer(known: readonly KnownFile[], window: TimeWindow): Answer {
  const candidates: Candidate[] = [];
  for (const { version, head, finding } of known) {
    if (finding.kind === "damaged") {
      // Packets behind the damage are lost to us, so an answer they may belong to is refused.
      if (damageReaches(window, finding, version)) throw damageFailure(version.path, finding.damage);
    } else if (finding.kind === "packets" && touches(window, finding)) {
      candidates.push({ version, head, range: finding });
    }
  }
  candidates.sort(byStart);
  const header = candidates.length === 0 ? headerOfNothing(known) : headerOf(candidates);
  return { header, candidates, overlap: mostAtOnce(candidates) };
}

function touches(window: TimeWindow, { startsAtNs, endsAtNs }: Packets): boolean {
  return startsAtNs < window.endNs && endsAtNs >= window.startNs;
}

function byStart(a: Candidate, b: Candidate): number {
  if (a.range.startsAtNs !== b.range.startsAtNs) return a.range.startsAtNs < b.range.startsAtNs ? -1 : 1;
  return a.version.path < b.version.path ? -1 : 1;
}

/** The candidates' own form when they have one in common, so that records pass through as they are. */
function headerOf(candidates: readonly Candidate[]): CaptureHeader {
  const headers = candidates.map(({ range }) => range.header);
  const [first] = headers as [CaptureHeader, ...CaptureHeader[]]; // there is a candidate
  const { linkType } = first;
  const other = headers.find((header) => header.linkType !== linkType);
  if (other !== undefined) {
    throw new SourceError(
      "mixed-link-types",
      `the window holds packets of several link types, ${linkTypeName(linkType)} and ${linkTypeName(other.linkType)}, ` +
        "which one pcap file cannot hold",
      { details: { paths: candidates.filter(differsFromPrevious).map(({ version }) => version.path) } },
    );
  }
  const isSame = <Key extends keyof CaptureHeader>(key: Key): boolean =>
    headers.every((header) => header[key] === first[key]);
  const keepsForm = isSame("byteOrder") && isSame("resolution");
  const hasNanoseconds = headers.some((header) => header.resolution === "nanoseconds");
  // A writer's 0 is "no limit".
  const snaplen = headers.reduce((most, header) => Math.max(most, header.snaplen || maximumSnaplen), 0);
  return {
    byteOrder: keepsForm ? first.byteOrder : "little",
    resolution: keepsForm ? first.resolution : hasNanoseconds ? "nanoseconds" : "microseconds",
    snaplen,
    linkType,
    ...(first.fcsBytes !== undefined && isSame("fcsBytes") ? { fcsBytes: first.fcsBytes } : {}),
  };
}

function differsFromPrevious(candidate: Candidate, i: number, candidates: readonly Candidate[]): boolean {
  return candidate.range.header.linkType !== candidates[i - 1]?.range.header.linkType;
}

/** An empty answer still says a link type: the folder's, if it has just one. */
function headerOfNothing(known: readonly KnownFile[]): CaptureHeader {
  const linkTypes = new Set<number>();
  for (const { finding } of known) {
    if ((finding.kind === "packets" || finding.kind === "no-packets") && finding.header !== undefined) {
      linkTypes.add(finding.header.linkType);
    }
  }
  const [only, another] = linkTypes;
  const linkType = only === undefined || another !== undefined ? LinkType.ethernet : only;
  return { byteOrder: "little", resolution: "microseconds", snaplen: maximumSnaplen, linkType };
}

/** How many time ranges overlap where most do. */
function mostAtOnce(candidates: readonly Candidate[]): number {
  const ends = candidates.map(({ range }) => range.endsAtNs).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  let ended = 0;
  let most = 0;
  for (const [begun, { range }] of candidates.entries()) {
    // ended stays below begun, and so inside: this range itself ends no earlier than it starts
    while ((ends[ended] as bigint) < range.startsAtNs) ended++;
    most = Math.max(most, begun + 1 - ended);
  }
  return most;
}
