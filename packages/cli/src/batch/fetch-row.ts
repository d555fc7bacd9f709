import { join } from "node:path";
import { checkFilter } from "../ask/check-filter.js";
import { refuseForOriginal, retrievalQuery } from "../ask/client-query.js";
import { explainFailure } from "../ask/explain-failure.js";
import type { OpenedClient } from "../ask/open-client.js";
import { UsageError } from "../usage-error.js";
import type { BatchOutcome } from "./batch-outcome.js";
import type { RowTask } from "./row-task.js";

/** Places on a server are shared with others, and a batch can wait. */
const patienceMs = 600_000;

/** Fetches one row's capture into the folder, and tells what came of it. */
export async function fetchRow(
  { client, originalServer }: OpenedClient,
  { row, folder, file, options, dialect, asked }: RowTask,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  const canceled: BatchOutcome = { row, verdict: "canceled", error: "interrupted before it was complete" };
  if (signal.aborted) return canceled;
  const { request } = row;
  try {
    if ("problem" in request) throw new UsageError(request.problem);
    if (originalServer) refuseForOriginal(options);
    if (row.filter !== "") checkFilter(row.filter, dialect);
    const fetch = client.fetchPcap({
      filter: row.filter === "" ? undefined : row.filter,
      ...retrievalQuery(request, options),
      retryForMs: patienceMs,
      signal,
    });
    const result = await fetch.toFile(join(folder, file), {
      overwrite: options.overwrite ?? false,
      manifest: options.manifest,
    });
    return { row, verdict: result.verdict, result, file, asked };
  } catch (error) {
    if (error instanceof UsageError) {
      return { row, verdict: "bad-row", error: `line ${row.line}: ${error.message.trim()}` };
    }
    return signal.aborted ? canceled : { row, verdict: "failed", error: explainFailure(error).text, asked };
  }
}
