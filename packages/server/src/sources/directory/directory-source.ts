import { resolve } from "node:path";
import { parseOptions, strictOptions } from "@stenogrpc/options";
import type { RecordBatch, TimeWindow } from "@stenogrpc/pcap";
import * as z from "zod";
import type { Logger } from "../../logger.js";
import { silentLogger } from "../../logger.js";
import type {
  OpenSource,
  PacketSource,
  RetrievalPlan,
  SourceCost,
  SourceDescription,
} from "../packet-source.js";
import { SourceError } from "../packet-source.js";
import type { Coverage, CoverageGap } from "../source-outcome.js";
import { gapsInWindow } from "../source-outcome.js";
import { BufferPool } from "./buffer-pool.js";
import { captureNames } from "./capture-names.js";
import type { ReadOptions } from "./open-capture-file.js";
import type { Answer } from "./plan-answer.js";
import { lostParts, planAnswer, unreadable } from "./plan-answer.js";
import type { KnownFile } from "./range-cache.js";
import { RangeCache } from "./range-cache.js";
import { readAnswer } from "./read-answer.js";
import { RememberedRanges } from "./remembered-ranges.js";
import type { Folder } from "./survey-folder.js";
import { findAgain, listFolder, surveyFolder } from "./survey-folder.js";
import { Work } from "./work.js";

const fileNamePattern = z
  .string()
  .min(1)
  .refine((pattern) => !pattern.includes("/"), "a pattern is for the file name alone, so it has no /");

/** Options of the directory source. */
export const directoryOptionsSchema = strictOptions({
  /** Folder of the captures; folders in it count too. */
  path: z.string().min(1),
  /**
   * Which file names count: one glob or several, with `*` and `?`. Default: *.pcap, *.pcapng and *.cap, with the suffixes of
   * rotation (x.pcap1, x.pcap.3) and of gzip. Hidden files, *.partial and *.tmp never count.
   */
  pattern: z.union([fileNamePattern, z.array(fileNamePattern).min(1)]).optional(),
  /**
   * Take the time of a file's first record and its time of change as the range of its packets, instead of reading each file
   * once. For folders too large to read. It misses packets that lie out of order before the first one's time, and packets
   * of files whose time of change was set back (touch, a copy that keeps another file's times). Default false.
   */
  trustFileTimes: z.boolean().default(false),
  /**
   * A file to remember in what was learned of each capture, so that a restart need not read all of them again. Not together with
   * `trustFileTimes`, which has nothing to remember. Default: none.
   */
  remember: z.string().min(1).optional(),
  /** The most files one retrieval has open at a time; one that needs more is refused. Default 512. */
  maxOpenFiles: z.int().min(1).max(65_536).default(512),
}).refine(({ trustFileTimes, remember }) => !(trustFileTimes && remember), {
  path: ["remember"],
  error: "leave it out with trustFileTimes, which reads no more than the first record of a file",
});

/** Options of the directory source, as written. */
export interface DirectoryOptions extends z.input<typeof directoryOptionsSchema> {
  /** Where the source says what it skips and learns. Default: nowhere. */
  logger?: Logger;
  /** The clock, in milliseconds since the epoch. Default: Date.now. */
  now?: () => number;
}

const readBytes = 512 * 1024;
/** What one retrieval may use for read buffers, two for each open file. */
const readBudgetBytes = 32 * 1024 * 1024;
const minReadBytes = 16 * 1024;
/** A peek for the first record reads no further than it must. */
const peekBytes = 64 * 1024;
/** A file changed within this time is taken for one that is being written. */
const beingWrittenMs = 5000;
/** Where no capture has changed for so long, none is written any more. */
const stillMs = 60 * 60 * 1000;
/** How far clocks may differ. */
const clockSlackNs = 60_000_000_000n;
/** 1988-01-01T00:00:00Z: no packet was captured before, but by a machine that had not been told the time. */
const firstCaptureNs = 567_993_600_000_000_000n;

/**
 * Serves pcap and pcapng files under a folder, also while something writes and rotates them.
 *
 * Each file is read once to learn the time range of its packets, beginning now; a retrieval opens the files whose ranges touch
 * its window and merges them by time. Files that change, go away or are damaged fail it by kind; it never gives less
 * than the folder has.
 *
 * @throws OptionsError
 */
export function directorySource(options: DirectoryOptions): PacketSource {
  const { logger, now, ...rest } = options;
  const { path, pattern, trustFileTimes, remember, maxOpenFiles } = parseOptions(
    "directory source",
    directoryOptionsSchema,
    rest,
  );
  return new DirectorySource({
    folder: resolve(path),
    isCaptureName: captureNames(typeof pattern === "string" ? [pattern] : pattern),
    trustFileTimes,
    remember: remember === undefined ? undefined : resolve(remember),
    maxOpenFiles,
    logger: logger ?? silentLogger,
    now: now ?? Date.now,
  });
}

interface Settings {
  readonly folder: string;
  readonly isCaptureName: (name: string) => boolean;
  readonly trustFileTimes: boolean;
  readonly remember: string | undefined;
  readonly maxOpenFiles: number;
  readonly logger: Logger;
  readonly now: () => number;
}

class DirectorySource implements PacketSource {
  readonly kind = "directory";
  readonly #settings: Settings;
  readonly #pool = new BufferPool(readBytes, 8);
  readonly #folder: Folder;
  readonly #closing = new AbortController();
  readonly #work = new Set<Work>();
  readonly #memory: RememberedRanges | undefined;
  readonly #recalled: Promise<void>;
  readonly #learning: Promise<void>;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { folder, isCaptureName, trustFileTimes, remember, logger } = settings;
    const read = { chunkBytes: trustFileTimes ? peekBytes : readBytes, pool: this.#pool };
    const onLearned = (): void => this.#memory?.noteLearned();
    const ranges = new RangeCache({ trustFileTimes, logger, read, onLearned });
    this.#folder = { path: folder, isCaptureName, ranges };
    this.#memory =
      remember === undefined ? undefined : new RememberedRanges(remember, folder, { ranges, logger });
    this.#recalled = this.#memory?.recall() ?? Promise.resolve();
    this.#learning = this.#learnInBackground(this.#closing.signal);
  }

  async open({ window }: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
    const work = this.#begin(signal);
    try {
      const known = await this.#survey(work.signal);
      const answer = planAnswer(known, window);
      const isBeingWritten = whichAreBeingWritten(known, this.#settings.now());
      const warnings = notCaptures(unreadable(known, window));
      const batches = readAnswer(answer, {
        files: work.files,
        read: this.#readOptions(answer),
        findAgain: (identity) => findAgain(this.#folder, identity, work.signal),
        isBeingWritten,
        warnings,
      });
      const coverage = this.#coverage(known, window, lostParts(known, isBeingWritten));
      return {
        header: answer.header,
        warnings,
        batches: endingWork(batches, work),
        outcome: () => ({ coverage }),
      };
    } catch (error) {
      await work.end();
      throw error;
    }
  }

  async describe(signal: AbortSignal): Promise<SourceDescription> {
    const work = this.#begin(signal);
    try {
      return this.#description(extent(await this.#survey(work.signal), this.#nowNs()));
    } finally {
      await work.end();
    }
  }

  async estimate({ window }: RetrievalPlan, signal: AbortSignal): Promise<SourceCost> {
    const work = this.#begin(signal);
    try {
      const { candidates } = planAnswer(await this.#survey(work.signal), window);
      return {
        files: candidates.length,
        bytes: candidates.reduce((bytes, { version }) => bytes + version.size, 0),
      };
    } finally {
      await work.end();
    }
  }

  async close(): Promise<void> {
    const reason = closedError();
    this.#closing.abort(reason);
    await Promise.all([...this.#work].map((work) => work.abort(reason)));
    await this.#folder.ranges.close(reason);
    await this.#learning;
    await this.#memory?.close();
  }

  async #survey(signal: AbortSignal): Promise<KnownFile[]> {
    await this.#recalled;
    return surveyFolder(this.#folder, signal);
  }

  #begin(signal: AbortSignal): Work {
    if (this.#closing.signal.aborted) throw closedError();
    signal.throwIfAborted();
    const work = new Work(signal, () => this.#work.delete(work));
    this.#work.add(work);
    return work;
  }

  #description({ oldestPacketNs, newestPacketNs }: SourceDescription): SourceDescription {
    // A trusted time of change is a bound, not the time of a packet.
    return this.#settings.trustFileTimes ? { oldestPacketNs } : { oldestPacketNs, newestPacketNs };
  }

  /**
   * Which part of the window the folder can answer for. It can't tell silence from what is not written yet, so nothing is
   * covered behind its newest packet; behind a trusted time of change, which is later, what lies in the future is not. Nor is what
   * of its files is lost.
   */
  #coverage(known: readonly KnownFile[], window: TimeWindow, lost: readonly CoverageGap[]): Coverage {
    const nowNs = this.#nowNs();
    const found = extent(known, nowNs);
    const { oldestPacketNs, newestPacketNs } = found;
    const behindNewest = newestPacketNs === undefined ? window.startNs : newestPacketNs + 1n;
    const trusted = this.#settings.trustFileTimes && newestPacketNs !== undefined;
    const uncoveredNs = trusted && nowNs > behindNewest ? nowNs : behindNewest;
    const isStill = !known.some(({ version }) => version.mtimeNs > nowNs - BigInt(stillMs) * 1_000_000n);
    const pastNs = isStill && nowNs > uncoveredNs ? nowNs : uncoveredNs;
    const gaps: CoverageGap[] = [
      ...lost,
      { startNs: 0n, endNs: oldestPacketNs ?? 0n, reason: "aged-out" },
      // Nobody writes any more, or in another folder.
      { startNs: uncoveredNs, endNs: pastNs, reason: "missing" },
      {
        startNs: pastNs,
        endNs: window.endNs,
        reason: "not-yet-written",
        // When a packet is on disk depends on who writes it, but never before it is captured.
        ...(window.endNs > nowNs ? { expectedAtNs: window.endNs } : {}),
      },
    ];
    return { ...this.#description(found), gaps: gapsInWindow(gaps, window) };
  }

  #nowNs(): bigint {
    return BigInt(Math.floor(this.#settings.now())) * 1_000_000n;
  }

  #readOptions({ overlap }: Answer): ReadOptions {
    const { maxOpenFiles } = this.#settings;
    if (overlap > maxOpenFiles) {
      throw new SourceError(
        "source-failed",
        `the window needs ${overlap} capture files open at once, and this sensor opens at most ${maxOpenFiles}; ask for less`,
      );
    }
    const share = Math.floor(readBudgetBytes / (2 * Math.max(1, overlap)));
    return { chunkBytes: Math.max(minReadBytes, Math.min(readBytes, share)), pool: this.#pool };
  }

  /** Learns what is there while nobody asks, so that the first who asks need not wait. The newest files first. */
  async #learnInBackground(signal: AbortSignal): Promise<void> {
    const { logger } = this.#settings;
    try {
      await this.#recalled;
      const files = await listFolder(this.#folder, signal);
      if (files.length === 0) {
        const { path } = this.#folder;
        logger.warn({ path }, "the capture folder has no file yet whose name is that of a capture");
      }
      files.sort((a, b) => (a.mtimeNs > b.mtimeNs ? -1 : 1));
      for (const file of files) {
        await this.#folder.ranges.learn(file, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          // Whoever asks meets it again, if it is still so.
          logger.warn({ path: file.path, err: error }, "could not learn the time range of a capture file");
        });
      }
    } catch (error) {
      if (signal.aborted) return;
      const { path } = this.#folder;
      // A disk may be mounted later: no reason not to start, and nothing that a stack would explain.
      if (error instanceof SourceError && error.kind === "source-unavailable")
        logger.warn({ path }, "the capture folder is not there; each retrieval fails until it is");
      else logger.warn({ path, err: error }, "could not look through the capture folder");
    }
  }
}

/** A cut last record is normal in the newest file, and in one that changed just now: another thread's newest. */
function whichAreBeingWritten(
  known: readonly KnownFile[],
  nowMs: number,
): (file: Pick<KnownFile, "version">) => boolean {
  let newestNs = 0n;
  for (const { version, finding } of known) {
    const isCapture = finding.kind === "packets" || finding.kind === "no-packets";
    if (isCapture && version.mtimeNs > newestNs) newestNs = version.mtimeNs;
  }
  const recentNs = BigInt(Math.floor(nowMs - beingWrittenMs)) * 1_000_000n;
  return ({ version }) => version.mtimeNs >= newestNs || version.mtimeNs >= recentNs;
}

function notCaptures(count: number): string[] {
  if (count === 0) return [];
  const files = count === 1 ? "1 file with a capture's name is" : `${count} files with a capture's name are`;
  return [`${files} neither pcap nor pcapng, and left out`];
}

/** The times of the oldest and the newest packet, but for those that can't be; of damaged files those that were read. */
function extent(known: readonly KnownFile[], nowNs: bigint): SourceDescription {
  let oldestPacketNs: bigint | undefined;
  let newestPacketNs: bigint | undefined;
  for (const { finding, version } of known) {
    const found =
      finding.kind === "packets" ? finding : finding.kind === "damaged" ? finding.seen : undefined;
    const range = found && credible(found, version.mtimeNs, nowNs);
    if (range === undefined) continue;
    if (oldestPacketNs === undefined || range.startsAtNs < oldestPacketNs) oldestPacketNs = range.startsAtNs;
    if (newestPacketNs === undefined || range.endsAtNs > newestPacketNs) newestPacketNs = range.endsAtNs;
  }
  return { oldestPacketNs, newestPacketNs };
}

/**
 * A file's times without those that a wrong clock made, long ago or in the future: one such packet would cover years. Instead of them
 * stands what is sure. Undefined: nothing is.
 */
function credible(
  { startsAtNs, endsAtNs }: { readonly startsAtNs: bigint; readonly endsAtNs: bigint },
  mtimeNs: bigint,
  nowNs: bigint,
): { startsAtNs: bigint; endsAtNs: bigint } | undefined {
  const latestNs = nowNs + clockSlackNs;
  if (startsAtNs > latestNs || endsAtNs < firstCaptureNs) return undefined;
  // It was written to until it was last changed.
  const writtenNs = mtimeNs < latestNs ? mtimeNs : latestNs;
  const newestNs = endsAtNs <= latestNs ? endsAtNs : writtenNs > startsAtNs ? writtenNs : startsAtNs;
  return { startsAtNs: startsAtNs < firstCaptureNs ? newestNs : startsAtNs, endsAtNs: newestNs };
}

async function* endingWork(
  batches: AsyncIterable<RecordBatch>,
  work: Work,
): AsyncGenerator<RecordBatch, void, undefined> {
  try {
    yield* batches;
  } finally {
    await work.end();
  }
}

function closedError(): SourceError {
  return new SourceError("source-unavailable", "the sensor's source is closed");
}
