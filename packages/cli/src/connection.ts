import { createStenographerClient } from "@stenogrpc/client/node";
import type { Command } from "commander";
import { clientSettings } from "./client-settings.js";
import { loadYaml } from "./load-yaml.js";
import { readIdentity } from "./read-identity.js";
import { serverAddress } from "./server-address.js";
import { UsageError } from "./usage-error.js";

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
    .option("-s, --server <HOST:PORT>", "server to ask (default: `server` of the YAML; port 8443)");
}

/** A client for the server that the options and their YAML name. Throws UsageError; connects to nothing yet. */
export async function openClient(options: ConnectionOptions) {
  const loaded = await loadYaml(options.config, clientSettings);
  const { settings } = loaded;
  const named = options.server ?? settings.server;
  if (named === undefined) {
    throw new UsageError(
      `which server? Give -s HOST:PORT, or write "server: HOST:PORT" in ${options.config}`,
    );
  }
  const server = serverAddress(named, settings.port);
  const { ca, cert, key } = await readIdentity(loaded);
  const client = createStenographerClient({
    server,
    // As bytes: the client takes text for paths.
    tls: {
      ca: Buffer.from(ca),
      cert: Buffer.from(cert),
      key: Buffer.from(key),
      serverName: settings.server_name,
    },
    timeoutMs: options.timeout ?? settings.timeout,
    originalServer: options.originalServer ?? settings.original_server,
  });
  return { client, server };
}
