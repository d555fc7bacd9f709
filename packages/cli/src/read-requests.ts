import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { UsageError } from "./usage-error.js";

const nsPerSecond = 1_000_000_000n;
const columns = ["epoch_start", "epoch_end", "bpf"] as const;

/** One row of a file of requests. */
export interface RequestRow {
  /** Number of the row, from 1, a header line not counted. */
  readonly row: number;
  /** Line of the file on which the row ends, from 1. */
  readonly line: number;
  /** The filter, as written. */
  readonly filter: string;
  /** The window, half-open, in nanoseconds since the epoch; or what is wrong with the row. */
  readonly request: { readonly startNs: bigint; readonly endNs: bigint } | { readonly problem: string };
}

/**
 * Reads the original's CSV of requests: `epoch_start,epoch_end,bpf`, whole seconds, both included, a header line or none.
 *
 * A row that makes no sense says so in its place and does not stop the others. Throws UsageError where a quote is left
 * open, since no one can tell then where the rows are.
 */
export function readRequests(text: string, file: string): RequestRow[] {
  const rows = readRows(text.replace(/\r\n?/g, "\n"), file);
  const first = rows[0]?.fields;
  const header = first?.map((field) => field.toLowerCase());
  const headed = header?.[0] === columns[0];
  if (headed && header?.join() !== columns.join()) {
    throw new UsageError(`${file}:1: the columns are ${first?.join()}; they must be ${columns.join()}`);
  }
  return rows.slice(headed ? 1 : 0).map(({ line, fields, problem }, i) => ({
    row: i + 1,
    line,
    filter: fields[2] ?? "",
    request: problem === undefined ? readWindow(fields) : { problem },
  }));
}

function readWindow(fields: readonly string[]): RequestRow["request"] {
  const [first = "", last = ""] = fields;
  if (fields.length !== columns.length) {
    return {
      problem: `${fields.length} fields, not 3 (${columns.join()}); a comma in a field needs quotes around it`,
    };
  }
  for (const [i, field] of [first, last].entries()) {
    // Twelve digits reach the year 33658: more are milliseconds.
    if (!/^\d{1,12}$/.test(field)) {
      return { problem: `${columns[i]} is ${JSON.stringify(field)}, not whole seconds since 1970` };
    }
  }
  const startNs = BigInt(first) * nsPerSecond;
  const endNs = (BigInt(last) + 1n) * nsPerSecond;
  return endNs > startNs
    ? { startNs, endNs }
    : { problem: `epoch_end ${last} lies before epoch_start ${first}` };
}

interface Row {
  readonly line: number;
  readonly fields: readonly string[];
  readonly problem?: string;
}

/** Rows with their lines. csv-parse gives up at a misplaced quote, and its own skipping swallows the next row: step over that line. */
function readRows(text: string, file: string): Row[] {
  const lines = text.split("\n");
  const rows: Row[] = [];
  let from = 0;
  while (from < lines.length) {
    try {
      rows.push(...parseLines(lines.slice(from), from));
      return rows;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const at = from + Number(error.lines) - 1;
      if (error.code === "CSV_QUOTE_NOT_CLOSED" || !(at >= from)) {
        throw new UsageError(`${file}:${from + 1}: from here on, a quote is opened and never closed`, {
          cause: error,
        });
      }
      try {
        rows.push(...parseLines(lines.slice(from, at), from));
      } catch (cause) {
        throw new UsageError(`${file}:${at + 1}: ${error.message}`, { cause });
      }
      rows.push({ line: at + 1, fields: ["", "", lines[at] ?? ""], problem: "text behind a closing quote" });
      from = at + 1;
    }
  }
  return rows;
}

function parseLines(lines: readonly string[], offset: number): Row[] {
  const parsed = parse(lines.join("\n"), {
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    record_delimiter: "\n",
    skip_empty_lines: true,
    trim: true,
  });
  // With `info`, the typings of csv-parse still promise bare records.
  const records = parsed as unknown as { record: string[]; info: { lines: number } }[];
  return records.map(({ record, info }) => ({ line: offset + info.lines, fields: record }));
}
