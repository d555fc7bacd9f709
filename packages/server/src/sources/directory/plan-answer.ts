import type { CaptureHeader, TimeWindow } from "@stenogrpc/pcap";
import { LinkType, linkTypeName } from "@stenogrpc/pcap";
import { SourceError } from "../packet-source.js";
import type { CoverageGap } from "../source-outcome.js";
import type { FileVersion } from "./list-captures.js";
import type { HeadPrint } from "./open-capture-file.js";
import type { KnownFile } from "./range-cache.js";
import type { Damage, Finding } from "./time-range.js";

type Packets = Extract<Finding, { kind: "packets" }>;

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

/** libpcap's MAXIMUM_SNAPLEN; also what a writer's 0, "no limit", comes to. */
const defaultSnaplen = 262_144;

/** How far packets behind the damage may lie outside the times seen: captures are in order but for moments. */
const damageSlackNs = 60_000_000_000n;

/**
 * Chooses the files whose time ranges touch the window, and the form of the answer.
 *
 * @throws SourceError "mixed-link-types", "source-corrupt", or "source-failed" for a kind of capture that is not read
 */
export function planAnswer(known: readonly KnownFile[], window: TimeWindow): Answer {
  const candidates: Candidate[] = [];
  for (const { version, head, finding } of withoutCompressedTwins(known)) {
    if (finding.kind === "damaged") refuseIfReached(finding, version, window);
    else if (finding.kind === "packets" && touches(window, finding.startsAtNs, finding.endsAtNs)) {
      candidates.push({ version, head, range: finding });
    }
  }
  candidates.sort(byStart);
  const header = candidates.length === 0 ? headerOfNothing(known) : headerOf(candidates);
  return { header, candidates, overlap: mostAtOnce(candidates) };
}

function touches(window: TimeWindow, startsAtNs: bigint, endsAtNs: bigint): boolean {
  return startsAtNs < window.endNs && endsAtNs >= window.startNs;
}

/**
 * Packets behind the damage are lost to us, so an answer they may belong to is refused. They were written before the
 * file was last changed, and after its first packet but for some reordering.
 */
function refuseIfReached(
  finding: Extract<Finding, { kind: "damaged" }>,
  { path, mtimeNs }: FileVersion,
  window: TimeWindow,
): void {
  const { damage, seen } = finding;
  const lastSeenNs = seen?.endsAtNs ?? 0n;
  const startsAtNs = seen === undefined ? window.startNs : seen.startsAtNs - damageSlackNs;
  const endsAtNs = (mtimeNs > lastSeenNs ? mtimeNs : lastSeenNs) + damageSlackNs;
  if (touches(window, startsAtNs, endsAtNs)) throw damageFailure(path, damage);
}

/**
 * What is lost of files that were written to until they were last changed: behind the last packet of those that end in the middle of a
 * record, and all of those that have a capture's name and are none.
 *
 * @param isBeingWritten of those files a cut last record is normal
 */
export function lostParts(
  known: readonly KnownFile[],
  isBeingWritten: (file: Pick<KnownFile, "version">) => boolean,
): CoverageGap[] {
  return withoutCompressedTwins(known).flatMap(({ version, finding }) => {
    if (finding.kind === "not-a-capture") return [lostBefore(version)];
    if (finding.kind !== "packets" || finding.endsWhole || isBeingWritten({ version })) return [];
    const startNs = finding.endsAtNs + 1n;
    const endNs = version.mtimeNs > startNs ? version.mtimeNs : startNs + damageSlackNs;
    return [{ startNs, endNs, reason: "missing" as const }];
  });
}

/** How many files with a capture's name are none, and may have been captures that held packets of the window. */
export function unreadable(known: readonly KnownFile[], window: TimeWindow): number {
  return known.filter(
    ({ version, finding }) => finding.kind === "not-a-capture" && lostBefore(version).endNs > window.startNs,
  ).length;
}

function lostBefore({ mtimeNs }: FileVersion): CoverageGap {
  return { startNs: 0n, endNs: mtimeNs + damageSlackNs, reason: "missing" };
}

/** What the client is told of a damaged file. */
export function damageFailure(path: string, damage: Damage, cause?: unknown): SourceError {
  const options = { cause, details: { path, damage: damage.message } };
  switch (damage.kind) {
    case "corrupt":
      return new SourceError(
        "source-corrupt",
        "a capture file that may hold wanted packets is damaged",
        options,
      );
    case "unsupported":
      return new SourceError(
        "source-failed",
        "a capture file that may hold wanted packets is of a kind that cannot be read",
        options,
      );
    case "mixed-link-types":
      return new SourceError(
        "mixed-link-types",
        "a capture file that may hold wanted packets has packets of several link types",
        options,
      );
  }
}

/**
 * While `gzip x.pcap` runs, x.pcap and x.pcap.gz hold the same packets. They count once; when both stay and differ (a ring
 * that compresses what it overwrites later), both count.
 */
function withoutCompressedTwins(known: readonly KnownFile[]): readonly KnownFile[] {
  const compressed = known.filter(({ version }) => version.path.endsWith(".gz"));
  if (compressed.length === 0) return known;
  const byPath = new Map(known.map((file) => [file.version.path, file]));
  const twins = new Set(
    compressed.filter((file) =>
      isTwin(file.finding, byPath.get(file.version.path.slice(0, -".gz".length))?.finding),
    ),
  );
  return twins.size === 0 ? known : known.filter((file) => !twins.has(file));
}

/** Whether the plain file has all that the compressed one has. Of files that were not read to their end nobody knows. */
function isTwin(compressed: Finding, plain: Finding | undefined): boolean {
  if (compressed.kind !== "packets" || plain?.kind !== "packets") return false;
  if (compressed.packets === undefined || plain.packets === undefined) return false;
  return compressed.startsAtNs === plain.startsAtNs && compressed.packets <= plain.packets;
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
  let snaplen = 0;
  for (const header of headers)
    snaplen = Math.max(snaplen, header.snaplen === 0 ? defaultSnaplen : header.snaplen);
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
  return { byteOrder: "little", resolution: "microseconds", snaplen: defaultSnaplen, linkType };
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
