/** A server with an audit log, named by its argument, until it is killed; prints as JSON what a client needs to reach it. */
import { PcapWriter } from "@stenogrpc/pcap";
import { startTestSensor } from "../src/testing/index.js";
import { memorySource } from "../src/testing/memory-source.js";

const writer = new PcapWriter({
  byteOrder: "little",
  resolution: "microseconds",
  snaplen: 65535,
  linkType: 1,
});
const data = new Uint8Array(1400);
// More than the buffers on the way can hold.
const records = Array.from({ length: 40_000 }, (_, i) =>
  writer.record({ timestampNs: BigInt(1_700_000_000 + i) * 1_000_000_000n, data }),
);
const source = memorySource(Buffer.concat([writer.header(), ...records]));
const sensor = await startTestSensor({ source, audit: { file: process.argv[2] ?? "" } });
process.stdout.write(`${JSON.stringify(sensor.clientOptions)}\n`);
