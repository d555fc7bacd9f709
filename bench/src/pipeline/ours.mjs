// Plain JavaScript over the built packages, as the server runs them: node ours.mjs FILE STAGES [ROUNDS]
//
// STAGES is JSON: { filter, digested }. Without ROUNDS the file is read from disk and what passes is written to /dev/null, as
// `tcpdump -r FILE -w /dev/null FILTER` does. With ROUNDS it passes that often from memory, and each round's time is printed.
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import {
  chunkRuns,
  createTally,
  decodeCapture,
  limit,
  match,
  pipe,
  tally,
  timeWindow,
  verify,
} from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";

const readBytes = 1024 * 1024;
const [file, stages, rounds] = process.argv.slice(2);
const { filter, digested } = JSON.parse(stages);

/** The server's chain, in packages/server/src/fetch-pcap.ts. */
function pipeline({ header, batches }) {
  const totals = createTally();
  const matching =
    filter === undefined
      ? (all) => all
      : match(compileFilter(parseFilter(filter, { dialect: "pcap" }), header));
  const passing = pipe(
    batches,
    verify(),
    timeWindow({ startNs: 0n, endNs: 2n ** 62n }),
    matching,
    limit({ maxBytes: 2 ** 40, maxPackets: 2 ** 40 }),
    tally(totals),
    chunkRuns(header, 256 * 1024),
  );
  return { passing, totals, hash: digested ? createHash("sha256") : undefined };
}

async function* fileChunks(source) {
  const chunk = new Uint8Array(readBytes);
  for (;;) {
    const { bytesRead } = await source.read(chunk, 0, readBytes);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
  }
}

async function* memoryChunks(bytes) {
  for (let at = 0; at < bytes.length; at += readBytes) yield bytes.subarray(at, at + readBytes);
}

if (rounds === undefined) {
  const [source, sink] = [await open(file), await open("/dev/null", "w")];
  const { passing, hash } = pipeline(await decodeCapture(fileChunks(source)));
  for await (const { bytes } of passing) {
    hash?.update(bytes);
    await sink.write(bytes);
  }
  await Promise.all([source.close(), sink.close()]);
} else {
  const bytes = await readFile(file);
  const timesMs = [];
  let packets = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const startedAt = performance.now();
    const { passing, totals, hash } = pipeline(await decodeCapture(memoryChunks(bytes)));
    for await (const run of passing) hash?.update(run.bytes);
    timesMs.push(performance.now() - startedAt);
    packets = totals.packets;
  }
  console.log(JSON.stringify({ packets, timesMs }));
}
