// Plain JavaScript over the built packages, as a user runs them: node ours.mjs FILE FILTER [ROUNDS]
//
// Without ROUNDS it does what `tcpdump -r FILE -w /dev/null FILTER` does. With ROUNDS it decodes and matches the file that
// often from memory, and prints how long each round took: the first ones compile, the later ones are the steady state.
import { open, readFile } from "node:fs/promises";
import { chunked, decodeCapture, match, pipe } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";

const chunkBytes = 1024 * 1024;
const [file, filter, rounds] = process.argv.slice(2);

function matcherFor({ linkType, byteOrder }) {
  return compileFilter(parseFilter(filter, { dialect: "pcap" }), { linkType, byteOrder });
}

async function* chunksOf(source) {
  const chunk = new Uint8Array(chunkBytes);
  for (;;) {
    const { bytesRead } = await source.read(chunk, 0, chunkBytes);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
  }
}

async function* pieces(bytes) {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

if (rounds === undefined) {
  const [source, sink] = [await open(file), await open("/dev/null", "w")];
  const capture = await decodeCapture(chunksOf(source));
  const selected = pipe(
    capture.batches,
    match(matcherFor(capture.header)),
    chunked(capture.header, 256 * 1024),
  );
  for await (const chunk of selected) await sink.write(chunk);
  await Promise.all([source.close(), sink.close()]);
} else {
  const bytes = await readFile(file);
  const timesMs = [];
  let matched = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const started = performance.now();
    matched = 0;
    const capture = await decodeCapture(pieces(bytes));
    for await (const batch of pipe(capture.batches, match(matcherFor(capture.header))))
      matched += batch.count;
    timesMs.push(performance.now() - started);
  }
  console.log(JSON.stringify({ matched, timesMs }));
}
