import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { manifestSuffix, type NodeStenographerClient } from "@stenogrpc/client/node";
import { checkFilter } from "../ask/check-filter.js";
import { dialectOf, refuseForOriginal, retrievalQuery } from "../ask/client-query.js";
import { explainFailure } from "../ask/explain-failure.js";
import { openClient } from "../ask/open-client.js";
import { exitCode } from "../exit-codes.js";
import { fileProblem } from "../io/file-problem.js";
import { makeFolder, refuseExisting, writeWhole } from "../io/files.js";
import { listenForInterruption } from "../io/interruption.js";
import { writeOut } from "../io/stdout.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import { UsageError } from "../usage-error.js";
import { atOnce } from "./at-once.js";
import {
  type BatchOutcome,
  batchExitCode,
  outcomeJson,
  outcomeLine,
  outcomesCsv,
  outcomesTable,
} from "./batch-outcome.js";
import { captureName } from "./capture-name.js";
import { type RequestRow, readRequests } from "./read-requests.js";

/** What the command line says. */
export interface BatchOptions extends RetrievalOptions {
  requests: string;
  output: string;
  concurrency: number;
}

const resultsFile = "results.csv";
/** Places on a server are shared with others, and a batch can wait. */
const patienceMs = 600_000;

/** Fetches one capture for each row of a CSV, and tells the exit code. Throws UsageError. */
export async function fetchBatch(options: BatchOptions): Promise<number> {
  const rows = readRequests(await readText(options.requests), options.requests);
  if (rows.length === 0) throw new UsageError(`no requests in ${options.requests}`);
  const fileOf = (row: RequestRow) => captureName(row.row, rows.length, row.filter);
  await makeFolder(options.output);
  if (!options.overwrite) {
    const captures = rows.map(fileOf);
    const manifests = options.manifest ? captures.map((file) => `${file}${manifestSuffix}`) : [];
    for (const file of [resultsFile, ...captures, ...manifests])
      await refuseExisting(join(options.output, file));
  }
  const { client, originalServer } = await openClient(options);
  await using _ = client;
  if (originalServer) refuseForOriginal(options);
  using interruption = listenForInterruption();

  const outcomes = new Map<RequestRow, BatchOutcome>();
  await atOnce(rows, options.concurrency, async (row) => {
    const outcome = await fetchRow(
      client,
      row,
      fileOf(row),
      { ...options, ...row.options, originalServer },
      interruption.signal,
    );
    outcomes.set(row, outcome);
    if (!options.quiet && outcome.verdict !== "canceled") process.stderr.write(`${outcomeLine(outcome)}\n`);
  });

  const inOrder = rows.flatMap((row) => outcomes.get(row) ?? []);
  const problem = await writeResults(join(options.output, resultsFile), inOrder);
  if (!options.quiet) {
    const saved = problem === undefined ? `Captures and ${resultsFile} are` : "Captures are";
    process.stderr.write(`\n${outcomesTable(inOrder)}${saved} in ${options.output}\n`);
  }
  if (problem !== undefined) process.stderr.write(`stenogrpc: ${problem}\n`);
  if (options.json) {
    for (const outcome of inOrder) await writeOut(`${JSON.stringify(outcomeJson(outcome))}\n`);
  }
  return interruption.code ?? (problem === undefined ? batchExitCode(inOrder) : exitCode.failed);
}

/** Writes what came of every row; gives what went wrong with that, since the captures are there all the same. */
async function writeResults(file: string, outcomes: readonly BatchOutcome[]): Promise<string | undefined> {
  try {
    await writeWhole(file, outcomesCsv(outcomes));
    return undefined;
  } catch (error) {
    return `cannot write ${file}: ${fileProblem(error)}`;
  }
}

async function fetchRow(
  client: NodeStenographerClient,
  row: RequestRow,
  file: string,
  options: BatchOptions & { originalServer: boolean },
  signal: AbortSignal,
): Promise<BatchOutcome> {
  const canceled: BatchOutcome = { row, verdict: "canceled", error: "interrupted before it was complete" };
  if (signal.aborted) return canceled;
  const { request } = row;
  try {
    if ("problem" in request) throw new UsageError(request.problem);
    if (options.originalServer) refuseForOriginal(options);
    if (row.filter !== "") checkFilter(row.filter, dialectOf(options, options.originalServer));
    const fetch = client.fetchPcap({
      filter: row.filter === "" ? undefined : row.filter,
      ...retrievalQuery(request, options),
      retryForMs: patienceMs,
      signal,
    });
    const result = await fetch.toFile(join(options.output, file), {
      overwrite: options.overwrite ?? false,
      manifest: options.manifest,
    });
    return { row, verdict: result.verdict, result, file };
  } catch (error) {
    if (error instanceof UsageError) {
      return { row, verdict: "bad-row", error: `line ${row.line}: ${error.message.trim()}` };
    }
    return signal.aborted ? canceled : { row, verdict: "failed", error: explainFailure(error).text };
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  } catch (cause) {
    throw new UsageError(`${file}: cannot read the requests: ${fileProblem(cause)}`, { cause });
  }
}
