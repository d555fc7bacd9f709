import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { manifestSuffix } from "@stenogrpc/client/node";
import { dialectOf, refuseForOriginal } from "../ask/client-query.js";
import type { OpenedClient } from "../ask/open-client.js";
import { exitCode } from "../exit-codes.js";
import { fileProblem } from "../io/file-problem.js";
import { makeFolder, readIfThere, refuseExisting, writeWhole } from "../io/files.js";
import { listenForInterruption } from "../io/interruption.js";
import { writeOut } from "../io/stdout.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import type { Window } from "../text/parse-window.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import { askedText } from "./asked-text.js";
import { atOnce } from "./at-once.js";
import {
  type BatchOutcome,
  badRow,
  batchExitCode,
  outcomeFields,
  outcomeJson,
  outcomeLine,
  outcomesTable,
} from "./batch-outcome.js";
import { captureName } from "./capture-name.js";
import { fetchRow } from "./fetch-row.js";
import { type KeptAnswer, keptAnswer } from "./kept-answer.js";
import { nowAndThen } from "./now-and-then.js";
import { openServers } from "./open-servers.js";
import { type RequestRow, type Requests, readRequests } from "./read-requests.js";
import { removeUnfinished } from "./remove-unfinished.js";
import { type ResultLine, readResults, resultsCsv } from "./results-csv.js";
import { resultsFile } from "./results-file.js";
import type { RowTask } from "./row-task.js";

/** What the command line says. */
export interface BatchOptions extends RetrievalOptions {
  requests: string;
  output: string;
  concurrency: number;
  resume?: boolean;
}

/** Fetches one capture for each row of a CSV, and tells the exit code. Throws UsageError. */
export async function fetchBatch(options: BatchOptions): Promise<number> {
  const { output: folder, concurrency } = options;
  if (options.resume && options.overwrite)
    throw new UsageError("--resume keeps what is done, --overwrite replaces everything; choose one");
  const requests = readRequests(await readText(options.requests), options.requests);
  const { rows, ownColumns } = requests;
  if (rows.length === 0) throw new UsageError(`no requests in ${options.requests}`);
  await makeFolder(folder);
  const earlier = options.resume ? await readEarlierResults(join(folder, resultsFile)) : undefined;
  const overwrite = options.overwrite ?? earlier !== undefined;
  const fileOf = (row: RequestRow) => captureName(row.row, rows.length, row.filter);
  if (!overwrite) await refuseFiles(folder, rows.map(fileOf), options.manifest);
  await using servers = await openServers(options, rows);
  if (servers.areOriginal) refuseForOriginal(options);
  if (!options.quiet && ownColumns.length > 0)
    process.stderr.write(`carried over into ${resultsFile}: ${printable(ownColumns.join(", "))}\n`);
  using interruption = listenForInterruption();

  const outcomes = new Map<RequestRow, BatchOutcome>();
  const note = (outcome: BatchOutcome): void => {
    outcomes.set(outcome.row, outcome);
    if (!options.quiet && outcome.verdict !== "canceled") process.stderr.write(`${outcomeLine(outcome)}\n`);
  };
  const tasks = rows.flatMap((row) => {
    if (!("problem" in row.request))
      return [taskOf(row, row.request, fileOf(row), servers.of(row), { ...options, overwrite })];
    note(badRow(row, row.request.problem));
    return [];
  });
  if (earlier) {
    await atOnce(tasks, concurrency, async (task) => {
      if (interruption.signal.aborted) return;
      const kept = await keptAnswer(earlier.get(String(task.row.row)), task);
      if (kept) note(keptOutcome(task, kept));
    });
    if (interruption.code !== undefined) {
      process.stderr.write(`stenogrpc: interrupted; ${folder} is as it was\n`);
      return interruption.code;
    }
  }
  const open = tasks.filter(({ row }) => !outcomes.has(row));
  if (earlier) await removeUnfinished(folder, open);
  const inOrder = () => rows.flatMap((row) => outcomes.get(row) ?? []);
  const saveResults = () => writeResults(join(folder, resultsFile), inOrder(), ownColumns);
  // So that --resume knows what is done even if this process is killed. If it can't be written, the end says so.
  const saveMeanwhile = nowAndThen(saveResults);
  await atOnce(open, concurrency, async (task) => {
    note(await fetchRow(task, interruption.signal));
    await saveMeanwhile();
  });
  const problem = await saveResults();
  await tellResults(inOrder(), ownColumns, problem, options);
  return interruption.code ?? (problem === undefined ? batchExitCode(inOrder()) : exitCode.failed);
}

function taskOf(
  row: RequestRow,
  window: Window,
  file: string,
  opened: OpenedClient,
  options: BatchOptions,
): RowTask {
  const rowOptions = { ...options, ...row.options };
  return {
    row,
    window,
    opened,
    folder: options.output,
    file,
    options: rowOptions,
    dialect: dialectOf(rowOptions, opened.originalServer),
    asked: askedText(opened, rowOptions),
  };
}

function keptOutcome({ row, file, asked }: RowTask, kept: KeptAnswer): BatchOutcome {
  return { row, verdict: kept.verdict, kept, file, asked, uid: kept.uid };
}

/** Writes the table and the JSON, and what kept results.csv from being written. */
async function tellResults(
  outcomes: readonly BatchOutcome[],
  ownColumns: Requests["ownColumns"],
  problem: string | undefined,
  { output: folder, quiet, json }: BatchOptions,
): Promise<void> {
  if (!quiet) {
    const saved = problem === undefined ? `Captures and ${resultsFile} are` : "Captures are";
    process.stderr.write(`\n${outcomesTable(outcomes)}${saved} in ${folder}\n`);
  }
  if (problem !== undefined) process.stderr.write(`stenogrpc: ${problem}\n`);
  if (json) {
    for (const outcome of outcomes) await writeOut(`${JSON.stringify(outcomeJson(outcome, ownColumns))}\n`);
  }
}

/** What an earlier run says of each row, by its number; undefined where there was none. Throws UsageError. */
async function readEarlierResults(file: string): Promise<Map<string, ResultLine> | undefined> {
  const text = await readIfThere(file).catch((cause: unknown) => {
    throw new UsageError(`${file}: cannot read the results of the run before: ${fileProblem(cause)}`, {
      cause,
    });
  });
  if (text === undefined) return undefined;
  return new Map(readResults(text, file).map((line) => [line.row ?? "", line]));
}

async function refuseFiles(folder: string, captures: readonly string[], manifest = false): Promise<void> {
  const manifests = manifest ? captures.map((file) => `${file}${manifestSuffix}`) : [];
  for (const file of [resultsFile, ...captures, ...manifests]) await refuseExisting(join(folder, file));
}

/** Writes what came of every row; gives what went wrong with that, since the captures are there all the same. */
async function writeResults(
  file: string,
  outcomes: readonly BatchOutcome[],
  ownColumns: Requests["ownColumns"],
): Promise<string | undefined> {
  const lines = outcomes.map((outcome) => ({ fields: outcomeFields(outcome), own: outcome.row.own }));
  try {
    await writeWhole(file, resultsCsv(lines, ownColumns));
    return undefined;
  } catch (error) {
    return `cannot write ${file}: ${fileProblem(error)}`;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  } catch (cause) {
    throw new UsageError(`${file}: cannot read the requests: ${fileProblem(cause)}`, { cause });
  }
}
