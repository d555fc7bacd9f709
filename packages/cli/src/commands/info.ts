import { Command } from "commander";
import { durationArgument } from "../arguments.js";
import { withConnection } from "../connection-options.js";
import type { InfoOptions } from "../describe-sensor.js";

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
      const { describeSensor } = await import("../describe-sensor.js");
      process.exitCode = await describeSensor(options);
    });
}
