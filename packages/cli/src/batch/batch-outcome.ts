import { type FetchResult, formatTime, resultJson } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { stoppedByText } from "../fetch/result.js";
import { counted, formatCount, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import type { RequestRow } from "./read-requests.js";

/** What came of one row of a batch. */
export interface BatchOutcome {
  readonly row: RequestRow;
  /** `bad-row` was never asked, `canceled` was not asked or not finished. */
  readonly verdict: FetchResult["verdict"] | "failed" | "bad-row" | "canceled";
  readonly result?: FetchResult;
  /** Name of the file in the batch's folder. */
  readonly file?: string;
  /** Why there is no result, in words. */
  readonly error?: string;
}

/** The exit code of a whole batch: failed before incomplete before truncated before complete. */
export function batchExitCode(outcomes: readonly BatchOutcome[]): number {
  const verdicts = new Set(outcomes.map((outcome) => outcome.verdict));
  if (verdicts.has("failed") || verdicts.has("bad-row") || verdicts.has("canceled")) return exitCode.failed;
  if (verdicts.has("incomplete")) return exitCode.incomplete;
  return verdicts.has("truncated") ? exitCode.truncated : exitCode.complete;
}

const columns = [
  "row",
  "filter",
  "window",
  "verdict",
  "packets",
  "bytes",
  "sha256",
  "file",
  "error",
  "missing",
] as const;

/** One outcome by the columns of results.csv; the window is an ISO 8601 interval, its end not included. */
function outcomeFields({ row, verdict, result, file, error }: BatchOutcome) {
  const { request } = row;
  return {
    row: row.row,
    filter: row.filter,
    window: "problem" in request ? null : `${formatTime(request.startNs)}/${formatTime(request.endNs)}`,
    verdict,
    packets: result?.packets ?? null,
    bytes: result?.pcapBytes ?? null,
    sha256: result?.sha256 ?? null,
    file: file ?? null,
    error: error ?? null,
    missing: result?.shortcomings.map(printable).join("; ") || null,
  };
}

/** The same as it goes out as JSON, with all that is known of coverage and damage. */
export function outcomeJson(outcome: BatchOutcome) {
  const fields = outcomeFields(outcome);
  if (outcome.result === undefined) return fields;
  const { filterDialect, stoppedBy, completeness, coverage, damage } = resultJson(outcome.result);
  return { ...fields, filterDialect, stoppedBy, completeness, coverage, damage };
}

/** results.csv (RFC 4180, but with plain line feeds). */
export function outcomesCsv(outcomes: readonly BatchOutcome[]): string {
  const lines = outcomes.map((outcome) => {
    const fields = outcomeFields(outcome);
    return columns.map((column) => csvField(String(fields[column] ?? ""))).join(",");
  });
  return [columns.join(","), ...lines, ""].join("\n");
}

/** The outcomes as a table for people, and a last line that counts them. */
export function outcomesTable(outcomes: readonly BatchOutcome[]): string {
  const head = ["row", "verdict", "packets", "size", "filter", "file or error"];
  const body = outcomes.map(({ row, verdict, result, file, error }) => [
    String(row.row),
    verdict,
    result ? formatCount(result.packets) : "",
    result ? formatSize(result.pcapBytes) : "",
    shortened(printable(row.filter || "(every packet)"), 40),
    `${file ?? printable(error?.split("\n")[0] ?? "")}${result ? asides(result) : ""}`,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((line) => line[i]?.length ?? 0)));
  const table = [head, ...body].map((line) =>
    line
      .map((cell, i) => (i === 2 || i === 3 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const counts = new Map<string, number>();
  for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const tally = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
  return `${table.join("\n")}\n${counted(outcomes.length, "row")}${tally ? `: ${tally}` : ""}\n`;
}

/** One outcome as a line of progress. */
export function outcomeLine({ row, verdict, result, file, error }: BatchOutcome): string {
  const what = result
    ? `${counted(result.packets, "packet")}, ${file}${asides(result)}`
    : printable((error ?? "").split("\n")[0] ?? "");
  return `row ${row.row} (line ${row.line}): ${verdict}: ${what}`;
}

/** What is not as it should be with an answer, in short. */
function asides(result: FetchResult): string {
  const { stoppedBy, verdict, coverage } = result;
  const asides = [
    ...(stoppedBy === "nothing" ? [] : [stoppedByText(result)]),
    ...(verdict === "incomplete" ? ["damage on the sensor"] : []),
    ...(coverage?.gaps.length ? [counted(coverage.gaps.length, "gap")] : []),
  ];
  return asides.length === 0 ? "" : ` (${asides.join("; ")})`;
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
