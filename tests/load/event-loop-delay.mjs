// Preloaded into a server (`--import`): writes how late its event loop was to the file that EVENT_LOOP_DELAY names, at SIGUSR2.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 10;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
histogram.enable();
process.on("SIGUSR2", () => {
  // The histogram has whole intervals: what is beyond the wanted one is delay.
  const ms = (ns) => Math.max(0, ns / 1e6 - resolutionMs);
  const { mean, max } = histogram;
  const p99 = histogram.percentile(99);
  writeFileSync(
    process.env.EVENT_LOOP_DELAY,
    JSON.stringify({ meanMs: ms(mean), p99Ms: ms(p99), maxMs: ms(max) }),
  );
});
