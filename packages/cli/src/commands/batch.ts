import { Command } from "commander";
import type { BatchOptions } from "../batch/fetch-batch.js";
import { nameArgument, wholeNumber } from "../options/arguments.js";
import { withConnection } from "../options/connection-options.js";
import { withRetrieval } from "../options/retrieval-options.js";

/** `stenogrpc batch`: one retrieval for each row of a CSV. */
export function batchCommand(): Command {
  const command = new Command("batch").description("fetch one capture for each row of a CSV of requests");
  withConnection(command)
    .requiredOption(
      "-r, --requests <FILE>",
      'CSV with epoch_start,epoch_end,bpf or from,to,filter ("-": stdin)',
    )
    .requiredOption(
      "-o, --output <DIR>",
      "folder for the captures and results.csv; made if missing",
      nameArgument,
    )
    .option("--resume", "run an earlier batch again, and fetch only the rows that are not done")
    .option("--concurrency <N>", "retrievals at once", wholeNumber(1, 256), 4);
  return withRetrieval(command)
    .addHelpText(
      "after",
      `
The CSV is the original's: whole seconds since 1970, both included, then the filter (empty: every packet); the header
line may be missing. One that is there names the columns, in any order:
  epoch_start, epoch_end   whole seconds since 1970, both included; or instead
  from, to                 times as fetch takes them: 2026-01-02T03:04:05Z, 15m, now; to is not included
  bpf, or filter           which packets; empty: every packet
  server, dialect, any_vlan, restore_vlan, nanoseconds, require_coverage, max_bytes, max_packets, timeout, reason
                           for the row, as the options of these names (true, false where those take nothing);
                           an empty field leaves it to the command line
All others, such as alert_id, are yours: results.csv has them behind its own. A name that is nearly one of the above is refused.
Limits and --timeout hold for each row. A bad row is reported by its line and stops no other.
DIR gets one capture for each row, named by row and filter, and results.csv, with the uid of each request in the server's log.

After an interruption or failed rows, the same with --resume keeps each row that DIR/results.csv calls complete,
no-packets or truncated by a limit, if the same was asked (filter, window, server, client, limits and options) and the capture
is there with that SHA-256. All other rows are fetched, and their files replaced.

Exit code: 0 every row complete or empty, 1 any failed, 2 usage or no row, 5 any incomplete, 4 any truncated (and none
failed), 130 Ctrl-C.

Examples:
  stenogrpc batch -c client.yaml -s sensor-1:8443 -r requests.csv -o case-4711
  stenogrpc batch -c client.yaml -r requests.csv -o case-4711 --concurrency 8 --max-bytes 500MB
  stenogrpc batch -c client.yaml -r requests.csv -o case-4711 --concurrency 8 --max-bytes 500MB --resume`,
    )
    .action(async (options: BatchOptions) => {
      const { fetchBatch } = await import("../batch/fetch-batch.js");
      process.exitCode = await fetchBatch(options);
    });
}
