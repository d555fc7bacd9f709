import type { RecordBatch } from "@stenogrpc/pcap";
import type { BlockHeader } from "./block-header.js";
import { type BlockProblem, BlockReader } from "./block-reader.js";
import { BlockReaders } from "./block-readers.js";
import type { TimeBounds } from "./block-records.js";
import { type FilePlan, planFiles, planOne, readsOf, type ThreadQuery } from "./file-plan.js";
import { unlessGone } from "./is-gone.js";
import { PacketFile } from "./packet-file.js";
import type { BlockJob } from "./read-plan.js";
import { finish, type PromiseOrValue, type Steps, wait } from "./steps.js";

/** Blocks read ahead of the reader. */
const readAhead = 2;
/** Single packets that are read before some are passed on; with what lies near them they mostly fill a block's memory. */
const packetsTogether = 256;

/** A block's wanted packets, or those of some, and the reader whose memory they lie in: to be given back. */
export interface ReadBlock {
  readonly batch: RecordBatch;
  readonly reader: BlockReader;
  /** What found no room in its memory. */
  readonly rest: readonly BlockJob[];
}

/** The packets of one thread's files, file by file in capture order, block by block. A batch lives until the next pull. */
export async function* threadAnswer(query: ThreadQuery): AsyncGenerator<RecordBatch, void, undefined> {
  const readers = new BlockReaders(() => new BlockReader(query), readAhead + 1);
  for await (const { batch, reader } of readThread(query, readers)) {
    yield batch;
    readers.give(reader);
  }
}

/** The same, in memory that lives until its reader is given back. */
export async function* readThread(
  query: ThreadQuery,
  readers: BlockReaders,
): AsyncGenerator<ReadBlock, void, undefined> {
  const { signal } = query;
  for await (const plan of planFiles(query)) {
    const answer = await finish(FileAnswer.open(plan, query));
    if (answer === undefined) continue;
    try {
      const jobs = answer.jobs();
      const ahead: PromiseOrValue<ReadBlock>[] = [];
      let next = jobs.next();
      const start = (reader: BlockReader, together: readonly BlockJob[]): void => {
        const read = finish(answer.read(reader, together));
        if (read instanceof Promise) read.catch(() => {}); // whoever awaits it is told
        ahead.push(read);
        next = jobs.next();
      };
      const readOn = (): void => {
        while (ahead.length < readAhead && next.done !== true) {
          const reader = readers.tryTake();
          if (reader === undefined) return;
          start(reader, next.value);
        }
      };
      while (next.done !== true || ahead.length > 0) {
        readOn();
        if (ahead.length === 0 && next.done !== true) start(await readers.take(signal), next.value);
        const block = await ahead.shift();
        if (block === undefined) break;
        signal.throwIfAborted();
        readOn();
        if (block.batch.count > 0) yield block;
        else readers.give(block.reader);
        if (block.rest.length > 0) ahead.unshift(finish(answer.read(await readers.take(signal), block.rest)));
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
  static *open(plan: FilePlan, query: ThreadQuery): Steps<FileAnswer | undefined> {
    const { signal } = query;
    const file = yield* unlessGone(wait(PacketFile.open(plan.stored.packetsPath, query.access)));
    // What is being written grows, and what it had stays.
    const isAsPlanned = plan.stored.isUnfinished || file?.version === plan.version;
    if (file === undefined || !isAsPlanned) {
      if (file !== undefined) yield* wait(file.close());
      signal.throwIfAborted();
      const again = yield* planOne(plan.listed, query); // renamed, deleted, or another one
      return again && (yield* FileAnswer.open(again, query));
    }
    // The signal closes first: a generator whose reader is gone is not resumed.
    const closeByAbort = (): void => void Promise.resolve(file.close()).catch(() => {});
    signal.addEventListener("abort", closeByAbort, { once: true });
    const stopListening = (): void => signal.removeEventListener("abort", closeByAbort);
    const answer = new FileAnswer(plan, file, stopListening);
    if (!signal.aborted) return answer;
    yield* wait(answer.close());
    throw signal.reason;
  }

  /** Blocks that are read together: those of which single packets are. */
  *jobs(): Generator<readonly BlockJob[], void> {
    const together: BlockJob[] = [];
    let packets = 0;
    for (const job of readsOf(this.plan, this.file)) {
      const own = job.inOnePiece || job.offsets === undefined ? packetsTogether : job.offsets.length;
      if (together.length > 0 && packets + own > packetsTogether) {
        yield together.splice(0);
        packets = 0;
      }
      together.push(job);
      packets += own;
    }
    if (together.length > 0) yield together;
  }

  *read(reader: BlockReader, jobs: readonly BlockJob[]): Steps<ReadBlock> {
    const chosen = jobs.flatMap(({ block, offsets, inOnePiece }) =>
      offsets ? [{ ...this.place(block), offsets, inOnePiece, problems: [] }] : [],
    );
    const [job] = jobs;
    if (job?.offsets === undefined) return yield* this.readWhole(reader, job);
    const { batch, blocks } = yield* reader.readSome(this.file, chosen);
    for (const { index, problems } of chosen.slice(0, blocks)) this.tell(index, problems);
    return { batch, reader, rest: jobs.slice(blocks) };
  }

  private *readWhole(reader: BlockReader, job: BlockJob | undefined): Steps<ReadBlock> {
    if (job === undefined) throw new TypeError("no block to read"); // jobs() gives none without
    const { index, header, bounds } = this.place(job.block);
    const problems: BlockProblem[] = [];
    const batch = yield* reader.readWhole(this.file, index, header, bounds, problems);
    this.tell(index, problems);
    if (problems.length > 0) this.plan.report.lost(index);
    return { batch, reader, rest: [] };
  }

  private tell(block: number, problems: readonly BlockProblem[]): void {
    for (const problem of problems) this.plan.report.damaged(block, problem);
  }

  private place(index: number): { index: number; header: BlockHeader; bounds: TimeBounds } {
    const { table } = this.plan;
    const header = table.blocks[index];
    if (typeof header !== "object") throw new TypeError(`block ${index} has no header`); // readsOf() left it out
    const { fromUs, toUs } = table.bounds(index);
    return {
      index,
      header,
      bounds: { fromSeconds: Math.floor(fromUs / 1e6), toSeconds: Math.floor(toUs / 1e6) },
    };
  }

  close(): PromiseOrValue<void> {
    this.stopListening();
    return this.file.close();
  }
}
