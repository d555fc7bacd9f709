// npm run fuzz:captures -- --minutes 10 --seed 7
// npm run fuzz:captures -- --hex d4c3b2a1...                 one capture again
import { createRandom } from "@stenogrpc/testkit";
import { campaignOptions, endCampaign, seedOfTheClock } from "../../support/campaign.js";
import { startBlockCoverage } from "./block-coverage.js";
import { garbage, mutate, seedCaptures } from "./capture-bytes.js";
import { checkCapture } from "./check-capture.js";

const { runs, seed, minutes, hex } = campaignOptions(
  { runs: Number.POSITIVE_INFINITY, seed: seedOfTheClock(), minutes: 1 },
  ["hex"],
);
const random = createRandom(seed);
if (hex !== undefined) {
  console.log(checkCapture(Uint8Array.from(Buffer.from(hex, "hex")), random));
  process.exit();
}

/** Looking at the coverage costs as much as many captures: so once for many, and one by one only where that showed something. */
const looksEvery = 64;
const corpus = seedCaptures();
const coverage = startBlockCoverage("packages/pcap/src/");
const kinds = new Map<string, number>();
let [done, packets, failures, largestFactor] = [0, 0, 0, 0];
console.log(`seed ${seed}, ${corpus.length} captures to start from, ${minutes} minutes at most`);
for (const bytes of corpus) check(bytes);
const reached = new Set(coverage.take());

const started = performance.now();
while (done < runs && performance.now() - started < minutes * 60_000 && failures < 20) {
  const round = Array.from({ length: looksEvery }, () =>
    random.fraction() < 0.1 ? garbage(random) : mutate(random, corpus),
  );
  for (const bytes of round) check(bytes);
  const blocks = coverage.take();
  if (blocks.every((block) => reached.has(block))) continue;
  for (const bytes of round) {
    check(bytes);
    if (reachesMore(coverage.take())) corpus.push(bytes);
  }
  // What only another cutting into pieces reached is not reached again for ever.
  reachesMore(blocks);
}
coverage.close();
console.table(
  Object.fromEntries([...kinds].map(([kind, captures]) => [kind || "read to its end", { captures }])),
);
console.log(
  `${done} captures in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${seed}: ${packets} packets, ` +
    `${reached.size} blocks of code reached, corpus of ${corpus.length}; at most ${largestFactor.toFixed(1)} bytes allocated for one of input`,
);
endCampaign({ passed: done - failures, failed: failures });

function check(bytes: Uint8Array): void {
  done++;
  try {
    const verdict = checkCapture(bytes, random);
    packets += verdict.packets;
    kinds.set(verdict.problem, (kinds.get(verdict.problem) ?? 0) + 1);
    if (bytes.length >= 4096) largestFactor = Math.max(largestFactor, verdict.allocatedBytes / bytes.length);
  } catch (problem) {
    failures++;
    const what = problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
    console.log(`FAILED --hex ${Buffer.from(bytes).toString("hex")}\n${what}`);
  }
}

function reachesMore(blocks: readonly string[]): boolean {
  const before = reached.size;
  for (const block of blocks) reached.add(block);
  return reached.size > before;
}
