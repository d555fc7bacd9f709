import { open, readFile, realpath, stat } from "node:fs/promises";
import { linkTypeName } from "@stenogrpc/pcap";
import { formatTime, parseTime } from "../../time.js";
import { errnoOf } from "../file-errors.js";
import { type InspectedCapture, inspectCapture } from "./inspect-capture.js";
import { type Manifest, manifestSchema, manifestSuffix } from "./manifest.js";

/**
 * What is wrong:
 *
 * - `capture`: the file is no capture, or damaged
 * - `manifest`: the manifest can't be read, or contradicts itself
 * - `differs`: the file is not what its manifest describes
 */
export type EvidenceProblemKind = "capture" | "manifest" | "differs";

/** One thing that is wrong with a file or its manifest. */
export interface EvidenceProblem {
  readonly kind: EvidenceProblemKind;
  /** What is wrong, in words. */
  readonly what: string;
}

/** What came of checking a file. */
export interface EvidenceVerification {
  /** Whether nothing is wrong. Without a manifest that says no more than that the file is a whole capture. */
  readonly isGood: boolean;
  readonly problems: readonly EvidenceProblem[];
  readonly bytes: number;
  /** SHA-256 of the file, in lower-case hex. */
  readonly sha256: string;
  /** Kind of frames, such as "Ethernet (1)"; undefined where the file is no capture. */
  readonly linkType: string | undefined;
  /** Whole packets, up to the first damage. */
  readonly packets: number;
  readonly firstPacketNs: bigint | undefined;
  readonly lastPacketNs: bigint | undefined;
  /**
   * What the answer lacked, in words, as its manifest says: a good file may be a part of what was asked for. Empty where it says nothing,
   * also for want of a manifest, or in one from before it was kept.
   */
  readonly shortcomings: readonly string[];
  /** What the manifest says; undefined where there is none, or it can't be read. */
  readonly manifest: Manifest | undefined;
  /** The path of the manifest; undefined where there is none. */
  readonly manifestPath: string | undefined;
}

/** What verifyEvidence() takes. */
export interface VerifyEvidenceOptions {
  /** The path of the manifest, which must be there. Default: `PATH.manifest.json`, if it is there. */
  readonly manifest?: string;
}

/**
 * Checks a capture file (pcap or pcapng, saved by this package or not) against its manifest: size, SHA-256, packets and their times,
 * window, limits and verdict; and its own structure: whole, plausible records up to its last byte. Memory does not grow with the file.
 *
 * A manifest is not signed: who can change the file can change it too. The server's audit log has the same uid and SHA-256.
 *
 * @throws the system's error where the file, or a manifest that was named, can't be read
 */
export async function verifyEvidence(
  path: string,
  options: VerifyEvidenceOptions = {},
): Promise<EvidenceVerification> {
  const file = await open(path, "r");
  let capture: InspectedCapture;
  try {
    capture = await inspectCapture(file);
  } finally {
    await file.close();
  }
  const { manifest, manifestPath, problem } = await readManifest(path, options.manifest);
  const problems = [
    ...structureProblems(capture),
    ...(problem === undefined ? [] : [{ kind: "manifest" as const, what: problem }]),
    ...(manifest ? [...contradictions(manifest), ...differences(capture, manifest)] : []),
  ];
  return {
    isGood: problems.length === 0,
    problems,
    bytes: capture.bytes,
    sha256: capture.sha256,
    linkType: capture.header && linkTypeName(capture.header.linkType),
    packets: capture.packets,
    firstPacketNs: capture.firstNs,
    lastPacketNs: capture.lastNs,
    shortcomings: manifest?.result.shortcomings ?? [],
    manifest,
    manifestPath,
  };
}

/** Far more than a filter, a hundred damaged places and the gaps of a long window take. */
const mostManifestBytes = 64 * 1024 * 1024;

interface FoundManifest {
  readonly manifest?: Manifest;
  readonly manifestPath?: string;
  /** Why it can't be read. */
  readonly problem?: string;
}

async function readManifest(path: string, named: string | undefined): Promise<FoundManifest> {
  const manifestPath = named ?? `${await realpath(path)}${manifestSuffix}`;
  let text: string;
  try {
    const { size } = await stat(manifestPath);
    if (size > mostManifestBytes)
      return { manifestPath, problem: `the manifest has ${size} bytes: it is none` };
    text = await readFile(manifestPath, "utf8");
  } catch (error) {
    if (named === undefined && errnoOf(error) === "ENOENT") return {};
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { manifestPath, problem: "the manifest is no JSON" };
  }
  const checked = manifestSchema.safeParse(json);
  if (checked.success) return { manifest: checked.data, manifestPath };
  const [issue] = checked.error.issues;
  return {
    manifestPath,
    problem: `the manifest is not one of version 1: ${issue?.path.join(".")}: ${issue?.message}`,
  };
}

function structureProblems({ damage, packets }: InspectedCapture): EvidenceProblem[] {
  if (!damage) return [];
  return [{ kind: "capture", what: `${damage.message}; ${packets} whole packets before it` }];
}

/** What can't all be true of one retrieval. */
function contradictions({ request, file, plan, result }: Manifest): EvidenceProblem[] {
  const stopped = result.stoppedBy !== "nothing";
  const found = [
    stopped !== (result.verdict === "truncated") &&
      result.verdict !== "incomplete" &&
      `verdict ${result.verdict}, stopped by ${result.stoppedBy}`,
    (result.verdict === "no-packets") !== (result.packets === 0) &&
      ["complete", "no-packets"].includes(result.verdict) &&
      `verdict ${result.verdict}, with ${result.packets} packets`,
    request.maxBytes !== null &&
      file.bytes > request.maxBytes &&
      `${file.bytes} bytes, where at most ${request.maxBytes} were asked for`,
    request.maxPackets !== null &&
      result.packets > request.maxPackets &&
      `${result.packets} packets, where at most ${request.maxPackets} were asked for`,
    (windowTime(plan.window.start) > windowTime(request.window.start) ||
      windowTime(plan.window.end) < windowTime(request.window.end)) &&
      `it was looked for packets from ${plan.window.start} to ${plan.window.end}, where ${request.window.start} to ${request.window.end} was asked for`,
  ].filter((what) => typeof what === "string");
  return found.map((what) => ({ kind: "manifest", what: `the manifest contradicts itself: ${what}` }));
}

/** In what the file is not as its manifest says. */
function differences(capture: InspectedCapture, { file, plan, result }: Manifest): EvidenceProblem[] {
  const compared: readonly (readonly [what: string, is: string | number, said: string | number])[] = [
    ["size in bytes", capture.bytes, file.bytes],
    ["SHA-256", capture.sha256, file.sha256],
    ["packets", capture.packets, result.packets],
    ["time of the first packet", timeText(capture.firstNs), timeText(ns(result.firstPacket))],
    ["time of the last packet", timeText(capture.lastNs), timeText(ns(result.lastPacket))],
  ];
  const differing = compared
    .filter(([, is, said]) => is !== said)
    .map(([what, is, said]) => `${what} is ${is}, the manifest says ${said}`);
  const { header, firstNs, lastNs } = capture;
  // A packet of the window's first microsecond lies before it once its nanoseconds are cut off, as was asked for or is the source's way.
  const finest = header?.resolution === "microseconds" ? 1000n : 1n;
  const startNs = windowTime(plan.window.start);
  const endNs = windowTime(plan.window.end);
  const isOutside =
    (firstNs !== undefined && firstNs < startNs - (startNs % finest)) ||
    (lastNs !== undefined && lastNs >= endNs);
  if (isOutside)
    differing.push(`there are packets outside the window ${plan.window.start} to ${plan.window.end}`);
  return differing.map((what) => ({ kind: "differs", what }));
}

function windowTime(time: string): bigint {
  return parseTime(time, "a window's time");
}

function ns(time: string | null): bigint | undefined {
  return time === null ? undefined : parseTime(time, "a packet's time");
}

function timeText(timestampNs: bigint | undefined): string {
  return timestampNs === undefined ? "none" : formatTime(timestampNs);
}
