import { X509Certificate } from "node:crypto";
import {
  createStenographerClient,
  type NodeStenographerClient,
  StenographerError,
} from "@stenogrpc/client/node";
import { OptionsError } from "@stenogrpc/options";
import type { ConnectionOptions } from "../options/connection-options.js";
import { clientSettings } from "../settings/client-settings.js";
import { loadYaml } from "../settings/load-yaml.js";
import { readIdentity } from "../settings/read-identity.js";
import { settingsError } from "../settings/settings-error.js";
import { UsageError } from "../usage-error.js";

/** A client, and what it was made for. */
export interface OpenedClient {
  readonly client: NodeStenographerClient;
  /** The server, as the user named it. */
  readonly server: string;
  /** The names in the client's certificate. */
  readonly identity: string;
  readonly originalServer: boolean;
}

/** A client for the server that the options and their YAML name. Throws UsageError; connects to nothing yet. */
export async function openClient(options: ConnectionOptions): Promise<OpenedClient> {
  const loaded = await loadYaml(options.config, clientSettings);
  const { settings } = loaded;
  const server = options.server ?? settings.server;
  if (server === undefined) {
    throw new UsageError(
      `which server? Give -s HOST:PORT, or write "server: HOST:PORT" in ${options.config}`,
    );
  }
  const originalServer = options.originalServer ?? settings.original_server ?? false;
  const { ca, cert, key } = await readIdentity(loaded);
  try {
    const client = createStenographerClient({
      server,
      tls: { ca, cert, key, serverName: settings.server_name },
      timeoutMs: options.timeout ?? settings.timeout,
      originalServer,
    });
    return { client, server, identity: namesIn(cert), originalServer };
  } catch (error) {
    if (!(error instanceof StenographerError)) throw error;
    if (error.cause instanceof OptionsError) throw settingsError(loaded, error.cause);
    throw new UsageError(error.message, { cause: error });
  }
}

function namesIn(certificate: string): string {
  const { subject, subjectAltName } = new X509Certificate(certificate);
  return [...(subject ?? "").split("\n"), subjectAltName].filter(Boolean).join(", ");
}
