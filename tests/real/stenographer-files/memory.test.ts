import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildDist } from "../support/script.js";

const MiB = 1024 * 1024;
const boundBytes = 150 * MiB;
const filesPerThread = 8;
const blocksPerFile = 4096;
const packetsPerBlock = 2;
const frameBytes = 60;
const frameOffset = 82;
const packetBytes = 144; // 82 + 60, aligned
const startSeconds = 1_700_000_000;
/** Seconds that a file lasts. */
const fileSeconds = 60;
/** When a file's block begins. */
const millisecondsAt = (block: number): number => Math.floor((block * fileSeconds * 1000) / blocksPerFile);
const lastMilliseconds = fileSeconds * (filesPerThread - 1) * 1000 + millisecondsAt(blocksPerFile - 1);

/** What users get, in a process of its own: prints what it read, and the peak of its memory. */
const script = `
import { readFileSync } from "node:fs";
import { StenographerStore } from "@stenogrpc/stenographer-files";
const store = new StenographerStore({ threads: JSON.parse(process.argv[1]) });
const result = { packets: [], losing: 0, gaps: [] };
for (let i = 0; i < 2; i++) {
  const window = { startNs: ${startSeconds}000000000n, endNs: ${startSeconds * 1000 + lastMilliseconds}000000n };
  const answer = await store.query({ window, signal: new AbortController().signal });
  let packets = 0;
  for await (const { count } of answer.batches) packets += count;
  result.packets.push(packets);
  result.losing += answer.damageCount.losing;
  result.gaps.push(...(await answer.coverage()).gaps.map(({ reason }) => reason));
}
const peak = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
console.log(JSON.stringify({ ...result, peak }));
`;

/** Writes files of 4 GiB that take little of the disk: each block has its header and a few packets, the rest is a hole. */
function writeSparseThread(folder: string, thread: number): object {
  const packetsDirectory = join(folder, `PKT${thread}`);
  const indexDirectory = join(folder, `IDX${thread}`);
  mkdirSync(packetsDirectory);
  mkdirSync(indexDirectory);
  const bytes = Buffer.alloc(48 + packetsPerBlock * packetBytes);
  for (let index = 0; index < filesPerThread; index++) {
    const created = startSeconds + index * fileSeconds;
    const file = openSync(join(packetsDirectory, `${created}000000`), "wx");
    ftruncateSync(file, blocksPerFile * MiB);
    for (let block = 0; block < blocksPerFile; block++) {
      const milliseconds = millisecondsAt(block);
      const seconds = created + Math.floor(milliseconds / 1000);
      const nanoseconds = (milliseconds % 1000) * 1e6;
      const header = [2, 48, 1, packetsPerBlock, 48, bytes.length, index * blocksPerFile + block + 1, 0];
      for (const [i, field] of [...header, seconds, nanoseconds, seconds, nanoseconds].entries())
        bytes.writeUInt32LE(field, 4 * i);
      for (let packet = 0; packet < packetsPerBlock; packet++) {
        const at = 48 + packet * packetBytes;
        for (const [i, field] of [packetBytes, seconds, nanoseconds, frameBytes, frameBytes, 1].entries())
          bytes.writeUInt32LE(field, at + 4 * i);
        bytes.writeUInt16LE(frameOffset, at + 24);
      }
      writeSync(file, bytes, 0, bytes.length, block * MiB);
    }
    closeSync(file);
  }
  return { packetsDirectory, indexDirectory };
}

it("takes bounded memory to read 64 GiB of two threads, twice", () => {
  buildDist();
  const folder = mkdtempSync(join(tmpdir(), "files-memory-"));
  try {
    const threads = [0, 1].map((thread) => writeSparseThread(folder, thread));
    expect((threads.length * filesPerThread * blocksPerFile) / 1024).toBe(64);
    const args = ["--input-type=module", "--eval", script, JSON.stringify(threads)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    const { peak, ...result } = JSON.parse(stdout) as { peak: number };
    const all = threads.length * filesPerThread * blocksPerFile * packetsPerBlock;
    process.stdout.write(`peak ${Math.round(peak / MiB)} MiB\n`);
    expect(result).toEqual({ packets: [all, all], losing: 0, gaps: [] });
    expect(peak).toBeLessThan(boundBytes);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
