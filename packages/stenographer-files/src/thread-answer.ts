import type { RecordBatch } from "@stenogrpc/pcap";
import { type BlockProblem, BlockReader } from "./block-reader.js";
import { type FilePlan, planFiles, planOne, readsOf, type ThreadQuery } from "./file-plan.js";
import { undefinedIfGone } from "./is-gone.js";
import { PacketFile } from "./packet-file.js";
import type { BlockJob } from "./read-plan.js";

/** Blocks read ahead of the reader. */
const readAhead = 2;

/** The packets of one thread's files, file by file in capture order, block by block. */
export async function* threadAnswer(query: ThreadQuery): AsyncGenerator<RecordBatch, void, undefined> {
  const free = Array.from({ length: readAhead + 1 }, () => new BlockReader(query));
  for await (const plan of planFiles(query)) {
    const answer = await FileAnswer.open(plan, query);
    if (answer === undefined) continue;
    try {
      const jobs = readsOf(answer.plan);
      const ahead: { reader: BlockReader; batch: Promise<RecordBatch> }[] = [];
      const startNext = (): void => {
        const reader = free.at(-1);
        const next = reader === undefined ? undefined : jobs.next();
        if (reader === undefined || next === undefined || next.done === true) return;
        free.pop();
        const batch = answer.read(reader, next.value);
        batch.catch(() => {}); // whoever awaits it is told
        ahead.push({ reader, batch });
      };
      for (let i = 0; i < readAhead; i++) startNext();
      for (let job = ahead.shift(); job !== undefined; job = ahead.shift()) {
        const batch = await job.batch;
        query.signal.throwIfAborted();
        startNext();
        if (batch.count > 0) yield batch;
        free.push(job.reader);
        if (ahead.length < readAhead) startNext();
      }
    } finally {
      await answer.close();
    }
  }
}

/** One file of an answer. */
class FileAnswer {
  private constructor(
    readonly plan: FilePlan,
    private readonly file: PacketFile,
    private readonly stopListening: () => void,
  ) {}

  /** Opens a file. Undefined: it has no wanted packets, or is gone. */
  static async open(plan: FilePlan, query: ThreadQuery): Promise<FileAnswer | undefined> {
    const { signal } = query;
    const file = await PacketFile.open(plan.stored.packetsPath).catch(undefinedIfGone);
    // What is being written grows, and what it had stays.
    const isAsPlanned = plan.stored.isUnfinished || file?.version === plan.version;
    if (file === undefined || !isAsPlanned) {
      await file?.close();
      signal.throwIfAborted();
      const again = await planOne(plan.listed, query); // renamed, deleted, or another one
      return again && FileAnswer.open(again, query);
    }
    // The signal closes first: a generator whose reader is gone is not resumed.
    const closeByAbort = (): void => void file.close().catch(() => {});
    signal.addEventListener("abort", closeByAbort, { once: true });
    const stopListening = (): void => signal.removeEventListener("abort", closeByAbort);
    const answer = new FileAnswer(plan, file, stopListening);
    if (!signal.aborted) return answer;
    await answer.close();
    throw signal.reason;
  }

  async read(reader: BlockReader, { block, offsets, inOnePiece }: BlockJob): Promise<RecordBatch> {
    const { table, report } = this.plan;
    const header = table.blocks[block];
    if (typeof header !== "object") throw new TypeError(`block ${block} has no header`); // readsOf() left it out
    const { fromUs, toUs } = table.bounds(block);
    const bounds = { fromSeconds: Math.floor(fromUs / 1e6), toSeconds: Math.floor(toUs / 1e6) };
    const problems: BlockProblem[] = [];
    const batch =
      offsets === undefined
        ? await reader.readWhole(this.file, block, header, bounds, problems)
        : await reader.readSome(this.file, block, header, { offsets, inOnePiece }, bounds, problems);
    for (const problem of problems) report.damaged(block, problem);
    if (offsets === undefined && problems.length > 0) report.lost(block);
    return batch;
  }

  async close(): Promise<void> {
    this.stopListening();
    await this.file.close();
  }
}
