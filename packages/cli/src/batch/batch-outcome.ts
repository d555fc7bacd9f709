import { type FetchResult, resultJson, uncoveredText } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { stoppedByText } from "../fetch/result.js";
import { counted, formatCount, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import type { KeptAnswer } from "./kept-answer.js";
import { type RequestRow, windowText } from "./read-requests.js";
import type { ResultFields } from "./results-csv.js";

/** What came of one row of a batch. */
export interface BatchOutcome {
  readonly row: RequestRow;
  /** `bad-row` was never asked, `canceled` was not asked or not finished. */
  readonly verdict: FetchResult["verdict"] | "failed" | "bad-row" | "canceled";
  readonly result?: FetchResult;
  /** The answer of an earlier run, in the place of a result. */
  readonly kept?: KeptAnswer;
  /** Name of the file in the batch's folder. */
  readonly file?: string;
  /** Why there is no result, in words. */
  readonly error?: string;
  /** What the answer depends on besides filter and window, of a row that was asked. */
  readonly asked?: string;
  /** Of a request that was begun: it is in the server's log, too. */
  readonly uid?: string | undefined;
}

/** What comes of a row that makes no sense. */
export function badRow(row: RequestRow, problem: string): BatchOutcome {
  return { row, verdict: "bad-row", error: `line ${row.line}: ${problem.trim()}` };
}

/** The exit code of a whole batch: failed before incomplete before truncated before complete. */
export function batchExitCode(outcomes: readonly BatchOutcome[]): number {
  const verdicts = new Set(outcomes.map((outcome) => outcome.verdict));
  if (verdicts.has("failed") || verdicts.has("bad-row") || verdicts.has("canceled")) return exitCode.failed;
  if (verdicts.has("incomplete")) return exitCode.incomplete;
  return verdicts.has("truncated") ? exitCode.truncated : exitCode.complete;
}

/** What is told of an answer, fetched or kept. */
type Answer = Omit<KeptAnswer, "verdict" | "stoppedBy" | "uid"> & Pick<FetchResult, "stoppedBy">;

function answerOf({ kept, result }: BatchOutcome): Answer | undefined {
  if (kept || !result) return kept;
  const { packets, pcapBytes: bytes, sha256, stoppedBy } = result;
  return {
    packets,
    bytes,
    sha256,
    stoppedBy,
    missing: result.shortcomings.map(printable).join("; ") || null,
  };
}

/** One outcome by the columns of results.csv. */
export function outcomeFields(outcome: BatchOutcome) {
  const { row, verdict, file, error, asked, uid } = outcome;
  const answer = answerOf(outcome);
  return {
    row: row.row,
    filter: row.filter,
    window: windowText(row) ?? null,
    verdict,
    packets: answer?.packets ?? null,
    bytes: answer?.bytes ?? null,
    sha256: answer?.sha256 ?? null,
    file: file ?? null,
    error: error ?? null,
    missing: answer?.missing ?? null,
    stoppedBy: answer?.stoppedBy ?? null,
    asked: asked ?? null,
    uid: uid ?? null,
  } satisfies ResultFields;
}

/** The same as it goes out as JSON, with the user's own columns, and all that this run knows of coverage and damage. */
export function outcomeJson(outcome: BatchOutcome, ownColumns: readonly string[] = []) {
  const own = Object.fromEntries(ownColumns.map((column, i) => [column, outcome.row.own[i] ?? ""]));
  const fields = { ...outcomeFields(outcome), kept: outcome.kept !== undefined, own };
  if (outcome.result === undefined) return fields;
  const { filterDialect, completeness, coverage, covered, damage } = resultJson(outcome.result);
  return { ...fields, filterDialect, completeness, coverage, covered, damage };
}

/** The outcomes as a table for people, and a last line that counts them. */
export function outcomesTable(outcomes: readonly BatchOutcome[]): string {
  const head = ["row", "verdict", "packets", "size", "filter", "file or error"];
  const body = outcomes.map((outcome) => {
    const { row, verdict, file, error } = outcome;
    const answer = answerOf(outcome);
    return [
      String(row.row),
      verdict,
      answer ? formatCount(answer.packets) : "",
      answer ? formatSize(answer.bytes) : "",
      shortened(printable(row.filter || "(every packet)"), 40),
      `${file ?? printable(error?.split("\n")[0] ?? "")}${asides(outcome)}`,
    ];
  });
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
  const kept = outcomes.filter((outcome) => outcome.kept).length;
  const summary = `${counted(outcomes.length, "row")}${tally ? `: ${tally}` : ""}${kept > 0 ? `; ${kept} kept` : ""}`;
  return `${table.join("\n")}\n${summary}\n`;
}

/** One outcome as a line of progress. */
export function outcomeLine(outcome: BatchOutcome): string {
  const { row, verdict, file, error } = outcome;
  const answer = answerOf(outcome);
  const what = answer
    ? `${counted(answer.packets, "packet")}, ${file}${asides(outcome)}`
    : printable((error ?? "").split("\n")[0] ?? "");
  // What is wrong with a bad row begins with its line.
  const line = verdict === "bad-row" ? "" : ` (line ${row.line})`;
  return `row ${row.row}${line}: ${verdict}: ${what}`;
}

/** What else there is to know of an answer, in short. */
function asides(outcome: BatchOutcome): string {
  const { verdict, kept, result } = outcome;
  const answer = answerOf(outcome);
  if (answer === undefined) return "";
  const gaps = result?.coverage?.gaps.length;
  const lacking = (result && uncoveredText(result)) ?? (gaps ? counted(gaps, "gap") : undefined);
  const asides = [
    ...(kept ? ["kept"] : []),
    ...(answer.stoppedBy === "nothing" ? [] : [stoppedByText(answer)]),
    ...(verdict === "incomplete" ? ["damage on the sensor"] : []),
    ...(lacking ? [lacking] : []),
    // Of a limit it is told above.
    ...(kept?.missing && answer.stoppedBy === "nothing" ? ["not all; see results.csv"] : []),
  ];
  return asides.length === 0 ? "" : ` (${asides.join("; ")})`;
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
