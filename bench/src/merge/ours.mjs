// Plain JavaScript over the built packages, as the server merges a directory: node ours.mjs FILE...
//
// Writes the merged capture to /dev/null, as `mergecap -w /dev/null FILE...` does.
import { open } from "node:fs/promises";
import { chunkRuns, decodeCapture, mergeByTime, pipe } from "@stenogrpc/pcap";

const readBytes = 256 * 1024;

async function* chunksOf(path) {
  const file = await open(path);
  const chunk = new Uint8Array(readBytes);
  try {
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, readBytes);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const files = process.argv.slice(2);
const header = { byteOrder: "little", resolution: "microseconds", snaplen: 65_535, linkType: 1 };
const inputs = files.map((file) => ({ open: () => decodeCapture(chunksOf(file)) }));
const sink = await open("/dev/null", "w");
const merged = pipe(mergeByTime(header, inputs), chunkRuns(header, 256 * 1024));
for await (const { bytes } of merged) await sink.write(bytes);
await sink.close();
