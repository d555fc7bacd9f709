// npm run fuzz:requests -- --runs 100000 --seed 7
// npm run fuzz:requests -- --seed 7 --from 4711 --runs 1      one request again
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { createRandom, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { settingsFor, startServing } from "../../faults/serve.js";
import { buildDist } from "../../real/support/script.js";
import { createWorkplace } from "../../real/support/sensor.js";
import { campaignOptions, endCampaign, seedOfTheClock } from "../../support/campaign.js";
import { createMemoryGauge } from "../../support/memory-gauge.js";
import { filterTexts } from "../filter-texts.js";
import { createAsker } from "./ask.js";
import { checkAnswer } from "./check-answer.js";
import { hostileRequest } from "./hostile-request.js";

const { runs, seed, from } = campaignOptions({ runs: 100_000, seed: seedOfTheClock(), from: 0 });
/** Requests under way at a time, each over a connection of its own; the server has a place for each. */
const atOnce = 16;
/** After so many, what the server has in use is its floor. */
const settledAfter = 5000;
/** V8 goes on compiling. Losing 100 bytes at each request would be more, in 100 000. */
const mostGrowthBytes = 10 * 1024 * 1024;
/** Until the gauge has looked once more. */
const gaugeMs = 6000;

buildDist();
const gauge = createMemoryGauge();
const workplace = await createWorkplace();
mkdirSync(workplace.path("captures"));
mkdirSync(workplace.path("tmp"));
await writeSyntheticTraffic(workplace.path("captures/few.pcap"), { packets: 50 });
const source = { kind: "directory", path: workplace.path("captures") };
writeFileSync(
  workplace.path("serve.yaml"),
  settingsFor(workplace.server, source, { workers: atOnce, limits: {}, log_level: "fatal" }),
);
const files = { log: workplace.path("serve.log"), temporary: workplace.path("tmp") };
const { port, pid, program } = await startServing(workplace.path("serve.yaml"), files, gauge.env);
const { ca, cert, key } = workplace.client;
const tls = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
const filterAt = filterTexts(seed);
const seen = new Map<string, number>();
const [startedAt, last] = [performance.now(), from + runs];
let [next, failures] = [from, 0];
let floor: number | undefined;

console.log(`seed ${seed}, ${runs} requests from number ${from}, ${atOnce} at a time`);
await Promise.all(Array.from({ length: atOnce }, askOneAfterAnother));
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
await pause(gaugeMs);
const inUse = gauge.inUse(pid);
if (!program.isRunning()) fail("server", "it has ended");
if (inUse === undefined || (runs > settledAfter && floor === undefined)) fail("memory", "was not measured");
else if (floor !== undefined && inUse > floor + mostGrowthBytes)
  fail("memory", `grew from ${floor} to ${inUse} bytes`);
process.kill(pid, "SIGTERM");
const code = await program.ended;
if (code !== 0) fail("server", `ended with ${code}: ${program.log().slice(-2000)}`);
console.table(
  Object.fromEntries([...seen].sort(([, a], [, b]) => b - a).map(([said, answers]) => [said, { answers }])),
);
console.log(
  `${runs} requests in ${seconds} s, seed ${seed}; ` +
    `${mebi(floor)} MiB in use after the first ${settledAfter}, ${mebi(inUse)} at the end`,
);
workplace.remove();
gauge.remove();
rmSync(files.log, { force: true });
endCampaign({ passed: [...seen.values()].reduce((sum, answers) => sum + answers, 0), failed: failures });

async function askOneAfterAnother(): Promise<void> {
  const asker = createAsker({ port, ...tls });
  for (let index = next++; index < last && failures < 20; index = next++) {
    if (index >= from + settledAfter) floor ??= gauge.inUse(pid);
    const hostile = hostileRequest(createRandom((seed * 0x9e3779b1 + index) | 0), filterAt);
    try {
      const said = checkAnswer(hostile, await asker.ask(hostile));
      seen.set(said, (seen.get(said) ?? 0) + 1);
    } catch (problem) {
      if (isRebuke(problem)) {
        seen.set("HTTP/2 ENHANCE_YOUR_CALM", (seen.get("HTTP/2 ENHANCE_YOUR_CALM") ?? 0) + 1);
        continue;
      }
      const { body, ...head } = hostile;
      fail(
        `--seed ${seed} --from ${index} --runs 1`,
        `${problem}\n${JSON.stringify(head).slice(0, 600)}\n${body.toString("hex").slice(0, 400)}`,
      );
    }
  }
  await asker.close();
}

/** What HTTP/2 says to a client of which it has had enough: RFC 9113, section 7. It is an answer, to this much garbage. */
function isRebuke(problem: unknown): boolean {
  return /ENHANCE_YOUR_CALM|Session closed with error code 11/.test(String(problem));
}

function fail(where: string, what: string): void {
  failures++;
  console.log(`FAILED ${where}: ${what}`);
}

function mebi(bytes: number | undefined): string {
  return bytes === undefined ? "unknown" : (bytes / 2 ** 20).toFixed(1);
}
