import { setImmediate as eventLoop } from "node:timers/promises";
import type { Turns } from "@stenogrpc/pcap";

/** Turns in which the rest of the process works, until the signal aborts: the next one then ends the work, with the signal's reason. */
export function turnsUntil(signal: AbortSignal): Turns {
  return {
    now: () => performance.now(),
    async take() {
      await eventLoop();
      signal.throwIfAborted();
    },
  };
}
