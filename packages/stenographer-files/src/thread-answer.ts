import { open } from "node:fs/promises";
import type { RecordBatch } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import { type BlockProblem, BlockReader } from "./block-reader.js";
import type { RecordForm } from "./block-records.js";
import type { PacketSpan } from "./coverage.js";
import { type Damage, DamageError } from "./damage.js";
import { blockBytes } from "./format.js";
import { IndexFile } from "./index-file.js";
import { isGone } from "./is-gone.js";
import { finished, type StoredFile } from "./list-files.js";
import { type BlockTable, PacketFile } from "./packet-file.js";
import { all, type PositionSet } from "./position-set.js";
import { type BlockJob, planReads } from "./read-plan.js";
import { selectPositions } from "./select-positions.js";
import type { TableCache } from "./table-cache.js";

/** What an answer is made from. */
export interface ThreadQuery extends RecordForm {
  readonly thread: number;
  readonly files: readonly StoredFile[];
  /** Window, in microseconds, widened to whole ones. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly filter: FilterNode | undefined;
  readonly signal: AbortSignal;
  readonly tables: TableCache;
  /** The longest that a packet waits in its block, in microseconds: so long before its file's name it may lie. */
  readonly blockAgeUs: number;
  /** Takes what of a file is read that was listed as unfinished; undefined: no packets. */
  readonly onUnfinished: (file: StoredFile, packets: PacketSpan | undefined) => void;
  /** Takes what is found wrong. */
  readonly onDamage: (damage: Damage) => void;
  /** Takes the times between which packets are lost, in microseconds. */
  readonly onLost: (fromUs: number, toUs: number) => void;
  /** A file was deleted before it could be opened: it has aged out. */
  readonly onGone: (file: StoredFile) => void;
}
/** Blocks read ahead of the reader. */
const readAhead = 2;

/** The packets of one thread's files, file by file in capture order, block by block. */
export async function* threadAnswer(query: ThreadQuery): AsyncGenerator<RecordBatch, void, undefined> {
  const free = Array.from({ length: readAhead + 1 }, () => new BlockReader(query));
  for (const file of query.files) {
    query.signal.throwIfAborted();
    const answer = await FileAnswer.open(file, query);
    if (answer === undefined) continue;
    try {
      const jobs = answer.jobs();
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
    private readonly stored: StoredFile,
    private readonly query: ThreadQuery,
    private readonly file: PacketFile,
    private readonly table: BlockTable,
    private readonly wanted: readonly number[],
    private readonly set: PositionSet,
    private readonly stopListening: () => void,
  ) {}

  static async open(
    stored: StoredFile,
    query: ThreadQuery,
    listed = stored,
  ): Promise<FileAnswer | undefined> {
    const { signal } = query;
    const file = await PacketFile.open(stored.packetsPath).catch((error: unknown) => {
      if (!isGone(error)) throw error;
      return undefined;
    });
    if (file === undefined) {
      if (stored.isUnfinished) return FileAnswer.open(finished(stored), query, stored); // renamed since it was listed
      query.onGone(listed);
      return undefined;
    }
    // The signal closes first: a generator whose reader is gone is not resumed.
    const closeByAbort = (): void => void file.close().catch(() => {});
    signal.addEventListener("abort", closeByAbort, { once: true });
    const stopListening = (): void => signal.removeEventListener("abort", closeByAbort);
    try {
      signal.throwIfAborted();
      const table = await tableOf(file, stored, query.tables);
      if (listed.isUnfinished) {
        query.onUnfinished(listed, table.span(stored.isUnfinished ? firstUnfinished(table) : undefined));
      }
      const answer = await FileAnswer.plan(stored, query, file, table, stopListening);
      if (answer !== undefined) return answer;
    } catch (error) {
      stopListening();
      await file.close();
      signal.throwIfAborted();
      throw error;
    }
    stopListening();
    await file.close();
    return undefined;
  }

  private static async plan(
    stored: StoredFile,
    query: ThreadQuery,
    file: PacketFile,
    table: BlockTable,
    stopListening: () => void,
  ): Promise<FileAnswer | undefined> {
    const unfinishedFrom = stored.isUnfinished ? firstUnfinished(table) : table.blocks.length;
    const wanted: number[] = [];
    for (let block = 0; block < unfinishedFrom; block++) {
      const { fromUs, toUs } = table.bounds(block);
      if (fromUs < query.toUs && toUs >= query.fromUs) wanted.push(block);
    }
    let set = all;
    if (!stored.isUnfinished) set = await FileAnswer.readIndex(stored, query, file, table, wanted);
    if (wanted.length === 0) return undefined;
    return new FileAnswer(stored, query, file, table, wanted, set, stopListening);
  }

  /** What the index says; a damaged or missing one costs time, no packets: then the file is read whole. */
  private static async readIndex(
    stored: StoredFile,
    query: ThreadQuery,
    file: PacketFile,
    table: BlockTable,
    wanted: readonly number[],
  ): Promise<PositionSet> {
    const { thread, filter, restoreVlanTags } = query;
    const handle = await open(stored.indexPath, "r").catch((error: unknown) => {
      if (isGone(error)) return undefined;
      throw error;
    });
    // An index comes a little later than its packets.
    if (handle === undefined) return all;
    try {
      const index = await IndexFile.open(handle);
      const last = await index.lastPosition();
      if (last >= file.size) {
        const block = Math.floor(file.size / blockBytes);
        query.onDamage({
          part: "packets",
          thread,
          file: stored.name,
          block,
          offset: file.size,
          what: `the file ends at byte ${file.size}, its index names a packet at ${last}`,
          losesPackets: true,
        });
      }
      if (filter === undefined || wanted.length === 0) return all;
      return await selectPositions(index, filter, { packets: table.packets, restoreVlanTags });
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      const { what, offset } = error;
      query.onDamage({ part: "index", thread, file: stored.name, offset, what, losesPackets: false });
      return all;
    } finally {
      await handle.close();
    }
  }

  *jobs(): Generator<BlockJob, undefined> {
    for (const block of this.wanted) {
      const entry = this.table.blocks[block];
      if (typeof entry === "string") {
        this.report(block, { what: entry, offset: 0 });
        this.reportLost(block);
        continue;
      }
      const due = this.stored.isUnfinished ? undefined : this.table.dueSequence(block);
      if (due !== undefined && entry !== undefined && entry.sequence !== due) {
        this.report(block, { what: `block number ${entry.sequence} where ${due} is due`, offset: 24 });
        this.reportLost(block);
      }
    }
    for (const job of planReads(this.table, this.wanted, this.set)) {
      if (typeof this.table.blocks[job.block] === "object") yield job;
    }
    return undefined;
  }

  async read(reader: BlockReader, { block, offsets, inOnePiece }: BlockJob): Promise<RecordBatch> {
    const header = this.table.blocks[block];
    if (typeof header !== "object") throw new TypeError(`block ${block} has no header`); // jobs() left it out
    const { fromUs, toUs } = this.table.bounds(block);
    const bounds = { fromSeconds: Math.floor(fromUs / 1e6), toSeconds: Math.floor(toUs / 1e6) };
    const problems: BlockProblem[] = [];
    const batch =
      offsets === undefined
        ? await reader.readWhole(this.file, block, header, bounds, problems)
        : await reader.readSome(this.file, block, header, { offsets, inOnePiece }, bounds, problems);
    for (const problem of problems) this.report(block, problem);
    if (offsets === undefined && problems.length > 0) this.reportLost(block);
    return batch;
  }

  async close(): Promise<void> {
    this.stopListening();
    await this.file.close();
  }

  private reportLost(block: number): void {
    const { fromUs, toUs } = this.table.bounds(block);
    const { files, blockAgeUs, onLost } = this.query;
    const next = files.find(({ createdUs }) => createdUs > this.stored.createdUs);
    const startUs = this.stored.createdUs - blockAgeUs;
    onLost(Math.max(fromUs, startUs), Math.min(toUs, Math.max(next?.createdUs ?? toUs, fromUs)));
  }

  private report(block: number, { what, offset }: BlockProblem): void {
    this.query.onDamage({
      part: "packets",
      thread: this.query.thread,
      file: this.stored.name,
      block,
      offset: block * blockBytes + offset,
      what,
      losesPackets: true,
    });
  }
}

/** Where the finished blocks of a file that is being written end. The newest may be half written, so it does not count. */
export function firstUnfinished(table: BlockTable): number {
  const bad = table.blocks.findIndex((block) => typeof block === "string");
  return Math.max(0, (bad < 0 ? table.blocks.length : bad) - 1);
}

/** The block table of an open file, which is remembered if the file is finished. */
export async function tableOf(file: PacketFile, stored: StoredFile, tables: TableCache): Promise<BlockTable> {
  if (stored.isUnfinished) return file.readTable(false);
  const known = tables.get(file.version);
  if (known !== undefined) return known;
  const table = await file.readTable();
  tables.set(file.version, table);
  return table;
}
