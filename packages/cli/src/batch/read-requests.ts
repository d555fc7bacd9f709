import { formatTime } from "@stenogrpc/client";
import { nearest } from "@stenogrpc/options";
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { mostReasonCharacters } from "../options/arguments.js";
import type { QueryOptions } from "../options/query-options.js";
import { UsageError } from "../usage-error.js";

const nsPerSecond = 1_000_000_000n;
/** The end of the year 9999, which a time can't lie behind. */
const lastSecond = 253_402_300_799n;
const columns = ["epoch_start", "epoch_end", "bpf"] as const;

/** What a row says for itself, as the command line does for all. */
interface RowOptions extends QueryOptions {
  requireCoverage?: boolean;
}

/** A further column, which only a header line can name. An empty field says nothing. */
interface OptionColumn {
  /** What may stand in it, for people. */
  readonly takes: string;
  read(field: string): RowOptions | undefined;
}

const optionColumns: Readonly<Record<string, OptionColumn>> = {
  dialect: {
    takes: "one of pcap, stenographer",
    read(field) {
      const dialect = field.toLowerCase();
      return dialect === "pcap" || dialect === "stenographer" ? { dialect } : undefined;
    },
  },
  any_vlan: truth((anyVlan) => ({ anyVlan })),
  restore_vlan: truth((restoreVlan) => ({ restoreVlan })),
  nanoseconds: truth((nanoseconds) => ({ nanoseconds })),
  require_coverage: truth((requireCoverage) => ({ requireCoverage })),
  reason: {
    takes: `at most ${mostReasonCharacters} characters`,
    read: (reason) => (reason.length <= mostReasonCharacters ? { reason } : undefined),
  },
};

function truth(option: (value: boolean) => RowOptions): OptionColumn {
  return {
    takes: "one of true, false",
    read(field) {
      const word = field.toLowerCase();
      return word === "true" || word === "false" ? option(word === "true") : undefined;
    },
  };
}

/** One row of a file of requests. */
export interface RequestRow {
  /** Number of the row, from 1, a header line not counted. */
  readonly row: number;
  /** Line of the file on which the row ends, from 1. */
  readonly line: number;
  /** The filter, as written. */
  readonly filter: string;
  /** What the row says beyond the command line; nothing where it is a bad row. */
  readonly options: RowOptions;
  /** The window, half-open, in nanoseconds since the epoch; or what is wrong with the row. */
  readonly request: { readonly startNs: bigint; readonly endNs: bigint } | { readonly problem: string };
}

/** A row's window as an ISO 8601 interval, its end not included; undefined of a bad row. */
export function windowText({ request }: RequestRow): string | undefined {
  return "problem" in request ? undefined : `${formatTime(request.startNs)}/${formatTime(request.endNs)}`;
}

/**
 * Reads the original's CSV of requests: `epoch_start,epoch_end,bpf`, whole seconds, both included, a header line or none.
 * A header line may name further columns: `dialect`, `any_vlan`, `restore_vlan`, `nanoseconds`, `require_coverage`, `reason`.
 *
 * A row that makes no sense says so in its place and does not stop the others. Throws UsageError where a quote is left
 * open, since no one can tell then where the rows are.
 */
export function readRequests(text: string, file: string): RequestRow[] {
  const rows = readRows(text.replace(/\r\n?/g, "\n"), file);
  const header = rows[0]?.fields.map((field) => field.toLowerCase());
  const headed = header?.[0] === columns[0];
  const further = headed && header ? furtherColumns(header, file) : [];
  return rows.slice(headed ? 1 : 0).map(({ line, fields, problem }, i) => {
    const request = problem === undefined ? readRow(fields, further) : { problem };
    const bad = "problem" in request;
    return {
      row: i + 1,
      line,
      filter: fields[2] ?? "",
      options: bad ? {} : request.options,
      request: bad ? request : request.window,
    };
  });
}

/** The columns behind the original's. Throws UsageError for one that is not known. */
function furtherColumns(header: readonly string[], file: string): string[] {
  if (columns.some((column, i) => header[i] !== column)) {
    throw new UsageError(
      `${file}:1: the columns are ${header.join()}; they must begin with ${columns.join()}`,
    );
  }
  const further = header.slice(columns.length);
  const known = Object.keys(optionColumns);
  for (const [i, column] of further.entries()) {
    if (known.includes(column) && further.indexOf(column) === i) continue;
    const meant = nearest(column, known);
    const advice = known.includes(column)
      ? "is there twice"
      : `is not known; ${meant ? `did you mean "${meant}"?` : `known ones: ${known.join()}`}`;
    throw new UsageError(`${file}:1: the column ${JSON.stringify(column)} ${advice}`);
  }
  return further;
}

/** A row's window and options, or what is wrong with it. */
function readRow(
  fields: readonly string[],
  further: readonly string[],
):
  | { readonly window: { readonly startNs: bigint; readonly endNs: bigint }; readonly options: RowOptions }
  | { readonly problem: string } {
  const [first = "", last = ""] = fields;
  const expected = [...columns, ...further];
  if (fields.length !== expected.length) {
    return {
      problem: `${fields.length} fields, not ${expected.length} (${expected.join()}); a comma in a field needs quotes around it`,
    };
  }
  for (const [i, field] of [first, last].entries()) {
    // Twelve digits reach beyond the year 9999: more are milliseconds.
    if (!/^\d{1,12}$/.test(field)) {
      return { problem: `${columns[i]} is ${JSON.stringify(field)}, not whole seconds since 1970` };
    }
    if (BigInt(field) >= lastSecond) return { problem: `${columns[i]} ${field} lies after the year 9999` };
  }
  const options: RowOptions = {};
  for (const [i, column] of further.entries()) {
    const field = fields[columns.length + i] ?? "";
    const known = optionColumns[column];
    const said = field === "" ? {} : known?.read(field);
    if (said === undefined) {
      return { problem: `${column} is ${JSON.stringify(field)}, not ${known?.takes} or empty` };
    }
    Object.assign(options, said);
  }
  const startNs = BigInt(first) * nsPerSecond;
  const endNs = (BigInt(last) + 1n) * nsPerSecond;
  return endNs > startNs
    ? { window: { startNs, endNs }, options }
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
