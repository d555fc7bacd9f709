import type { Command } from "commander";
import { nameArgument } from "./arguments.js";

/** The options of every command that asks a server. */
export interface ConnectionOptions {
  config: string;
  server?: string;
  originalServer?: boolean;
  timeout?: number;
}

/** Adds `-c` and `-s`. */
export function withConnection(command: Command): Command {
  return command
    .requiredOption(
      "-c, --config <FILE>",
      "YAML with this client's certificates (stenogrpc certs writes one)",
    )
    .option(
      "-s, --server <HOST:PORT>",
      "server to ask (default: `server` of the YAML; port 8443)",
      nameArgument,
    );
}
