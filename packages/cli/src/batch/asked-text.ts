import { dialectOf } from "../ask/client-query.js";
import type { OpenedClient } from "../ask/open-client.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";

/**
 * What an answer depends on besides filter and window: whom was asked, as whom, and with which options. results.csv keeps it, so that
 * --resume keeps no answer to another question. Reason, timeout and concurrency change no packet.
 */
export function askedText(
  { server, identity, originalServer }: Omit<OpenedClient, "client">,
  options: RetrievalOptions,
): string {
  const { anyVlan, restoreVlan, nanoseconds, requireCoverage, maxBytes, maxPackets } = options;
  return [
    `server ${server}`,
    `client ${identity}`,
    originalServer && "original_server",
    `dialect ${dialectOf(options, originalServer)}`,
    anyVlan && "any_vlan",
    restoreVlan && "restore_vlan",
    nanoseconds && "nanoseconds",
    requireCoverage && "require_coverage",
    maxBytes !== undefined && `max_bytes ${maxBytes}`,
    maxPackets !== undefined && `max_packets ${maxPackets}`,
  ]
    .filter((part) => typeof part === "string")
    .join("; ");
}
