// npm run test:soak -- --minutes 30 --seed 7
import { createRandom } from "@stenogrpc/testkit";
import { attempt } from "../faults/attempt.js";
import { setScene } from "../faults/scene.js";
import type { Target } from "../faults/target.js";
import { buildDist } from "../real/support/script.js";
import { campaignOptions, endCampaign, seedOfTheClock } from "../support/campaign.js";
import { createMemoryGauge } from "../support/memory-gauge.js";
import { type Sample, slopePerHour } from "./slope.js";

const { minutes, seed } = campaignOptions({ minutes: 30, seed: seedOfTheClock() });
/** Clients that ask one thing after another. */
const clientCount = 4;
const sampleEveryMs = 5000;
/** What comes in the first part is the warming up: code that is compiled, caches that fill. */
const warmUpShare = 0.25;
/** V8 compiles and learns for an hour and longer. Losing 2 KiB at each fetch would be more. */
const steepestMiBPerHour = 8;

buildDist();
const gauge = createMemoryGauge();
// Longer than anybody is left without a processor.
const scene = await setScene({ env: gauge.env, limits: { idle_timeout: "20s" } });
const truth = scene.capture.first();
const targets = [scene.targets.directory, scene.targets["stenographer-files"], scene.targets.stenoread];
const said = new Map<string, number>();
const samples = new Map<Target, Sample[]>(targets.map((target) => [target, []]));
let [passed, failures] = [0, 0];
for (const target of targets) await target.recover(truth);
const startedAt = performance.now();
const endsAt = startedAt + minutes * 60_000;
const sampling = setInterval(() => void sampleAll(), sampleEveryMs);
console.log(`seed ${seed}, ${minutes} minutes, ${clientCount} clients`);
await Promise.all(Array.from({ length: clientCount }, (_, client) => askAndLeave(client)));
clearInterval(sampling);
for (const target of targets) await target.recover(truth);
const slopes = new Map(targets.map((target) => [target, slopeOf(target)]));
for (const { name, lastWords } of targets) for (const words of lastWords) fail(`${name} died: ${words}`);
for (const [target, slope] of slopes)
  if (slope > steepestMiBPerHour) fail(`${target.name} grows by ${slope} MiB an hour`);
console.table(
  Object.fromEntries(
    [...slopes].map(([target, slope]) => {
      const taken = warm(target);
      return [
        target.name,
        {
          "MiB in use after a quarter": taken[0]?.value.toFixed(1),
          "at the end": taken.at(-1)?.value.toFixed(1),
          "MiB an hour": slope.toFixed(1),
          "MiB resident at the end": mebi(target.memory.last).toFixed(0),
          peak: mebi(target.memory.peak).toFixed(0),
        },
      ];
    }),
  ),
);
console.log(
  `${Math.round((performance.now() - startedAt) / 1000)} s: ${[...said].map((each) => each.join(" ")).join(", ")}`,
);
await scene.close();
gauge.remove();
endCampaign({ passed, failed: failures });

/** Fetches, and leaves two times of three: by its signal, or by its loop. */
async function askAndLeave(number: number): Promise<void> {
  const random = createRandom(seed + number);
  while (performance.now() < endsAt) {
    const target = random.pick(targets);
    const client = await target.connect();
    const leaving = new AbortController();
    const how = random.pick(["stays", "aborts", "breaks"] as const);
    const result = await attempt(client, truth, {
      request: { signal: leaving.signal },
      momentBytes: random.between(0, scene.capture.bytes.length),
      onMoment: () => how === "aborts" && leaving.abort(),
      breaks: how === "breaks",
    });
    await client.close();
    const allowed = { stays: ["complete"], aborts: ["CANCELED", "complete"], breaks: ["LEFT", "complete"] }[
      how
    ];
    said.set(result.said, (said.get(result.said) ?? 0) + 1);
    if (!allowed.includes(result.said)) fail(`${target.name} ${how}: ${result.said}`);
    else if (result.said === "complete" && !result.isWhole)
      fail(`${target.name} ${how}: complete with ${result.pcapBytes} bytes`);
    else passed++;
  }
}

async function sampleAll(): Promise<void> {
  for (const [target, taken] of samples) {
    const { pid } = await target.serving();
    const bytes = gauge.inUse(pid);
    if (bytes !== undefined) taken.push({ atMs: performance.now(), value: mebi(bytes) });
  }
}

function warm(target: Target): Sample[] {
  const warmAt = startedAt + minutes * 60_000 * warmUpShare;
  return (samples.get(target) ?? []).filter(({ atMs }) => atMs >= warmAt);
}

function slopeOf(target: Target): number {
  const taken = warm(target);
  if (taken.length < 3) throw new Error(`${target.name} was measured ${taken.length} times`);
  return slopePerHour(taken);
}

function fail(what: string): void {
  failures++;
  console.log(`FAILED ${what}`);
}

function mebi(bytes: number): number {
  return bytes / 2 ** 20;
}
