import { execFile, execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { RecordBatch } from "@stenogrpc/pcap";
import { type FilterNode, parseFilter } from "@stenogrpc/query";
import {
  eventually,
  openFilesBelow,
  pcapOf,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { builtFile } from "../test-support/built-package.js";
import type { Damage } from "./damage.js";
import type { FilesQuery, Notices } from "./files-reader.js";
import { listThread, type StoredFile } from "./list-files.js";
import { LocalReader } from "./local-reader.js";
import { WorkerReader } from "./worker-reader.js";

const notices: Notices = { onDamage: () => {}, onLost: () => {}, onUnfinished: () => {}, onGone: () => {} };
let folder = "";
let folders = { packetsDirectory: "", indexDirectory: "" };
let files: readonly StoredFile[] = [];
let reader: WorkerReader;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "thread-"));
  folders = { packetsDirectory: join(folder, "PKT0"), indexDirectory: join(folder, "IDX0") };
  for (const path of Object.values(folders)) mkdirSync(path);
  const pcap = join(folder, "in.pcap");
  await writeSyntheticTraffic(pcap, { packets: 20_000, seed: 9, packetsPerSecond: 1000 });
  writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory, { secondsPerFile: 5 });
  files = (await listThread(folders)).finished;
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  reader = new WorkerReader(builtFile("reader-worker.js"));
});
afterEach(() => reader.close());

function query(filter?: FilterNode, of = files): FilesQuery {
  const form = { resolution: "nanoseconds", restoreVlanTags: false } as const;
  return { ...form, thread: 0, files: of, fromUs: 0, toUs: 1e16, filter, blockAgeUs: 10e6 };
}

async function countOf(batches: AsyncIterable<RecordBatch>): Promise<number> {
  let count = 0;
  for await (const batch of batches) count += batch.count;
  return count;
}

const forever = () => new AbortController().signal;

/** Runs a script of the built package in a process of its own. */
async function run(source: string, ...flags: string[]): Promise<string> {
  const index = builtFile("index.js");
  const whole = `
    import { StenographerStore } from ${JSON.stringify(index)};
    const threads = [${JSON.stringify(folders)}];
    const window = { startNs: 0n, endNs: 10n ** 19n };
    const count = async (store) => {
      let packets = 0;
      const answer = await store.query({ window, signal: new AbortController().signal });
      for await (const batch of answer.batches) packets += batch.count;
      return packets;
    };
    ${source}`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [...flags, "--input-type=module", "--eval", whole],
    { timeout: 30_000 },
  );
  expect(stderr).toBe("");
  return stdout;
}

describe("WorkerReader", () => {
  it("answers several questions at once, each with its own packets", async () => {
    const filters = [undefined, "tcp", "port 53", "icmp", "net 10.1.0.0/16", "udp"];
    const nodes = filters.map((text) => (text === undefined ? undefined : parseFilter(text)));
    const local = new LocalReader();
    const expected = await Promise.all(
      nodes.map((node) => countOf(local.packets(query(node), notices, forever()))),
    );
    expect(new Set(expected).size).toBeGreaterThan(3);
    const answers = nodes.map((node) => countOf(reader.packets(query(node), notices, forever())));
    expect(await Promise.all(answers)).toEqual(expected);
    expect(await reader.spans(files)).toEqual(await local.spans(files));
    expect(await reader.bytesOf(files)).toBe(await local.bytesOf(files));
  });

  it("goes on with others while one is read slowly", async () => {
    const slow = reader.packets(query(), notices, forever());
    await slow.next();
    const all = await countOf(reader.packets(query(), notices, forever()));
    expect(all).toBe(20_000);
    expect(await countOf(slow)).toBeLessThan(all);
  });

  it("gives the error of the system with its code", async () => {
    const [file] = files as [StoredFile];
    const broken = [{ ...file, packetsPath: folder }];
    const found = countOf(reader.packets(query(undefined, broken), notices, forever()));
    await expect(found).rejects.toMatchObject({ code: "EISDIR" });
    expect(await reader.spans(broken)).toEqual(["unreadable"]);
  });

  it("fails what is open when the thread ends, and starts another one for the next question", async () => {
    const open = reader.packets(query(), notices, forever());
    await open.next();
    await reader.close();
    await expect(countOf(open)).rejects.toThrow("the thread that reads files has ended");
    await eventually(() => expect(openFilesBelow(process.pid, folder)).toEqual([]));
    expect(await countOf(reader.packets(query(), notices, forever()))).toBe(20_000);
  });

  it("says why the thread could not begin", async () => {
    const broken = join(folder, "broken.mjs");
    writeFileSync(broken, 'throw new Error("no such thing");');
    const broke = new WorkerReader(pathToFileURL(broken));
    await expect(broke.spans(files)).rejects.toThrow("no such thing");
    await expect(countOf(broke.packets(query(), notices, forever()))).rejects.toThrow("no such thing");
  });

  it("rejects at once where the signal has aborted, and closes everything when it aborts between two pulls", async () => {
    const left = new AbortController();
    const open = reader.packets(query(), notices, left.signal);
    await open.next();
    left.abort(new Error("left"));
    await eventually(() => expect(openFilesBelow(process.pid, folder)).toEqual([]));
    await expect(open.next()).rejects.toThrow("left");
    await expect(reader.packets(query(), notices, left.signal).next()).rejects.toThrow("left");
  });

  it("has closed everything when its reader has left in the middle", async () => {
    for await (const _ of reader.packets(query(), notices, forever())) break;
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
  });

  it("tells what is found wrong in its turn, and goes no further while much is unheard", async () => {
    const [zeroed, last] = [join(folder, "zeroed"), join(folder, "last")];
    for (const path of [zeroed, last]) {
      writeFileSync(path, "");
      truncateSync(path, 512 * 1024 * 1024);
    }
    const [first] = files as [StoredFile];
    const broken = Array.from({ length: 20 }, (_, i) => ({
      ...{ name: `${i}`, createdUs: first.createdUs + i + 1, isUnfinished: false },
      ...{ packetsPath: i < 19 ? zeroed : last, indexPath: join(folder, "none") },
    }));
    const damage: Damage[] = [];
    const gone: string[] = [];
    const open = reader.packets(
      query(undefined, [first, ...broken]),
      {
        ...notices,
        onDamage: (found) => void damage.push(found),
        onGone: ({ name }) => void gone.push(name),
      },
      forever(),
    );
    await open.next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(damage).toEqual([]);
    rmSync(last); // it was not looked at yet
    await countOf(open);
    expect(damage.map(({ file }) => Number(file))).toEqual(
      Array.from({ length: 19 * 512 }, (_, i) => Math.floor(i / 512)),
    );
    expect(gone).toEqual(["19"]);
    // Whoever leaves does not wait until he has heard all.
    const left = reader.packets(query(undefined, [first, ...broken]), notices, forever());
    await left.next();
    await left.return();
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
    rmSync(zeroed);
  });

  it("goes on though packets of a damaged block lie within each other, and find no room together", async () => {
    const folders = { packetsDirectory: join(folder, "PKT1"), indexDirectory: join(folder, "IDX1") };
    for (const path of Object.values(folders)) mkdirSync(path);
    const [blocks, large, size] = [10, 8, 37_000];
    const packets = Array.from({ length: blocks * 20 }, (_, i) => {
      const data = new Uint8Array(i % 20 < large ? size : 60);
      data.set([0x08, 0x00, 0x45], 12);
      data[23] = i % 20 < large ? 17 : 6; // UDP, TCP
      return { timestampNs: BigInt(Math.floor(i / 20) * 10 + 1) * 1_000_000_000n + BigInt(i), data };
    });
    const pcap = join(folder, "nested.pcap");
    writeFileSync(pcap, pcapOf(packets));
    writeStenographerFiles(pcap, folders.packetsDirectory, folders.indexDirectory, {
      secondsPerFile: 1000,
      secondsPerBlock: 1,
    });
    const [file] = (await listThread(folders)).finished as [StoredFile];
    const bytes = readFileSync(file.packetsPath);
    for (let block = 0; block < blocks; block++) {
      for (let i = 0, at = block * 2 ** 20 + 48; i < large; i++) {
        const next = bytes.readUInt32LE(at);
        // Each reaches to the end of the last one.
        const length = size + (large - 1 - i) * next;
        bytes.writeUInt32LE(0, at);
        bytes.writeUInt32LE(length, at + 12);
        bytes.writeUInt32LE(length, at + 16);
        at += next;
      }
    }
    writeFileSync(file.packetsPath, bytes);
    const found = countOf(
      reader.packets(query(parseFilter("udp"), [file]), notices, AbortSignal.timeout(10_000)),
    );
    expect(await found).toBe(blocks * large);
  });

  it("is closed soon also while the thread waits for a disk", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const [file] = files as [StoredFile];
    const stuck = reader.spans([{ ...file, packetsPath: pipe }]);
    stuck.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    await reader.close();
    await expect(stuck).rejects.toThrow("the thread that reads files has ended");
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)); // whoever reads from it goes on
    rmSync(pipe);
  });

  it("leaves no listener on a signal that many questions share", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    const signal = forever();
    for (let i = 0; i < 20; i++) await countOf(reader.packets(query(parseFilter("icmp")), notices, signal));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });
});

describe("a store that is built", () => {
  it("reads in a thread, which keeps no process alive, closed or not", async () => {
    const source = `
      const store = new StenographerStore({ threads });
      console.log(await count(store), process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length);`;
    expect(await run(source)).toBe("20000 0\n");
    expect(await run(`${source} await store.close();`)).toBe("20000 0\n");
  });

  it("keeps no process alive that has begun to read and went away", async () => {
    const source = `
      const answer = await new StenographerStore({ threads }).query({ window, signal: new AbortController().signal });
      const batches = answer.batches[Symbol.asyncIterator]();
      console.log((await batches.next()).done);`;
    expect(await run(source)).toBe("false\n");
  });

  it("refuses what it is asked when it has been closed", async () => {
    const source = `
      const store = new StenographerStore({ threads });
      await count(store);
      await store.close();
      for (const ask of [() => count(store), () => store.extent(), () => store.estimate(window)]) {
        await ask().catch((error) => console.log(error.message));
      }`;
    expect(await run(source)).toBe("the store has been closed\n".repeat(3));
  });

  it("keeps the process alive while an answer is under way", async () => {
    expect(await run("count(new StenographerStore({ threads })).then(console.log);")).toBe("20000\n");
  });

  it("has its thread ended when nobody has it any more", async () => {
    const source = `
      import { readdirSync } from "node:fs";
      const running = () => readdirSync("/proc/self/task").length;
      await count(new StenographerStore({ threads }));
      const one = running();
      for (let i = 0; i < 10; i++) await count(new StenographerStore({ threads }));
      const all = running();
      for (let i = 0; i < 100 && running() > one; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      console.log(all - one, running() <= one);`;
    expect(await run(source, "--expose-gc")).toMatch(/^\d+ true\n$/);
  });

  it("reads in the thread that asks where it is told to", async () => {
    const source = `
      import { readdirSync } from "node:fs";
      const running = () => readdirSync("/proc/self/task").length;
      await count(new StenographerStore({ threads, readerThread: false }));
      const before = running();
      await count(new StenographerStore({ threads, readerThread: false }));
      const without = running();
      await count(new StenographerStore({ threads }));
      console.log(without - before, running() - without);`;
    expect(await run(source)).toBe("0 1\n");
  });

  it("reads in the thread that asks where the process may start none", async () => {
    const flag = process.allowedNodeEnvironmentFlags.has("--permission")
      ? "--permission"
      : "--experimental-permission";
    const source =
      'console.log(await count(new StenographerStore({ threads })), process.permission.has("worker"));';
    expect(await run(source, "--no-warnings", flag, "--allow-fs-read=*")).toBe("20000 false\n");
  });
});
