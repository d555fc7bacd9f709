import { parseOptions } from "@stenogrpc/options";
import { stenographerQuery } from "@stenogrpc/query";
import { decodeOutput } from "../decode-output.js";
import type { OpenSource, PacketSource, RetrievalPlan } from "../packet-source.js";
import type { StenographerConfig } from "../stenographer-config.js";
import { parseStenographerConfig, unreadableConfig } from "../stenographer-config.js";
import { DaemonAnswer } from "./daemon-answer.js";
import { describeDaemon } from "./describe-daemon.js";
import { connectStenographer } from "./stenographer-connection.js";
import type { StenographerOptions } from "./stenographer-options.js";
import { stenographerOptionsSchema } from "./stenographer-options.js";

/**
 * Packets from Stenographer's HTTPS interface, without bash, curl and tcpdump.
 *
 * The daemon's certificate is always verified: against its CA, and by name. stenokeys makes certificates with a CN and
 * no SAN, which Node refuses by default; they are accepted where the CN is the expected name.
 *
 * @throws OptionsError
 */
export function stenographerSource(options: StenographerOptions = {}): PacketSource {
  const parsed = parseOptions("stenographer source", stenographerOptionsSchema, options);
  const daemon = connectStenographer(parsed);

  return {
    kind: "stenographer",
    abilities: { index: true, nanoseconds: false },

    async open(plan: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
      const settings = await daemonConfig(signal);
      const query = stenographerQuery(plan.index, plan.window, settings);
      const answer = new DaemonAnswer({ daemon, settings, query, window: plan.window, signal });
      await answer.prepare(parsed.verify);
      const { header, batches, warnings } = await decodeOutput("Stenographer", daemon.query(query, signal));
      return { header, warnings, batches: answer.checked(batches), outcome: () => answer.outcome };
    },

    describe: (signal: AbortSignal) => describeDaemon(daemon, signal),

    close: async () => daemon.close(),
  };

  /** The daemon's own word on its flags: they decide how far a query must be widened. */
  async function daemonConfig(signal: AbortSignal): Promise<StenographerConfig> {
    const json = await daemon.get("/debug/config", signal);
    try {
      return parseStenographerConfig(json);
    } catch (error) {
      throw unreadableConfig(error);
    }
  }
}
