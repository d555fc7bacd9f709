import { type EvidenceVerification, verifyEvidence } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { hasCode } from "../io/error-code.js";
import { fileProblem } from "../io/file-problem.js";
import { writeOut } from "../io/stdout.js";
import { counted, formatCount, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import { type FoundCapture, findCaptures, isFolder } from "./find-captures.js";
import { type VerifyOptions, verificationJson, verifyCapture } from "./verify-capture.js";

/** What came of one file, by the words of the last line. */
type Standing = "good" | "good without a manifest" | "not good" | "manifest without a capture" | "not read";

interface Verified {
  readonly file: string;
  readonly standing: Standing;
  /** In words. */
  readonly what: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Checks captures, all of those in a folder, prints what it found, and tells the exit code: the worst. Throws UsageError. */
export async function verifyCaptures(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const [only] = paths;
  if (only !== undefined && paths.length === 1 && !(await isFolder(only)))
    return verifyCapture(only, options);
  if (options.manifest !== undefined)
    throw new UsageError("--manifest is of one capture; give that one alone, and no folder");
  const counts = new Map<Standing, number>();
  for (const found of await findCaptures(paths)) {
    const { file, standing, what, json } = await verify(found);
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
    await writeOut(
      options.json
        ? `${JSON.stringify({ file, ...json })}\n`
        : `${printable(file)}: ${standing}: ${printable(what)}\n`,
    );
  }
  if (!options.json) await writeOut(`${totalText(counts)}\n`);
  if (counts.has("not good") || counts.has("manifest without a capture")) return exitCode.failed;
  return counts.has("not read") ? exitCode.usage : exitCode.complete;
}

function totalText(counts: ReadonlyMap<Standing, number>): string {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const parts = [...counts].map(([standing, count]) => `${formatCount(count)} ${standing}`);
  return `${counted(all, "file")}: ${parts.join(", ")}`;
}

async function verify(found: FoundCapture): Promise<Verified> {
  const { file } = found;
  if (found.kind === "unreadable") return unread(file, found.problem);
  if (found.kind === "lone-manifest") {
    const what = "the capture that it describes is not beside it";
    return { file, standing: "manifest without a capture", what, json: bad("differs", what) };
  }
  try {
    const verification = await verifyEvidence(file);
    return {
      file,
      standing: standingOf(verification),
      what: inShort(verification),
      json: verificationJson(verification),
    };
  } catch (error) {
    if (!hasCode(error)) throw error;
    return unread(file, fileProblem(error));
  }
}

function unread(file: string, what: string): Verified {
  return { file, standing: "not read", what, json: bad("unreadable", what) };
}

function bad(kind: string, what: string) {
  return { good: false, problems: [{ kind, what }] };
}

function standingOf({ isGood, manifest }: EvidenceVerification): Standing {
  if (!isGood) return "not good";
  return manifest ? "good" : "good without a manifest";
}

/** The first problem of a bad one; what there is in a good one, and whether its answer lacked something. */
function inShort({ problems, packets, bytes, manifest, shortcomings }: EvidenceVerification): string {
  const [first, ...more] = problems;
  if (first) return `${first.what}${more.length > 0 ? ` (and ${counted(more.length, "problem")} more)` : ""}`;
  const asides = [
    ...(manifest && manifest.result.verdict !== "complete" ? [manifest.result.verdict] : []),
    ...(shortcomings.length > 0 ? [counted(shortcomings.length, "warning")] : []),
  ];
  const aside = asides.length > 0 ? ` (${asides.join("; ")})` : "";
  return `${counted(packets, "packet")}, ${formatSize(bytes)}${aside}`;
}
