import { type AuditVerification, verifyAuditLog } from "@stenogrpc/server";
import { exitCode } from "../exit-codes.js";
import { hasCode } from "../io/error-code.js";
import { writeOut } from "../io/stdout.js";
import { counted, formatCount } from "../text/format.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import type { KnownLine } from "./audit-line-argument.js";

/** What the command line says. */
export interface AuditVerifyOptions {
  expect?: KnownLine[];
  json?: boolean;
}

/** Checks an audit log, prints what it found, and tells the exit code. Throws UsageError where it can't be read. */
export async function verifyAudit(file: string, { expect = [], json }: AuditVerifyOptions): Promise<number> {
  let verification: AuditVerification;
  try {
    verification = await verifyAuditLog(file, { expect });
  } catch (cause) {
    if (!hasCode(cause)) throw cause;
    throw new UsageError(`cannot read the audit log: ${cause.message}`, { cause });
  }
  const text = json
    ? JSON.stringify(verificationJson(verification))
    : verificationText(verification, expect.length);
  await writeOut(`${text}\n`);
  return verification.isIntact ? exitCode.complete : exitCode.failed;
}

function verificationJson({ isIntact, firstSeq, last, problems, ...rest }: AuditVerification) {
  return {
    intact: isIntact,
    ...rest,
    firstSeq: firstSeq ?? null,
    last: last ?? null,
    problems: problems.map(({ line = null, ...problem }) => ({ ...problem, line })),
  };
}

/** One fact a line. */
function verificationText(verification: AuditVerification, anchors: number): string {
  const { isIntact, files, lines, firstSeq, last, problems, problemCount } = verification;
  const where = `${counted(lines, "line")} in ${counted(files.length, "file")}`;
  const facts = problems.map(
    ({ file, line, what }) => `${printable(file)}${line === undefined ? "" : `:${line}`}: ${what}`,
  );
  if (problemCount > problems.length) facts.push(`and ${formatCount(problemCount - problems.length)} more`);
  facts.push(isIntact ? `intact: ${where}` : `not intact: ${counted(problemCount, "problem")}, ${where}`);
  if (firstSeq !== undefined && firstSeq > 1) facts.push(`  begins with line ${firstSeq}`);
  if (last) facts.push(`  last   ${last.seq}:${last.hash}`);
  if (isIntact && anchors === 0) {
    facts.push("  note   without --expect SEQ:HASH, lines cut off at the end can't be noticed");
  }
  return facts.join("\n");
}
