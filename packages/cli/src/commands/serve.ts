import { Command, Option } from "commander";
import type { ServeOptions } from "../serve/serve-packets.js";

/** `stenogrpc serve`: serves a sensor's packets until it is told to stop. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("serve this sensor's packets over mutual TLS")
    .requiredOption(
      "-c, --config <FILE>",
      "YAML with certificates, port, source and limits (stenogrpc certs writes one)",
    )
    .addOption(
      new Option("--log <FORM>", "form of the log on stderr").choices(["pretty", "json"]).default("json"),
    )
    .addHelpText(
      "after",
      `
Prints one line on stdout when it listens. Ctrl-C or SIGTERM lets retrievals under way end; a second one does not wait.
Certificates, key, crl and denylist are read again when their files change, and at SIGHUP; connections and retrievals go
on. What does not fit together changes nothing, and the log says why.
YAML of the original Python server works unchanged; the README lists every key.

Examples:
  stenogrpc serve -c server.yaml
  stenogrpc serve -c server.yaml --log pretty`,
    )
    .action(async (options: ServeOptions) => {
      const { servePackets } = await import("../serve/serve-packets.js");
      process.exitCode = await servePackets(options);
    });
}
