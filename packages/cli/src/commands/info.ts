import { Command } from "commander";
import type { InfoOptions } from "../ask/describe-sensor.js";
import { durationArgument } from "../options/arguments.js";
import { withConnection } from "../options/connection-options.js";

/** `stenogrpc info`: what a sensor is and which limits it has. */
export function infoCommand(): Command {
  return withConnection(
    new Command("info").description("describe a sensor: its source, limits, and the time it covers"),
  )
    .option("--timeout <DURATION>", "longest to wait (default: 30s)", durationArgument)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Examples:
  stenogrpc info -c client.yaml -s sensor-1:8443
  stenogrpc info -c client.yaml --json | jq .oldestPacket`,
    )
    .action(async (options: InfoOptions) => {
      const { describeSensor } = await import("../ask/describe-sensor.js");
      process.exitCode = await describeSensor(options);
    });
}
