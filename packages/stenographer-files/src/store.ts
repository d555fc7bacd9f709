import { type Capture, mergeByTime, type TimestampResolution, type TimeWindow } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import { captureHeaderOf } from "./block-records.js";
import {
  type Coverage,
  type CoveredFile,
  gapsIn,
  type PacketSpan,
  type RawGap,
  threadGaps,
  type WritingTimes,
} from "./coverage.js";
import type { Damage } from "./damage.js";
import type { FileSpan, FilesReader } from "./files-reader.js";
import { listThread, type StoredFile, type ThreadFolders, type ThreadListing } from "./list-files.js";
import { LocalReader } from "./local-reader.js";
import { WorkerReader } from "./worker-reader.js";
import { workerScript } from "./worker-script.js";

/** Where a Stenographer's files are, and how its stenotype writes them. */
export interface StoreOptions {
  /** Folders of each capture thread. */
  readonly threads: readonly ThreadFolders[];
  /** Whether files that are still being written are read as far as their finished blocks go. Default false. */
  readonly readUnfinished?: boolean;
  /** stenotype's `--fileage_sec`: seconds after which it begins a new file. Default 60, as there. */
  readonly fileAgeSeconds?: number;
  /** stenotype's `--blockage_sec`: seconds that a block waits to be filled at most. Default 10, as there. */
  readonly blockAgeSeconds?: number;
  /**
   * Whether files are read in a thread of the store's own, which saves most of the time where many files are looked into. Default true;
   * where the thread's script does not lie beside this module, as in a bundle, or the process may start no threads, files are read in the
   * thread that asks, as with false.
   */
  readonly readerThread?: boolean;
  /** The time, in milliseconds since the epoch. Default Date.now. */
  readonly now?: () => number;
}

/** Which packets are wanted. */
export interface StoreQuery {
  /** Half-open, nanoseconds since the epoch. */
  readonly window: TimeWindow;
  /**
   * Which packets the index is asked for: the answer has all of those, and others. Times in it must be absolute. Undefined: every
   * packet.
   */
  readonly filter?: FilterNode | undefined;
  /** Default "nanoseconds", as on disk. */
  readonly resolution?: TimestampResolution;
  /** Put the outer VLAN tag, which the kernel took off, back into each frame. Default false. */
  readonly restoreVlanTags?: boolean;
  /** Closes every file when it aborts. */
  readonly signal: AbortSignal;
}

/** An answer under way. */
export interface StoreAnswer extends Capture {
  /**
   * What was found damaged so far, deleted files included; complete after the last batch. The first hundred, and the first that loses
   * packets.
   */
  readonly damage: readonly Damage[];
  /** How often something was found damaged, whether or not it is in the list. */
  readonly damageCount: { total: number; losing: number };
  /** Names of files that were deleted before they could be read. */
  readonly gone: readonly string[];
  /**
   * Which part of the window the files answer for, as they were listed for this answer. At any time; what was damaged or deleted is in it
   * after the last batch.
   */
  coverage(): Promise<Coverage>;
}

/** What a query may read at most. */
export interface StoreEstimate {
  /** Packet files that may hold packets of the window. */
  readonly files: number;
  /** Their size. */
  readonly bytes: number;
}

const mostDamageListed = 100;
/** Lost times that are kept apart; later ones are taken together. */
const mostLostRanges = 1000;
/** What a packet may lie before its file's name beyond the time that its block waited to be handed over. */
const nameSlackUs = 110_000_000;

/** What an answer was made from, and what was found on the way. */
interface Answered {
  readonly listings: readonly ThreadListing[];
  readonly window: TimeWindow;
  readonly gone: ReadonlySet<StoredFile>;
  /** What was read of unfinished files. */
  readonly unfinished: ReadonlyMap<StoredFile, PacketSpan | undefined>;
  readonly lost: readonly RawGap[];
  readonly nowUs: number;
}

/**
 * Stenographer's files on this machine, read without the daemon. Never writes, never locks. It remembers the block headers of finished
 * files, so one store should serve many queries.
 */
export class StenographerStore {
  readonly #threads: readonly ThreadFolders[];
  readonly #readUnfinished: boolean;
  readonly #fileAgeUs: number;
  readonly #blockAgeUs: number;
  readonly #now: () => number;
  readonly #reader: FilesReader;
  #isClosed = false;

  constructor(options: StoreOptions) {
    const { threads, readUnfinished = false, fileAgeSeconds = 60, blockAgeSeconds = 10 } = options;
    this.#threads = threads;
    this.#readUnfinished = readUnfinished;
    this.#fileAgeUs = Math.round(fileAgeSeconds * 1e6);
    this.#blockAgeUs = Math.round(blockAgeSeconds * 1e6);
    this.#now = options.now ?? Date.now;
    const script = options.readerThread === false ? undefined : workerScript();
    this.#reader = script === undefined ? new LocalReader() : new WorkerReader(script);
  }

  /**
   * Starts an answer: a superset of what the window and filter select, merged by time. Packets outside the window and the
   * filter are still to be left out. Rejects where a folder cannot be read.
   */
  async query(query: StoreQuery): Promise<StoreAnswer> {
    const { window, filter, signal, resolution = "nanoseconds", restoreVlanTags = false } = query;
    const form = { resolution, restoreVlanTags };
    const { fromUs, toUs } = inMicroseconds(window);
    const damage: Damage[] = [];
    const damageCount = { total: 0, losing: 0 };
    const gone = new Set<StoredFile>();
    const goneNames: string[] = [];
    const lost: RawGap[] = [];
    const onDamage = (found: Damage): void => {
      damageCount.total++;
      if (found.losesPackets) damageCount.losing++;
      const isFirstLoss = found.losesPackets && damageCount.losing === 1;
      if (damage.length < mostDamageListed || isFirstLoss) damage.push(found);
    };
    const onGone = (thread: number, file: StoredFile): void => {
      gone.add(file);
      goneNames.push(file.name);
      const what = "the file was deleted before it could be read";
      onDamage({ part: "packets", thread, file: file.name, offset: 0, what, losesPackets: true });
    };
    const onLost = (from: number, to: number): void => addLost(lost, from, to);
    const unfinished = new Map<StoredFile, PacketSpan | undefined>();
    const onUnfinished = (file: StoredFile, packets: PacketSpan | undefined): void =>
      void unfinished.set(file, packets);
    const listings = await this.#list();
    const nowUs = this.#now() * 1000;
    const header = captureHeaderOf(form);
    const inputs = listings.map((listing, thread) => {
      const files = this.#mayHold(this.#readable(listing), fromUs, toUs);
      const blockAgeUs = this.#blockAgeUs;
      const filesQuery = { ...form, thread, files, fromUs, toUs, filter, blockAgeUs };
      const notices = { onDamage, onLost, onUnfinished, onGone: (file: StoredFile) => onGone(thread, file) };
      return {
        open: async () => ({ header, batches: this.#reader.packets(filesQuery, notices, signal) }),
      };
    });
    return {
      header,
      batches: mergeByTime(header, inputs),
      damage,
      damageCount,
      gone: goneNames,
      coverage: () => this.#coverage({ listings, window, gone, unfinished, lost, nowUs }),
    };
  }

  /** What a query for a window may read at most. Looks at names and sizes only. Rejects where a folder cannot be read. */
  async estimate(window: TimeWindow): Promise<StoreEstimate> {
    const { fromUs, toUs } = inMicroseconds(window);
    let files = 0;
    let bytes = 0;
    for (const listing of await this.#list()) {
      const wanted = this.#mayHold(this.#readable(listing), fromUs, toUs);
      files += wanted.length;
      bytes += await this.#reader.bytesOf(wanted);
    }
    return { files, bytes };
  }

  /** Times of the oldest and newest packet in finished files, in microseconds. Undefined: there is none. */
  async extent(): Promise<{ readonly oldestUs: number; readonly newestUs: number } | undefined> {
    return this.#extentOf(await this.#list());
  }

  /**
   * Ends its thread, and with it answers under way; whatever it is asked then, it refuses. A store that nobody waits for keeps no process
   * alive, closed or not.
   */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#reader.close();
  }

  async #list(): Promise<ThreadListing[]> {
    if (this.#isClosed) throw new Error("the store has been closed");
    return Promise.all(this.#threads.map(listThread));
  }

  #readable({ finished, unfinished }: ThreadListing): readonly StoredFile[] {
    if (!this.#readUnfinished) return finished;
    return [...finished, ...unfinished].sort((a, b) => a.createdUs - b.createdUs);
  }

  async #coverage(answered: Answered): Promise<Coverage> {
    const { listings, window, lost, nowUs } = answered;
    const times = { fileAgeUs: this.#fileAgeUs, blockAgeUs: this.#blockAgeUs, nowUs };
    const gaps = [...lost];
    for (const listing of listings) gaps.push(...(await this.#gapsOf(listing, answered, times)));
    const extent = await this.#extentOf(listings);
    return {
      ...(extent && {
        oldestNs: BigInt(extent.oldestUs) * 1000n,
        newestNs: BigInt(extent.newestUs) * 1000n,
      }),
      gaps: gapsIn(window, gaps, times),
    };
  }

  async #gapsOf(
    { finished, unfinished, orphansUs }: ThreadListing,
    answered: Answered,
    times: WritingTimes,
  ): Promise<RawGap[]> {
    const known: { readonly createdUs: number; readonly file?: StoredFile }[] = [
      ...[...finished, ...unfinished].map((file) => ({ createdUs: file.createdUs, file })),
      ...orphansUs.map((createdUs) => ({ createdUs })),
    ].sort((a, b) => a.createdUs - b.createdUs);
    const { fromUs, toUs } = inMicroseconds(answered.window);
    // Those that may hold packets of the window, and one on each side. If there is none, the window is before all of them.
    const inside = this.#mayHold(known, fromUs, toUs);
    const first = inside[0] === undefined ? 0 : known.indexOf(inside[0]);
    const start = Math.max(0, first - 1);
    const end = first + inside.length + 1;
    const near = known.slice(start, end);
    const { gone, unfinished: told } = answered;
    const spans = await this.#spansOf(
      near.flatMap(({ file }) => (file && !gone.has(file) && !told.has(file) ? [file] : [])),
    );
    const files = near.map(({ createdUs, file }): CoveredFile => {
      return { createdUs, ...stateOf(file, answered, spans) };
    });
    return threadGaps(files, { oldest: start === 0, newest: end >= known.length }, times);
  }

  /** The files that may hold packets of a window: a file's packets end about where the next one's begin. */
  #mayHold<F extends { readonly createdUs: number }>(files: readonly F[], fromUs: number, toUs: number): F[] {
    const slackUs = nameSlackUs + this.#blockAgeUs;
    return files.filter(({ createdUs }, i) => {
      const next = files[i + 1]?.createdUs ?? Number.POSITIVE_INFINITY;
      return createdUs - slackUs < toUs && next + slackUs > fromUs;
    });
  }

  async #extentOf(
    listings: readonly ThreadListing[],
  ): Promise<{ readonly oldestUs: number; readonly newestUs: number } | undefined> {
    let oldestUs = Number.POSITIVE_INFINITY;
    let newestUs = Number.NEGATIVE_INFINITY;
    for (const { finished } of listings) {
      for (const order of [finished, [...finished].reverse()]) {
        for (const file of order) {
          const [span] = await this.#reader.spans([file]);
          if (span === undefined || span === "unreadable") continue;
          oldestUs = Math.min(oldestUs, span.firstUs);
          newestUs = Math.max(newestUs, span.lastUs);
          break;
        }
      }
    }
    return Number.isFinite(oldestUs) ? { oldestUs, newestUs } : undefined;
  }

  /** What the packets of files span, as far as they are read. One that can't be read now covers nothing. */
  async #spansOf(files: readonly StoredFile[]): Promise<ReadonlyMap<StoredFile, FileSpan>> {
    const read = files.filter(({ isUnfinished }) => !isUnfinished || this.#readUnfinished);
    const spans = await this.#reader.spans(read);
    return new Map(read.map((file, i) => [file, spans[i]]));
  }
}

function stateOf(
  file: StoredFile | undefined,
  { gone, unfinished }: Answered,
  spans: ReadonlyMap<StoredFile, FileSpan>,
): Pick<CoveredFile, "state" | "packets"> {
  if (file === undefined || gone.has(file)) return { state: "lost" };
  const span = unfinished.has(file) ? unfinished.get(file) : spans.get(file);
  const packets = span === "unreadable" ? undefined : span;
  if (file.isUnfinished) return { state: "unfinished", packets };
  return span === "unreadable" ? { state: "lost" } : { state: "finished", packets };
}

function inMicroseconds({ startNs, endNs }: TimeWindow): { fromUs: number; toUs: number } {
  return { fromUs: Number(startNs / 1000n), toUs: Number((endNs + 999n) / 1000n) };
}

function addLost(lost: RawGap[], fromUs: number, toUs: number): void {
  const last = lost.at(-1);
  if (last !== undefined && (lost.length >= mostLostRanges || (fromUs <= last.toUs && toUs >= last.fromUs))) {
    const [from, to] = [Math.min(last.fromUs, fromUs), Math.max(last.toUs, toUs)];
    lost[lost.length - 1] = { fromUs: from, toUs: to, reason: "missing" };
  } else lost.push({ fromUs, toUs, reason: "missing" });
}
