import { readFileSync } from "node:fs";
import { Command } from "commander";
import { auditCommand } from "./commands/audit.js";
import { batchCommand } from "./commands/batch.js";
import { certsCommand } from "./commands/certs.js";
import { checkCommand } from "./commands/check.js";
import { fetchCommand } from "./commands/fetch.js";
import { infoCommand } from "./commands/info.js";
import { serveCommand } from "./commands/serve.js";
import { unknownOptionsFirst } from "./commands/unknown-options-first.js";
import { verifyCommand } from "./commands/verify.js";

/**
 * The whole command line. What a command does is loaded when it runs: help and slips answer at once. `printHelp` is given what
 * is to go to stdout of help and version.
 */
export function createProgram(printHelp: (text: string) => void): Command {
  const program = new Command("stenogrpc")
    .description("Get packets off a sensor: serve them and fetch them over mutual TLS.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    // What stands behind a command is the command's, also where options have the same name (certs --days, certs issue --days).
    .enablePositionalOptions()
    .showHelpAfterError('(run with "--help" to see how)')
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ writeOut: printHelp })
    .exitOverride();
  const commands = [
    certsCommand(),
    serveCommand(),
    fetchCommand(),
    batchCommand(),
    infoCommand(),
    checkCommand(),
    verifyCommand(),
    auditCommand(),
  ];
  for (const command of commands) {
    inheritSettings(command, program);
    unknownOptionsFirst(command);
    program.addCommand(command);
  }
  return program.addHelpText(
    "after",
    `
Begin with:
  stenogrpc certs pki                         certificates for this machine and one client
  stenogrpc serve -c pki/server.yaml          serve this sensor's packets
  stenogrpc fetch -c pki/client.yaml --from 15m --to now 'host 10.0.0.5 and port 443'`,
  );
}

/** commander gives a program's settings only to commands that it makes itself. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const subcommand of command.commands) inheritSettings(subcommand, command);
}

function version(): string {
  // The manifest is one folder above, seen from src and from dist.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version; // our own manifest, npm refuses one without
}
