import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StenographerError } from "@stenogrpc/client/node";
import { Command } from "commander";
import { wholeNumber } from "../arguments.js";
import { atOnce } from "../at-once.js";
import {
  type BatchOutcome,
  batchExitCode,
  outcomeFields,
  outcomeLine,
  outcomesCsv,
  outcomesTable,
} from "../batch-outcome.js";
import { captureName } from "../capture-name.js";
import { checkFilter } from "../check-filter.js";
import { type ConnectionOptions, openClient, withConnection } from "../connection.js";
import { explainFailure } from "../explain-failure.js";
import { refuseExisting, writeWhole } from "../files.js";
import { listenForInterruption } from "../interruption.js";
import { type RequestRow, readRequests } from "../read-requests.js";
import { type RetrievalOptions, withRetrieval } from "../retrieval-options.js";
import { writeOut } from "../stdout.js";
import { UsageError } from "../usage-error.js";

interface BatchOptions extends ConnectionOptions, RetrievalOptions {
  requests: string;
  output: string;
  concurrency: number;
}

type Client = Awaited<ReturnType<typeof openClient>>["client"];

const resultsFile = "results.csv";
/** Times a row is asked again when the server says "later". */
const mostRetries = 60;

/** `stenogrpc batch`: one retrieval for each row of a CSV. */
export function batchCommand(): Command {
  const command = new Command("batch").description("fetch one capture for each row of a CSV of requests");
  withConnection(command)
    .requiredOption("-r, --requests <FILE>", 'CSV with epoch_start,epoch_end,bpf ("-": stdin)')
    .requiredOption("-o, --output <DIR>", "folder for the captures and results.csv; made if missing")
    .option("--concurrency <N>", "retrievals at once", wholeNumber(1, 256), 4);
  return withRetrieval(command)
    .addHelpText(
      "after",
      `
The CSV is the original's: whole seconds since 1970, both included, then the filter (empty: every packet); the header
line may be missing. Limits and --timeout hold for each row. A bad row is reported by its line and stops no other.
DIR gets one capture for each row, named by row and filter, and results.csv.

Exit code: 0 every row complete or empty, 1 any failed, 2 usage, 4 any truncated (and none failed), 130 Ctrl-C.

Examples:
  stenogrpc batch -c client.yaml -s sensor-1:8443 -r requests.csv -o case-4711
  stenogrpc batch -c client.yaml -r requests.csv -o case-4711 --concurrency 8 --max-bytes 500MB`,
    )
    .action(async (options: BatchOptions) => {
      process.exitCode = await batch(options);
    });
}

async function batch(options: BatchOptions): Promise<number> {
  const rows = readRequests(await readText(options.requests), options.requests);
  const files = new Map(rows.map((row) => [row, captureName(row.row, rows.length, row.filter)]));
  await mkdir(options.output, { recursive: true });
  if (!options.overwrite) {
    for (const file of [resultsFile, ...files.values()]) await refuseExisting(join(options.output, file));
  }
  const { client } = await openClient(options);
  await using _ = client;
  using interruption = listenForInterruption();

  const outcomes = new Map<RequestRow, BatchOutcome>();
  await atOnce(rows, options.concurrency, async (row) => {
    const file = files.get(row) ?? captureName(row.row, rows.length, row.filter);
    const outcome = await fetchRow(client, row, file, options, interruption.signal);
    outcomes.set(row, outcome);
    if (!options.quiet && outcome.verdict !== "canceled") process.stderr.write(`${outcomeLine(outcome)}\n`);
  });

  const inOrder = rows.flatMap((row) => outcomes.get(row) ?? []);
  await writeWhole(join(options.output, resultsFile), outcomesCsv(inOrder));
  if (!options.quiet) {
    process.stderr.write(`\n${outcomesTable(inOrder)}Captures and ${resultsFile} are in ${options.output}\n`);
  }
  if (options.json) {
    for (const outcome of inOrder) await writeOut(`${JSON.stringify(outcomeFields(outcome))}\n`);
  }
  return interruption.code ?? batchExitCode(inOrder);
}

async function fetchRow(
  client: Client,
  row: RequestRow,
  file: string,
  options: BatchOptions,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  const canceled: BatchOutcome = { row, verdict: "canceled", error: "interrupted before it was complete" };
  if (signal.aborted) return canceled;
  const { request } = row;
  try {
    if ("problem" in request) throw new UsageError(request.problem);
    if (row.filter !== "") checkFilter(row.filter);
    const result = await untilAdmitted(signal, () =>
      client
        .fetchPcap({
          from: request.startNs,
          to: request.endNs,
          filter: row.filter,
          maxBytes: options.maxBytes,
          maxPackets: options.maxPackets,
          signal,
        })
        .toFile(join(options.output, file)),
    );
    return { row, verdict: result.verdict, result, file };
  } catch (error) {
    if (error instanceof UsageError) {
      return { row, verdict: "bad-row", error: `line ${row.line}: ${error.message.trim()}` };
    }
    return signal.aborted ? canceled : { row, verdict: "failed", error: explainFailure(error).text };
  }
}

/** Asks again for as long as the server says when to: its places are shared with others, and a batch can wait. */
async function untilAdmitted<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const waitMs = error instanceof StenographerError && error.retryable ? error.retryAfterMs : undefined;
      if (waitMs === undefined || attempt >= mostRetries) throw error;
      await sleep(waitMs, undefined, { signal });
    }
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  } catch (cause) {
    throw new UsageError(
      `${file}: cannot read the requests: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
}
