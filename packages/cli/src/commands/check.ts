import { Command } from "commander";
import type { CheckOptions } from "../explain-filter.js";

/** `stenogrpc check FILTER`: what a filter means, without asking anyone. */
export function checkCommand(): Command {
  return new Command("check")
    .description("show how a filter is read and what goes to Stenographer for it; contacts no server")
    .argument("<FILTER>", "filter in Stenographer's language")
    .option("--from <TIME>", "start of an example window", "15m")
    .option("--to <TIME>", "end of the example window, not included", "now")
    .addHelpText(
      "after",
      `
Exit code: 0 a good filter, 2 a bad one (with a caret under the place).

Examples:
  stenogrpc check 'host 10.0.0.5 and port 443 or icmp'
  stenogrpc check 'net 10.0.0.0/8' --from 2026-01-02T03:00:00Z --to 2026-01-02T03:05:00Z`,
    )
    .action(async (filter: string, options: CheckOptions) => {
      const { explainFilter } = await import("../explain-filter.js");
      await explainFilter(filter, options);
    });
}
