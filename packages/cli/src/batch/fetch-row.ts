import { join } from "node:path";
import type { NodePcapFetch } from "@stenogrpc/client/node";
import { checkFilter } from "../ask/check-filter.js";
import { refuseForOriginal, retrievalQuery } from "../ask/client-query.js";
import { explainFailure } from "../ask/explain-failure.js";
import { UsageError } from "../usage-error.js";
import { type BatchOutcome, badRow } from "./batch-outcome.js";
import type { RowTask } from "./row-task.js";

/** Places on a server are shared with others, and a batch can wait. */
const patienceMs = 600_000;

/** Fetches one row's capture into the folder, and tells what came of it. */
export async function fetchRow(task: RowTask, signal: AbortSignal): Promise<BatchOutcome> {
  const { row, window, opened, folder, file, options, dialect, asked } = task;
  const { client, originalServer } = opened;
  const canceled: BatchOutcome = { row, verdict: "canceled", error: "interrupted before it was complete" };
  if (signal.aborted) return canceled;
  let fetch: NodePcapFetch | undefined;
  try {
    if (originalServer) refuseForOriginal(options);
    if (row.filter !== "") checkFilter(row.filter, dialect);
    fetch = client.fetchPcap({
      filter: row.filter === "" ? undefined : row.filter,
      ...retrievalQuery(window, options),
      timeoutMs: options.timeout,
      retryForMs: patienceMs,
      signal,
    });
    const result = await fetch.toFile(join(folder, file), {
      overwrite: options.overwrite ?? false,
      manifest: options.manifest,
    });
    return { row, verdict: result.verdict, result, file, asked, uid: result.uid };
  } catch (error) {
    if (error instanceof UsageError) return badRow(row, error.message);
    if (signal.aborted) return { ...canceled, uid: fetch?.uid };
    return { row, verdict: "failed", error: explainFailure(error).text, asked, uid: fetch?.uid };
  }
}
