import { type Damage, DamageError } from "./damage.js";
import type { FileAccess } from "./file-access.js";
import { FileReport } from "./file-report.js";
import type { FilesQuery, Notices } from "./files-reader.js";
import { blockBytes } from "./format.js";
import { unlessGone } from "./is-gone.js";
import { finished, type StoredFile } from "./list-files.js";
import type { BlockTable, PacketFile } from "./packet-file.js";
import { all, type PositionSet } from "./position-set.js";
import { type BlockJob, planReads } from "./read-plan.js";
import { selectPositions } from "./select-positions.js";
import { finish, type PromiseOrValue, type Steps, wait } from "./steps.js";
import type { KnownFile, TableCache } from "./table-cache.js";

/** What an answer is made from. */
export interface ThreadQuery extends FilesQuery, Notices {
  readonly signal: AbortSignal;
  readonly tables: TableCache;
  readonly access: FileAccess;
  /** Waits until what was told has been heard, if that is much. */
  readonly heard?: () => PromiseOrValue<void>;
}

/** What is to be read of a file. It holds no file open. */
export interface FilePlan {
  readonly listed: StoredFile;
  /** The same, or as it was found: finished since. */
  readonly stored: StoredFile;
  readonly version: string;
  readonly table: BlockTable;
  /** Blocks whose times touch the window. */
  readonly wanted: readonly number[];
  /** What the index says. */
  readonly set: PositionSet;
  readonly report: FileReport;
}

/** Files whose indexes are looked up while one is read: over many files with few hits that is all there is to do. */
const planAhead = 3;

/** Plans of the files that may have wanted packets, in order. What is found on the way is told when it is a file's turn. */
export async function* planFiles(query: ThreadQuery): AsyncGenerator<FilePlan, void, undefined> {
  const ahead: PromiseOrValue<Planned>[] = [];
  try {
    for (const [i] of query.files.entries()) {
      for (const file of query.files.slice(i + ahead.length, i + 1 + planAhead)) {
        const planned = finish(plan(file, query));
        if (planned instanceof Promise) planned.catch(() => {}); // whoever awaits it is told
        ahead.push(planned);
      }
      const { found, tell } = (await ahead.shift()) as Planned; // it has at least this file's
      query.signal.throwIfAborted();
      tell();
      await query.heard?.();
      if (found !== undefined) yield found;
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** Plans a file whose turn it is. */
export function* planOne(file: StoredFile, query: ThreadQuery): Steps<FilePlan | undefined> {
  const { found, tell } = yield* plan(file, query);
  tell();
  return found;
}

interface Planned {
  /** Undefined: there is nothing to read. */
  readonly found: FilePlan | undefined;
  /** Passes on what was found. */
  tell(): void;
}

function* plan(listed: StoredFile, query: ThreadQuery): Steps<Planned> {
  const notices: (() => void)[] = [];
  const tell = (): void => {
    for (const notice of notices) notice();
  };
  let stored = listed;
  let file = yield* unlessGone(query.tables.read(stored));
  if (file === undefined && stored.isUnfinished) {
    stored = finished(stored); // renamed since it was listed
    file = yield* unlessGone(query.tables.read(stored));
  }
  if (file === undefined) {
    notices.push(() => query.onGone(listed));
    return { found: undefined, tell };
  }
  const { version, table } = file;
  const readable = stored.isUnfinished ? firstUnfinished(table) : table.blocks.length;
  if (listed.isUnfinished) {
    const span = table.span(stored.isUnfinished ? readable : undefined);
    notices.push(() => query.onUnfinished(listed, span));
  }
  const wanted: number[] = [];
  for (let block = 0; block < readable; block++) {
    const { fromUs, toUs } = table.bounds(block);
    if (fromUs < query.toUs && toUs >= query.fromUs) wanted.push(block);
  }
  const onDamage = (damage: Damage): void => void notices.push(() => query.onDamage(damage));
  const isWanted = wanted.length > 0;
  const set = stored.isUnfinished ? all : yield* readIndex(stored, file, isWanted, { ...query, onDamage });
  const report = new FileReport(stored, table, query);
  notices.push(() => report.headers(wanted));
  const found = { listed, stored, version, table, wanted, set, report };
  return { found: readsOf(found).next().done === true ? undefined : found, tell };
}

/** Which blocks of a file to read, and what of them. */
export function* readsOf({ table, wanted, set }: FilePlan, file?: PacketFile): Generator<BlockJob, void> {
  for (const job of planReads(table, wanted, set, file))
    if (typeof table.blocks[job.block] === "object") yield job;
}

/** What the index says; a damaged or missing one costs time, no packets: then the file is read whole. */
function* readIndex(
  stored: StoredFile,
  { size, table }: KnownFile,
  isWanted: boolean,
  { thread, filter, restoreVlanTags, tables, access, onDamage }: ThreadQuery,
): Steps<PositionSet> {
  const handle = yield* unlessGone(wait(access.open(stored.indexPath)));
  // An index comes a little later than its packets.
  if (handle === undefined) return all;
  try {
    const index = yield* tables.openIndex(handle);
    const last = yield* wait(index.lastPosition());
    if (last >= size) {
      onDamage({
        part: "packets",
        thread,
        file: stored.name,
        block: Math.floor(size / blockBytes),
        offset: size,
        what: `the file ends at byte ${size}, its index names a packet at ${last}`,
        losesPackets: true,
      });
    }
    if (filter === undefined || !isWanted) return all;
    return yield* wait(selectPositions(index, filter, { packets: table.packets, restoreVlanTags }));
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    const { what, offset } = error;
    onDamage({ part: "index", thread, file: stored.name, offset, what, losesPackets: false });
    return all;
  } finally {
    yield* wait(handle.close());
  }
}

/** Where the finished blocks of a file that is being written end. The newest may be half written, so it does not count. */
export function firstUnfinished(table: BlockTable): number {
  const bad = table.blocks.findIndex((block) => typeof block === "string");
  return Math.max(0, (bad < 0 ? table.blocks.length : bad) - 1);
}
