import { Command } from "commander";
import type { CheckOptions } from "../ask/explain-filter.js";
import { durationArgument, nameArgument } from "../options/arguments.js";
import { withLanguage, withPacketOptions } from "../options/query-options.js";

/** `stenogrpc check FILTER`: what a filter means, what is asked for it and what it costs. */
export function checkCommand(): Command {
  const command = new Command("check")
    .description("explain a filter: how it is read, what an index is asked, what is matched packet by packet")
    .argument("<FILTER...>", "filter in the language that --dialect names, in quotes or not");
  return withPacketOptions(withLanguage(command))
    .option("--from <TIME>", "start of the window", "15m")
    .option("--to <TIME>", "end of the window, not included", "now")
    .option(
      "-c, --config <FILE>",
      "YAML with this client's certificates: has a server explain it, with the cost",
    )
    .option(
      "-s, --server <HOST:PORT>",
      "server to ask (default: `server` of the YAML; port 8443)",
      nameArgument,
    )
    .option("--timeout <DURATION>", "longest to wait for the server (default: 30s)", durationArgument)
    .option("--json", "print it as JSON on stdout")
    .addHelpText(
      "after",
      `
Without -c it contacts no server. With it, the server explains what it would do, and says how many files and bytes it
would read at most; no packet is read. A TIME is what it is to stenogrpc fetch.

Exit code: 0 a good filter, 1 the server could not be asked, 2 a bad filter (with a caret under the place).

Examples:
  stenogrpc check 'tcp[tcpflags] & tcp-syn != 0 and not port 22'
  stenogrpc check --dialect stenographer 'host 10.0.0.5 and port 443 or icmp'
  stenogrpc check -c client.yaml --from 1h --to now 'net 10.0.0.0/8 and dst port 443'`,
    )
    .action(async (words: string[], options: CheckOptions) => {
      const { explainFilter } = await import("../ask/explain-filter.js");
      process.exitCode = await explainFilter(words.join(" "), options);
    });
}
