// npm run bench                 every suite
// npm run bench -- stream       one
// npm run bench -- stream --quick --json
import { parseArgs } from "node:util";
import { benchFilter } from "./filter/suite.js";
import { benchLatency } from "./latency/suite.js";
import { benchMerge } from "./merge/suite.js";
import { benchPipeline } from "./pipeline/suite.js";
import { benchRtt } from "./rtt/suite.js";
import { benchStenographerFiles } from "./stenographer-files/suite.js";
import { benchLongStream, benchSlowReaders, benchStream, benchStreams } from "./stream/suite.js";

/** What a suite is told. */
export interface BenchOptions {
  /** Little data, one run: shows that it works, and no figure worth keeping. */
  readonly quick: boolean;
  /** Prints JSON instead of a table. */
  readonly json: boolean;
}

const suites: Record<string, (options: BenchOptions) => Promise<void>> = {
  stream: benchStream,
  "long-stream": benchLongStream,
  streams: benchStreams,
  "slow-readers": benchSlowReaders,
  rtt: benchRtt,
  latency: benchLatency,
  pipeline: benchPipeline,
  merge: benchMerge,
  filter: benchFilter,
  "stenographer-files": benchStenographerFiles,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const names = positionals.length > 0 ? positionals : Object.keys(suites);
const unknown = names.find((name) => suites[name] === undefined);
if (unknown !== undefined) {
  console.error(`no suite ${unknown}; there are: ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
for (const name of names) await suites[name]?.(values);
