import { type OpenedClient, openClient } from "../ask/open-client.js";
import type { ConnectionOptions } from "../options/connection-options.js";
import type { RequestRow } from "./read-requests.js";

/** The servers that a batch's rows ask, one client each. */
export interface OpenedServers extends AsyncDisposable {
  /** Asks the server that a good row names, else that of the command line. */
  of(row: RequestRow): OpenedClient;
  /** Whether they are original ones, of which the settings speak for all. */
  readonly areOriginal: boolean;
}

/** Throws UsageError, also where a row names no server and nothing else does; connects to nothing yet. */
export async function openServers(
  options: ConnectionOptions,
  rows: readonly RequestRow[],
): Promise<OpenedServers> {
  const opened = new Map<string | undefined, OpenedClient>();
  const close = async (): Promise<void> => {
    await Promise.all([...opened.values()].map(({ client }) => client.close()));
  };
  try {
    for (const { options: said, request } of rows) {
      if ("problem" in request || opened.has(said.server)) continue;
      const server = said.server ?? options.server;
      opened.set(said.server, await openClient({ ...options, server }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    of({ options: said, row }) {
      const client = opened.get(said.server);
      if (client === undefined) throw new Error(`row ${row} has no client`);
      return client;
    },
    areOriginal: [...opened.values()].some(({ originalServer }) => originalServer),
    [Symbol.asyncDispose]: close,
  };
}
