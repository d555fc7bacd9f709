import type { QueryExplanation } from "@stenogrpc/client/node";
import { listenForInterruption } from "../io/interruption.js";
import type { ConnectionOptions } from "../options/connection-options.js";
import { clientQuery, dialectOf, type QueryOptions, refuseForOriginal } from "../options/query-options.js";
import { checkFilter } from "./check-filter.js";
import { explainFailure } from "./explain-failure.js";
import { openClient } from "./open-client.js";

const defaultTimeoutMs = 30_000;

/** Has a server explain what it would do for a filter; where that fails says why, and gives the exit code. Throws UsageError. */
export async function askForExplanation(
  filter: string,
  window: { startNs: bigint; endNs: bigint },
  options: ConnectionOptions & QueryOptions,
): Promise<QueryExplanation | number> {
  const timeout = options.timeout ?? defaultTimeoutMs;
  const { client, originalServer } = await openClient({ ...options, timeout });
  await using _ = client;
  if (originalServer) refuseForOriginal(options);
  checkFilter(filter, dialectOf(options, originalServer));
  using interruption = listenForInterruption();
  try {
    return await client.explain({
      filter,
      ...clientQuery(window, options),
      signal: interruption.signal,
    });
  } catch (error) {
    if (interruption.code !== undefined) return interruption.code;
    const failure = explainFailure(error);
    process.stderr.write(`stenogrpc: ${failure.text}\n`);
    return failure.exitCode;
  }
}
