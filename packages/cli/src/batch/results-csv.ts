import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { UsageError } from "../usage-error.js";

/** Columns of results.csv. A new one goes behind the others. */
export const resultColumns = [
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
  "stoppedBy",
  "asked",
  "uid",
] as const;

/** Columns that results.csv has had from the beginning. */
const firstColumns = resultColumns.slice(0, resultColumns.indexOf("missing"));

/** What stands in results.csv of one row. */
export type ResultFields = Readonly<Record<(typeof resultColumns)[number], string | number | null>>;

/** One line of a results.csv, by its columns, as text. A column that it lacks is not there. */
export type ResultLine = Readonly<Partial<Record<(typeof resultColumns)[number], string>>>;

/** What goes into one line: our columns, and the user's own behind them. */
export interface ResultRow {
  readonly fields: ResultFields;
  readonly own: readonly string[];
}

/** results.csv (RFC 4180, but with plain line feeds). */
export function resultsCsv(rows: readonly ResultRow[], ownColumns: readonly string[] = []): string {
  const lines = rows.map(({ fields, own }) => [
    ...resultColumns.map((column) => String(fields[column] ?? "")),
    ...own,
  ]);
  return `${[[...resultColumns, ...ownColumns], ...lines].map((line) => line.map(csvField).join()).join("\n")}\n`;
}

/** Reads results.csv of an earlier run, also of an earlier version. Throws UsageError where it is something else. */
export function readResults(text: string, file: string): ResultLine[] {
  const records = parseCsv(text, file);
  const [header = []] = records;
  if (firstColumns.some((column, i) => header[i] !== column)) {
    throw new UsageError(`${file}: is no results.csv of an earlier run: its columns are others`);
  }
  return records
    .slice(1)
    .map((record) => Object.fromEntries(header.map((column, i) => [column, record[i] ?? ""])));
}

function parseCsv(text: string, file: string): string[][] {
  try {
    // Records are lists of text where no option says otherwise; the typings leave it open.
    return parse(text, { bom: true, relax_column_count: true, skip_empty_lines: true }) as string[][];
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new UsageError(`${file}: is no results.csv of an earlier run: ${cause.message}`, { cause });
  }
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
