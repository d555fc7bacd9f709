// npm run test:faults -- --runs 2000 --seed 7 --json report.json
// npm run test:faults -- --seed 7 --from 4711 --runs 1      one run again
// npm run test:faults -- --only stenoread                   scenarios whose name has this in it
import { readdirSync, writeFileSync } from "node:fs";
import { createRandom, eventually } from "@stenogrpc/testkit";
import { buildDist } from "../real/support/script.js";
import { campaignOptions, endCampaign, seedOfTheClock } from "../support/campaign.js";
import { renderReport, type ScenarioReport } from "./report.js";
import type { Scenario } from "./scenario.js";
import { clientScenarios } from "./scenarios/client.js";
import { clockScenarios } from "./scenarios/clock.js";
import { daemonScenarios } from "./scenarios/daemon.js";
import { diskScenarios } from "./scenarios/disk.js";
import { fileScenarios } from "./scenarios/files.js";
import { networkScenarios } from "./scenarios/network.js";
import { serverScenarios } from "./scenarios/server.js";
import { stenoreadScenarios } from "./scenarios/stenoread.js";
import { setScene } from "./scene.js";

const {
  runs: most,
  seed,
  from,
  minutes,
  only = "",
  json,
} = campaignOptions({ runs: 150, seed: seedOfTheClock(), from: 0, minutes: 60 }, ["only", "json"]);
const scenarios = [
  ...serverScenarios,
  ...clientScenarios,
  ...networkScenarios,
  ...stenoreadScenarios,
  ...daemonScenarios,
  ...fileScenarios,
  ...diskScenarios,
  ...clockScenarios,
].filter(({ name }) => name.includes(only));

console.log(`seed ${seed}, ${most} runs from number ${from}, ${scenarios.length} scenarios in turn`);
buildDist();
const scene = await setScene();
const truth = scene.capture.first();
const reports = Object.fromEntries(scenarios.map(({ name }) => [name, newReport()]));
const startedAt = performance.now();
let [runs, failed] = [0, 0];
await warmUp();
const filesAtRest = openFiles();
for (let number = from; number < from + most && performance.now() - startedAt < minutes * 60_000; number++) {
  runs++;
  const scenario = scenarios[number % scenarios.length] as Scenario; // there are some
  if (!(await runOnce(scenario, number))) failed++;
}
const report = {
  seed,
  runs,
  failed,
  seconds: Math.round((performance.now() - startedAt) / 1000),
  scenarios: reports,
  memory: Object.fromEntries(Object.values(scene.targets).map(({ name, memory }) => [name, memory])),
};
await scene.close();
if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
console.log(`\n${renderReport(report)}\n\n${report.seconds} s, seed ${seed}`);
endCampaign({ passed: runs - failed, failed });

/** Every server answers once, so that what comes after is measured against a floor. */
async function warmUp(): Promise<void> {
  const used = only === "" ? Object.values(scene.targets) : [scene.targets.directory];
  for (const target of used) await target.recover(truth);
}

async function runOnce(scenario: Scenario, number: number): Promise<boolean> {
  const report = reports[scenario.name] as ScenarioReport; // made for each
  report.runs++;
  const random = createRandom((seed * 0x9e3779b1 + number) | 0);
  try {
    const { target, attempt } = await scenario.run(scene, random);
    report.said[attempt.said] = (report.said[attempt.said] ?? 0) + 1;
    const isRight =
      scenario.mayClaim.includes(attempt.said) && (attempt.said !== "complete" || attempt.isWhole);
    if (!isRight)
      throw new Error(`said ${attempt.said}, ${attempt.isWhole ? "whole" : `${attempt.pcapBytes} bytes`}`);
    report.right++;
    try {
      const recoveryMs = await target.recover(truth);
      report.worstRecoveryMs = Math.max(report.worstRecoveryMs, recoveryMs);
      await eventually(() => openFiles() <= filesAtRest, {
        what: `the client's open files, ${openFiles()} of ${filesAtRest},`,
      });
    } catch (problem) {
      report.leaks++;
      throw problem;
    }
    return true;
  } catch (problem) {
    const what = problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
    console.log(`FAILED ${scenario.name}, --seed ${seed} --from ${number} --runs 1: ${what}`);
    return false;
  }
}

/** What the driver itself, where the clients and the bad network are, has open. */
function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

function newReport(): ScenarioReport {
  return { runs: 0, right: 0, said: {}, leaks: 0, worstRecoveryMs: 0 };
}
