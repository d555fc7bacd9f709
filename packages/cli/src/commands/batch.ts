import { Command } from "commander";
import type { BatchOptions } from "../batch/fetch-batch.js";
import { nameArgument, wholeNumber } from "../options/arguments.js";
import { withConnection } from "../options/connection-options.js";
import { withRetrieval } from "../options/retrieval-options.js";

/** `stenogrpc batch`: one retrieval for each row of a CSV. */
export function batchCommand(): Command {
  const command = new Command("batch").description("fetch one capture for each row of a CSV of requests");
  withConnection(command)
    .requiredOption("-r, --requests <FILE>", 'CSV with epoch_start,epoch_end,bpf ("-": stdin)')
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
line may be missing. One that is there may name further columns: dialect (pcap, stenographer), any_vlan, restore_vlan,
nanoseconds, require_coverage (true, false), reason; an empty field leaves it to the command line.
Limits and --timeout hold for each row. A bad row is reported by its line and stops no other.
DIR gets one capture for each row, named by row and filter, and results.csv.

After an interruption or failed rows, the same with --resume keeps each row that DIR/results.csv calls complete,
no-packets or truncated by a limit, if the same was asked (filter, window, server, client and options) and the capture
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
