import type { SourceDescription } from "../packet-source.js";
import type { StenographerConnection } from "./stenographer-connection.js";

/**
 * What the daemon knows of its packets.
 *
 * @throws SourceError where it can't be asked
 */
export async function describeDaemon(
  daemon: StenographerConnection,
  signal: AbortSignal,
): Promise<SourceDescription> {
  const stats = await daemon.get("/debug/stats", signal);
  const oldest = /^oldest_timestamp\t(\d+)$/m.exec(stats)?.[1];
  return oldest === undefined || oldest === "0" ? {} : { oldestPacketNs: BigInt(oldest) };
}
