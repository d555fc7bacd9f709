/** A server with an audit log, named by its argument, until it is killed; prints as JSON what a client needs to reach it. */
import { pcapOf } from "@stenogrpc/testkit";
import { startTestSensor } from "../src/testing/index.js";
import { memorySource } from "../src/testing/memory-source.js";

const data = new Uint8Array(1400);
// More than the buffers on the way can hold.
const packets = Array.from({ length: 40_000 }, (_, i) => ({
  timestampNs: BigInt(1_700_000_000 + i) * 1_000_000_000n,
  data,
}));
const source = memorySource(pcapOf(packets));
const sensor = await startTestSensor({ source, audit: { file: process.argv[2] ?? "" } });
process.stdout.write(`${JSON.stringify(sensor.clientOptions)}\n`);
