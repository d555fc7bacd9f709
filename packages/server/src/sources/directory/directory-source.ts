import type { RecordBatch, TimeWindow } from "@stenogrpc/pcap";
import { timeWindow } from "@stenogrpc/pcap";
import type {
  OpenSource,
  PacketSource,
  RetrievalPlan,
  SourceCost,
  SourceDescription,
} from "../packet-source.js";
import { SourceError } from "../packet-source.js";
import { whichAreBeingWritten } from "./being-written.js";
import { BufferPool } from "./buffer-pool.js";
import { withoutCompressedTwins } from "./compressed-twins.js";
import type { DirectoryOptions, DirectorySettings } from "./directory-options.js";
import { directorySettings } from "./directory-options.js";
import type { Clocks } from "./folder-coverage.js";
import { coverageOf, extentOf } from "./folder-coverage.js";
import { learnInBackground } from "./learn-folder.js";
import { unreadable } from "./lost-parts.js";
import type { ReadOptions } from "./open-capture-file.js";
import { planAnswer } from "./plan-answer.js";
import type { KnownFile } from "./range-cache.js";
import { RangeCache } from "./range-cache.js";
import { readAnswer } from "./read-answer.js";
import { peekBytes, readBytes, readBytesOfEach } from "./read-sizes.js";
import { RememberedRanges } from "./remembered-ranges.js";
import type { Folder } from "./survey-folder.js";
import { findAgain, surveyFolder } from "./survey-folder.js";
import { Work } from "./work.js";

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
  return new DirectorySource(directorySettings(options));
}

class DirectorySource implements PacketSource {
  readonly kind = "directory";
  readonly #settings: DirectorySettings;
  readonly #pool = new BufferPool(readBytes, 8);
  readonly #folder: Folder;
  readonly #closing = new AbortController();
  readonly #work = new Set<Work>();
  readonly #memory: RememberedRanges | undefined;
  readonly #recalled: Promise<void>;
  readonly #learning: Promise<void>;

  constructor(settings: DirectorySettings) {
    this.#settings = settings;
    const { folder, isCaptureName, trustFileTimes, remember, logger } = settings;
    const read = { chunkBytes: trustFileTimes ? peekBytes : readBytes, pool: this.#pool };
    const onLearned = (): void => this.#memory?.noteLearned();
    const ranges = new RangeCache({ trustFileTimes, logger, read, onLearned });
    this.#folder = { path: folder, isCaptureName, ranges };
    this.#memory =
      remember === undefined ? undefined : new RememberedRanges(remember, folder, { ranges, logger });
    this.#recalled = this.#memory?.recall() ?? Promise.resolve();
    this.#learning = learnInBackground(this.#folder, {
      recalled: this.#recalled,
      signal: this.#closing.signal,
      logger,
    });
  }

  async open({ window }: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
    const work = this.#begin(signal);
    try {
      const known = await this.#survey(work);
      const answer = planAnswer(known, window);
      const clocks = this.#clocks();
      const isBeingWritten = whichAreBeingWritten(known, clocks.nowNs);
      const coverage = coverageOf(known, window, { ...clocks, isBeingWritten });
      const warnings = [...notCaptures(unreadable(known, window)), ...withoutTime(known)];
      const batches = readAnswer(answer, {
        files: work.files,
        read: this.#readOptions(answer.overlap),
        findAgain: (identity) => findAgain(this.#folder, identity, work.signal),
        isBeingWritten,
        warnings,
      });
      return {
        header: answer.header,
        warnings,
        batches: work.endingWith(timed(batches, window)),
        outcome: () => ({ coverage }),
      };
    } catch (error) {
      await work.end();
      throw error;
    }
  }

  async describe(signal: AbortSignal): Promise<SourceDescription> {
    return extentOf(await this.#surveyAlone(signal), this.#clocks());
  }

  async estimate({ window }: RetrievalPlan, signal: AbortSignal): Promise<SourceCost> {
    const { candidates } = planAnswer(await this.#surveyAlone(signal), window);
    return {
      files: candidates.length,
      bytes: candidates.reduce((bytes, { version }) => bytes + version.size, 0),
    };
  }

  async close(): Promise<void> {
    const reason = closedError();
    this.#closing.abort(reason);
    await Promise.all([...this.#work].map((work) => work.abort(reason)));
    await this.#folder.ranges.close(reason);
    await this.#learning;
    await this.#memory?.close();
  }

  #begin(signal: AbortSignal): Work {
    if (this.#closing.signal.aborted) throw closedError();
    signal.throwIfAborted();
    const work = new Work(signal, () => this.#work.delete(work));
    this.#work.add(work);
    return work;
  }

  async #survey({ signal }: Work): Promise<readonly KnownFile[]> {
    await this.#recalled;
    return withoutCompressedTwins(await surveyFolder(this.#folder, signal));
  }

  async #surveyAlone(signal: AbortSignal): Promise<readonly KnownFile[]> {
    const work = this.#begin(signal);
    try {
      return await this.#survey(work);
    } finally {
      await work.end();
    }
  }

  #clocks(): Clocks {
    const { now, trustFileTimes } = this.#settings;
    return { nowNs: BigInt(Math.floor(now())) * 1_000_000n, trustFileTimes };
  }

  #readOptions(openFiles: number): ReadOptions {
    const { maxOpenFiles } = this.#settings;
    if (openFiles > maxOpenFiles) {
      throw new SourceError(
        "source-failed",
        `the window needs ${openFiles} capture files open at once, and this sensor opens at most ${maxOpenFiles}; ask for less`,
      );
    }
    return { chunkBytes: readBytesOfEach(openFiles), pool: this.#pool };
  }
}

/** Without packets that have no time, which only a window that begins in 1970 takes for its own. */
function timed(batches: AsyncIterable<RecordBatch>, window: TimeWindow): AsyncIterable<RecordBatch> {
  return window.startNs > 0n ? batches : timeWindow({ ...window, startNs: 1n })(batches);
}

function withoutTime(known: readonly KnownFile[]): string[] {
  const packets = known.reduce((sum, { finding }) => sum + ("timeless" in finding ? finding.timeless : 0), 0);
  if (packets === 0) return [];
  return [
    `${packets} packets of the sensor's captures have no time (pcapng Simple Packet Blocks), and are in no window`,
  ];
}

function notCaptures(count: number): string[] {
  if (count === 0) return [];
  const files = count === 1 ? "1 file with a capture's name is" : `${count} files with a capture's name are`;
  return [`${files} neither pcap nor pcapng, and left out`];
}

function closedError(): SourceError {
  return new SourceError("source-unavailable", "the sensor's source is closed");
}
