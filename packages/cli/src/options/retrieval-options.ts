import type { Command } from "commander";
import { durationArgument, sizeArgument, wholeNumber } from "./arguments.js";
import type { ConnectionOptions } from "./connection-options.js";
import { type QueryOptions, withLanguage, withPacketOptions } from "./query-options.js";

/** The options of every command that fetches packets. */
export interface RetrievalOptions extends ConnectionOptions, QueryOptions {
  requireCoverage?: boolean;
  maxBytes?: number;
  maxPackets?: number;
  manifest?: boolean;
  overwrite?: boolean;
  quiet?: boolean;
  json?: boolean;
}

/** Adds how the filter is read, the limits, and how results are told. */
export function withRetrieval(command: Command): Command {
  return withPacketOptions(withLanguage(command))
    .option(
      "--require-coverage",
      "fail (1) where the sensor can't answer for the whole window, or does not know whether it can",
    )
    .option(
      "--max-bytes <SIZE>",
      "most bytes of pcap, such as 500MB or 2GiB (default: the server's limit)",
      sizeArgument,
    )
    .option("--max-packets <N>", "most packets (default: the server's limit)", wholeNumber(1))
    .option("--timeout <DURATION>", "longest a retrieval may take, such as 90s or 10m", durationArgument)
    .option(
      "--original-server",
      "the server is the original Python one, which sends no summary to check against",
    )
    .option(
      "--manifest",
      "write FILE.manifest.json beside each capture: what was asked, of whom, by whom, and what came of it",
    )
    .option("--overwrite", "replace files that exist, with their manifests")
    .option("-q, --quiet", "print problems only")
    .option("--json", "print the result as JSON on stdout");
}
