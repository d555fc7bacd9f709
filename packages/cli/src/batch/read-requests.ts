import {
  type FilterDialect,
  formatTime,
  parseServerAddress,
  StenographerError,
} from "@stenogrpc/client/node";
import { nearest } from "@stenogrpc/options";
import { InvalidArgumentError } from "commander";
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { durationArgument, reasonArgument, sizeArgument, wholeNumber } from "../options/arguments.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import { parseWindow, type Window } from "../text/parse-window.js";
import { UsageError } from "../usage-error.js";
import { resultColumns } from "./results-csv.js";

const nsPerSecond = 1_000_000_000n;
/** The end of the year 9999, which a time can't lie behind. */
const lastSecond = 253_402_300_799n;

/** The original's columns, in its order; what a file without a header line has. */
const originalColumns = ["epoch_start", "epoch_end", "bpf"];
/** The columns that can hold the times of a window, and how those are read. */
const windowColumns = [
  { names: ["epoch_start", "epoch_end"], read: readSeconds },
  { names: ["from", "to"], read: readTimes },
] as const;
const filterColumns = ["bpf", "filter"];

/** What a row says for itself, as the command line does for all. */
type RowOptions = Omit<RetrievalOptions, "config">;

/** Further columns that a header line can name: each as the option of that name. They throw InvalidArgumentError; an empty field says nothing. */
const optionColumns: Readonly<Record<string, (field: string) => RowOptions>> = {
  server: (server) => ({ server: serverArgument(server) }),
  dialect: (dialect) => ({ dialect: oneOf<FilterDialect>(["pcap", "stenographer"], dialect) }),
  any_vlan: (anyVlan) => ({ anyVlan: truth(anyVlan) }),
  restore_vlan: (restoreVlan) => ({ restoreVlan: truth(restoreVlan) }),
  nanoseconds: (nanoseconds) => ({ nanoseconds: truth(nanoseconds) }),
  require_coverage: (requireCoverage) => ({ requireCoverage: truth(requireCoverage) }),
  max_bytes: (maxBytes) => ({ maxBytes: sizeArgument(maxBytes) }),
  max_packets: (maxPackets) => ({ maxPackets: wholeNumber(1)(maxPackets) }),
  timeout: (timeout) => ({ timeout: durationArgument(timeout) }),
  reason: (reason) => ({ reason: reasonArgument(reason) }),
};

function oneOf<Word extends string>(words: readonly Word[], field: string): Word {
  const said = words.find((word) => word === field.toLowerCase());
  if (said !== undefined) return said;
  throw new InvalidArgumentError(`Write ${words.join(" or ")}.`);
}

function truth(field: string): boolean {
  return oneOf(["true", "false"], field) === "true";
}

function serverArgument(text: string): string {
  try {
    parseServerAddress(text);
    return text;
  } catch (error) {
    throw error instanceof StenographerError ? new InvalidArgumentError(error.message) : error;
  }
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
  /** The window, or what is wrong with the row. */
  readonly request: Window | { readonly problem: string };
  /** What stands in the columns that are the user's own, in their order. */
  readonly own: readonly string[];
}

/** A file of requests. */
export interface Requests {
  readonly rows: readonly RequestRow[];
  /** Names of the columns that are the user's own, as written: an alert's number, a ticket. */
  readonly ownColumns: readonly string[];
}

/** A row's window as an ISO 8601 interval, its end not included; undefined of a bad row. */
export function windowText({ request }: RequestRow): string | undefined {
  return "problem" in request ? undefined : `${formatTime(request.startNs)}/${formatTime(request.endNs)}`;
}

/**
 * Reads a CSV of requests: the original's `epoch_start,epoch_end,bpf`, whole seconds, both included, with a header line or without one; or
 * columns in any order that a header line names. `from` and `to` take the times that `fetch` does, `to` not included.
 *
 * A column that is neither known nor nearly so is the user's own. A row that makes no sense says so in its place and does not stop the
 * others. Throws UsageError where the header makes no sense, and where a quote is left open, since no one can tell then where the rows are.
 */
export function readRequests(text: string, file: string, nowMs = Date.now()): Requests {
  const rows = readRows(text.replace(/\r\n?/g, "\n"), file);
  const [first] = rows;
  const isHeader = first?.fields.some((field) => knownNames.includes(field.toLowerCase())) ?? false;
  const columns = isHeader && first ? readHeader(first.fields, file) : columnsOf(originalColumns);
  return {
    ownColumns: columns.own.map(({ name }) => name),
    rows: rows.slice(isHeader ? 1 : 0).map(({ line, fields, problem }, i) => {
      const request = problem === undefined ? readRow(fields, columns, nowMs) : { problem };
      const isBad = "problem" in request;
      const isWhole = fields.length === columns.names.length;
      return {
        row: i + 1,
        line,
        filter: (problem === undefined ? fields[columns.names.indexOf(columns.filter)] : fields[0]) ?? "",
        options: isBad ? {} : request.options,
        request: isBad ? request : request.window,
        own: columns.own.map(({ at }) => (isWhole ? (fields[at] ?? "") : "")),
      };
    }),
  };
}

const windowNames: readonly string[] = windowColumns.flatMap(({ names }) => [...names]);
/** By one of them, a first line is known for a header: none is a time or a filter. */
const knownNames = [...windowNames, ...filterColumns, ...Object.keys(optionColumns)];

/** Which column is where, and what for. */
interface Columns {
  /** All of them, in lower case. */
  readonly names: readonly string[];
  readonly window: (typeof windowColumns)[number];
  /** The name of the filter's. */
  readonly filter: string;
  readonly own: readonly { readonly name: string; readonly at: number }[];
}

function columnsOf(header: readonly string[]): Columns {
  const names = header.map((name) => name.toLowerCase());
  const window =
    windowColumns.find((pair) => pair.names.some((name) => names.includes(name))) ?? windowColumns[0];
  const filter = filterColumns.find((name) => names.includes(name)) ?? "filter";
  const used = [...window.names, filter, ...Object.keys(optionColumns)];
  const own = header.flatMap((name, at) => (used.includes(name.toLowerCase()) ? [] : [{ name, at }]));
  return { names, window, filter, own };
}

/** Throws UsageError that says which column is wrong: a slip in a name must not become "no limit". */
function readHeader(header: readonly string[], file: string): Columns {
  const columns = columnsOf(header);
  const { names, window, filter, own } = columns;
  const refuse = (name: string, why: string): never => {
    throw new UsageError(`${file}:1: the column ${JSON.stringify(name)} ${why}`);
  };
  for (const [i, name] of names.entries()) if (names.indexOf(name) < i) refuse(name, "is there twice");
  const absent = [...window.names, filter, ...Object.keys(optionColumns)].filter(
    (name) => !names.includes(name),
  );
  for (const { name } of own) {
    const lower = name.toLowerCase();
    if (lower === "") refuse(name, "has no name");
    if (windowNames.includes(lower)) refuse(name, `does not go with ${window.names.join(" and ")}`);
    if (filterColumns.includes(lower)) refuse(name, `does not go with ${filter}, which is the same`);
    const meant = nearest(lower, absent);
    if (meant !== undefined) refuse(name, `is not known; did you mean "${meant}"? Else give it another name`);
    if (resultColumns.some((column) => column.toLowerCase() === lower))
      refuse(name, "would be in results.csv twice; give it another name");
  }
  const missing = [...window.names, filter].filter((name) => !names.includes(name));
  if (missing.length === 0) return columns;
  throw new UsageError(
    `${file}:1: there is no column ${missing.join(", ")}: write epoch_start,epoch_end,bpf or from,to,filter, and what you like besides`,
  );
}

/** A row's window and options, or what is wrong with it. */
function readRow(
  fields: readonly string[],
  { names, window }: Columns,
  nowMs: number,
): { readonly window: Window; readonly options: RowOptions } | { readonly problem: string } {
  if (fields.length !== names.length) {
    return {
      problem: `${fields.length} fields, not ${names.length} (${names.join()}); a comma in a field needs quotes around it`,
    };
  }
  const fieldOf = (name: string) => fields[names.indexOf(name)] ?? "";
  const [start, end] = window.names;
  try {
    return {
      window: window.read(fieldOf(start), fieldOf(end), nowMs),
      options: Object.assign({}, ...names.map((name) => readOption(name, fieldOf(name)))),
    };
  } catch (error) {
    if (error instanceof UsageError) return { problem: error.message };
    throw error;
  }
}

function readOption(column: string, field: string): RowOptions {
  if (field === "") return {};
  try {
    return optionColumns[column]?.(field) ?? {};
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(`${column} is ${JSON.stringify(field)}. ${error.message}`, { cause: error });
  }
}

/** The original's window: whole seconds, both included. Throws UsageError. */
function readSeconds(first: string, last: string): Window {
  for (const [name, field] of [
    ["epoch_start", first],
    ["epoch_end", last],
  ]) {
    // Twelve digits reach beyond the year 9999: more are milliseconds.
    if (!/^\d{1,12}$/.test(field ?? "")) {
      throw new UsageError(
        `${name} is ${JSON.stringify(field)}, not whole seconds since 1970; for other times, name the columns from,to,filter`,
      );
    }
    if (BigInt(field ?? "") >= lastSecond) throw new UsageError(`${name} ${field} lies after the year 9999`);
  }
  const startNs = BigInt(first) * nsPerSecond;
  const endNs = (BigInt(last) + 1n) * nsPerSecond;
  if (endNs <= startNs) throw new UsageError(`epoch_end ${last} lies before epoch_start ${first}`);
  return { startNs, endNs };
}

function readTimes(from: string, to: string, nowMs: number): Window {
  return parseWindow(from, to, nowMs, ["from", "to"]);
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
      rows.push({ line: at + 1, fields: [lines[at] ?? ""], problem: "text behind a closing quote" });
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
