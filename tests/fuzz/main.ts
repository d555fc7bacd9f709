// npm run fuzz:filter
// npm run fuzz:filter -- --runs 1000000 --seed 7 --minutes 30
// npm run fuzz:filter -- --seed 7 --from 4711 --runs 1      one text again
import { maxFilterLength, parseFilter } from "@stenogrpc/query";
import { campaignOptions, endCampaign, seedOfTheClock } from "../support/campaign.js";
import { checkFilter, clip } from "./check-filter.js";
import { type FuzzText, filterTexts } from "./filter-texts.js";

const { runs, seed, from, minutes } = campaignOptions({
  runs: 100_000,
  seed: seedOfTheClock(),
  from: 0,
  minutes: 60,
});
/** No text of an allowed length may take longer to read. */
const slowMs = 100;

console.log(`seed ${seed}, ${runs} texts from number ${from}, ${minutes} minutes at most`);
const textAt = filterTexts(seed);
const started = performance.now();
const seen = new Map<string, { accepted: number; refused: number; slowestMs: number; slowest: string }>();
let failures = 0;
let done = 0;
for (let index = from; index < from + runs && performance.now() - started < minutes * 60_000; index++) {
  const fuzz = textAt(index);
  done++;
  try {
    const { isAccepted, parseMs } = checkFilter(fuzz);
    const fastest = parseMs > slowMs ? Math.min(parseMs, leastProcessorMs(3, fuzz)) : parseMs;
    const counts = seen.get(fuzz.kind) ?? { accepted: 0, refused: 0, slowestMs: 0, slowest: "" };
    seen.set(fuzz.kind, counts);
    counts[isAccepted ? "accepted" : "refused"]++;
    if (fastest > counts.slowestMs) {
      counts.slowestMs = fastest;
      counts.slowest = `${fuzz.dialect} ${index} ${clip(fuzz.text).slice(0, 60)}`;
    }
    if (fastest > slowMs && fuzz.text.length <= maxFilterLength)
      throw new Error(`took ${fastest.toFixed(1)} ms at least`);
  } catch (problem) {
    failures++;
    const what = problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
    console.log(
      `FAILED ${fuzz.kind}, ${fuzz.dialect}, --seed ${seed} --from ${index} --runs 1: ${clip(fuzz.text)}\n${what}`,
    );
    if (failures >= 20) break;
  }
}
console.table(
  Object.fromEntries(
    [...seen].map(([kind, { slowestMs, ...rest }]) => [kind, { ...rest, slowestMs: slowestMs.toFixed(2) }]),
  ),
);
console.log(`${done} texts in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${seed}`);
endCampaign({ passed: done - failures, failed: failures });

/** Reading it again: garbage may have been collected, or another process have come between. */
function leastProcessorMs(times: number, { text, dialect }: FuzzText): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    try {
      parseFilter(text, { dialect });
    } catch {
      // How it ends is known.
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
