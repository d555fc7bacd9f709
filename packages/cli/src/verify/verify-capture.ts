import { type EvidenceVerification, type Manifest, timeJson, verifyEvidence } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { hasCode } from "../io/error-code.js";
import { fileProblem } from "../io/file-problem.js";
import { writeOut } from "../io/stdout.js";
import { filterText } from "../text/filter-text.js";
import { counted, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";

/** What the command line says. */
export interface VerifyOptions {
  manifest?: string;
  json?: boolean;
}

/** Checks a capture, prints what it found, and tells the exit code. Throws UsageError where it can't be read. */
export async function verifyCapture(file: string, { manifest, json }: VerifyOptions): Promise<number> {
  let verification: EvidenceVerification;
  try {
    verification = await verifyEvidence(file, manifest === undefined ? {} : { manifest });
  } catch (cause) {
    if (!hasCode(cause)) throw cause;
    const path = "path" in cause && typeof cause.path === "string" ? cause.path : file;
    throw new UsageError(`${printable(path)}: cannot read it: ${fileProblem(cause)}`, { cause });
  }
  const text = json
    ? JSON.stringify({ file, ...verificationJson(verification) })
    : verificationText(file, verification);
  await writeOut(`${text}\n`);
  return verification.isGood ? exitCode.complete : exitCode.failed;
}

/** What came of one, as it goes out as JSON. */
export function verificationJson(verification: EvidenceVerification) {
  const { isGood, firstPacketNs, lastPacketNs, linkType, manifest, manifestPath, ...rest } = verification;
  return {
    good: isGood,
    ...rest,
    linkType: linkType ?? null,
    firstPacket: timeJson(firstPacketNs),
    lastPacket: timeJson(lastPacketNs),
    manifestPath: manifestPath ?? null,
    manifest: manifest ?? null,
  };
}

/** One fact a line. */
function verificationText(file: string, verification: EvidenceVerification): string {
  const { isGood, problems, bytes, sha256, packets, linkType, manifest } = verification;
  const facts = problems.map(({ what }) => `${printable(file)}: ${printable(what)}`);
  const what = `${counted(packets, "packet")}, ${formatSize(bytes)}${linkType ? `, ${linkType}` : ""}`;
  facts.push(isGood ? `good: ${what}` : `not good: ${counted(problems.length, "problem")}; ${what}`);
  facts.push(`  sha256   ${sha256}`);
  if (manifest) facts.push(...manifestFacts(manifest));
  else facts.push("  note     no manifest: only the form of the file was checked");
  return facts.map((fact) => fact.trimEnd()).join("\n");
}

function manifestFacts({ request, server, client, plan, result }: Manifest): string[] {
  const stopped = result.stoppedBy === "nothing" ? "" : `, stopped by ${result.stoppedBy}`;
  const origin = [
    printable(server.address),
    ...(server.sensor === null ? [] : [`sensor ${printable(server.sensor)}`]),
    ...(server.certificate === null ? [] : [`certificate ${printable(server.certificate.fingerprint256)}`]),
  ];
  return [
    `  verdict  ${result.verdict}${stopped}`,
    `  window   ${plan.window.start} to ${plan.window.end}`,
    `  filter   ${filterText(plan.filter, plan.dialect, request.vlanTransparent)}`,
    // What the role kept from it is among the shortcomings, where they were kept.
    ...(result.shortcomings?.map((fact) => `  warning  ${printable(fact)}`) ?? roleFacts(plan)),
    ...(request.reason === null ? [] : [`  reason   ${printable(request.reason)}`]),
    `  from     ${origin.join(", ")}`,
    `  by       ${client.identity === null ? "(the server did not say)" : printable(client.identity)}`,
    `  asked    ${request.requestedAt}, uid ${printable(request.uid)}`,
  ];
}

function roleFacts({ policyFilter, payloadLimitBytes }: Manifest["plan"]): string[] {
  return [
    ...(policyFilter === null ? [] : [`  role     only packets that match ${printable(policyFilter)}`]),
    ...(payloadLimitBytes === null
      ? []
      : [`  role     cut ${payloadLimitBytes} bytes behind the transport header`]),
  ];
}
