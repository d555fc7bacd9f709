import { orAbort } from "../../abortable.js";
import type { Logger } from "../../logger.js";
import { FileChangedError } from "./file-errors.js";
import type { FileVersion } from "./list-captures.js";
import type { HeadPrint, ReadOptions } from "./open-capture-file.js";
import { OpenCaptureFile } from "./open-capture-file.js";
import { OpenFiles } from "./open-files.js";
import type { Finding } from "./time-range.js";
import { findTimeRange, peekTimeRange } from "./time-range.js";

/** A file and what it holds, both as of one moment. */
export interface KnownFile {
  /** The version that was looked at; at least as new as the one asked for. */
  readonly version: FileVersion;
  readonly head: HeadPrint;
  readonly finding: Finding;
  /**
   * Set where the file was seen with another content before: the version at which it was first seen with this one. Until then it
   * may have been written over.
   */
  readonly writtenOverBy?: FileVersion | undefined;
}

/** A head with so many bytes has a packet's time, and is no other file's. */
const tellingHeadBytes = 128;

/** How file systems that keep coarse times may be behind: FAT stores every other second. */
const mtimeSlackNs = 2_000_000_000n;

/**
 * What the files of a folder hold, each read once as long as it stays the same: by file, size and time of change.
 *
 * Two who need the same file at the same time share one reading of it, which stops when both have left.
 */
export class RangeCache {
  readonly #known = new Map<string, KnownFile>();
  /** Those that others may join. */
  readonly #scans = new Map<string, Scan>();
  /** All that have a file open, also those that everybody has left. */
  readonly #running = new Set<Scan>();
  readonly #trustFileTimes: boolean;
  readonly #read: ReadOptions;
  readonly #logger: Logger;
  readonly #onLearned: () => void;

  /** @param options `onLearned` is called after each reading */
  constructor(options: {
    trustFileTimes: boolean;
    read: ReadOptions;
    logger: Logger;
    onLearned: () => void;
  }) {
    this.#trustFileTimes = options.trustFileTimes;
    this.#read = options.read;
    this.#logger = options.logger;
    this.#onLearned = options.onLearned;
  }

  /** All that is known. */
  known(): Iterable<KnownFile> {
    return this.#known.values();
  }

  /** Takes in what was known at another time. */
  recall(files: Iterable<KnownFile>): void {
    for (const file of files) this.#known.set(file.version.identity, file);
  }

  /** What is known of exactly this version. */
  get(file: FileVersion): KnownFile | undefined {
    const known = this.#known.get(file.identity);
    if (known?.version.size !== file.size || known.version.mtimeNs !== file.mtimeNs) return undefined;
    return underPath(known, file.path);
  }

  /**
   * Finds out what a file holds, in this version or a newer one.
   *
   * @throws FileChangedError when it is no longer at its path; SourceError "source-failed"; the signal's reason
   */
  async learn(file: FileVersion, signal: AbortSignal): Promise<KnownFile> {
    for (;;) {
      signal.throwIfAborted();
      const known = this.get(file);
      if (known !== undefined) return known;
      const others = this.#scans.get(file.identity);
      if (others === undefined) return underPath(await waitFor(this.#start(file), signal), file.path);
      // It may have begun before the file grew to what we want, or fail over a name the file no longer has.
      const found = await waitFor(others, signal).catch(() => undefined);
      if (found !== undefined && isAsNew(found.version, file)) return underPath(found, file.path);
    }
  }

  /** Forgets files that are gone. */
  keepOnly(files: readonly FileVersion[]): void {
    if (this.#known.size === 0) return;
    const present = new Set(files.map((file) => file.identity));
    for (const identity of this.#known.keys()) {
      if (!present.has(identity)) this.#known.delete(identity);
    }
  }

  /** Stops all reading. Resolves when no file is open. */
  async close(reason: unknown): Promise<void> {
    const scans = [...this.#running];
    for (const scan of scans) scan.work.abort(reason);
    await Promise.allSettled(scans.map((scan) => scan.result));
  }

  #start(file: FileVersion): Scan {
    const work = new AbortController();
    const scan: Scan = { work, waiting: 0, result: this.#find(file, work.signal).finally(() => end()) };
    const forget = (): void => {
      if (this.#scans.get(file.identity) === scan) this.#scans.delete(file.identity);
    };
    const end = (): void => {
      forget();
      this.#running.delete(scan);
    };
    scan.result.catch(() => {}); // whoever waits sees it; nobody may be left to
    this.#running.add(scan);
    work.signal.addEventListener("abort", forget, { once: true });
    this.#scans.set(file.identity, scan);
    return scan;
  }

  async #find(listed: FileVersion, signal: AbortSignal): Promise<KnownFile> {
    const files = new OpenFiles(signal);
    const startedAt = performance.now();
    try {
      const file = await OpenCaptureFile.open(listed.path, files);
      const { version } = file;
      if (version.identity !== listed.identity) {
        throw new FileChangedError(listed.path, "another file has taken its name");
      }
      const before = this.#known.get(version.identity);
      const finding = this.#trustFileTimes
        ? await peekTimeRange(file, this.#read, version.mtimeNs + mtimeSlackNs)
        : await findTimeRange(file, this.#read, before?.finding);
      const writtenOverBy = before && firstSeen(file, before);
      const known: KnownFile = { version, head: file.print(), finding, writtenOverBy };
      this.#known.set(version.identity, known);
      this.#onLearned();
      this.#logFinding(known, before, Math.round(performance.now() - startedAt));
      return known;
    } finally {
      await files.closeAll();
    }
  }

  #logFinding({ version, finding }: KnownFile, before: KnownFile | undefined, durationMs: number): void {
    const { path } = version;
    switch (finding.kind) {
      case "not-a-capture":
        if (before?.finding.kind !== "not-a-capture") {
          this.#logger.warn({ path }, "skipped a file with a capture's name that is neither pcap nor pcapng");
        }
        return;
      case "damaged":
        this.#logger.warn({ path, damage: finding.damage }, "a capture file is damaged");
        return;
      case "no-packets":
        return;
      case "packets": {
        const { packets, startsAtNs, endsAtNs } = finding;
        const range = { from: startsAtNs.toString(), to: endsAtNs.toString() };
        this.#logger.debug(
          { path, packets, ...range, durationMs },
          "learned the time range of a capture file",
        );
      }
    }
  }
}

interface Scan {
  readonly work: AbortController;
  readonly result: Promise<KnownFile>;
  /** How many wait for the result; the last to leave stops the work. */
  waiting: number;
}

async function waitFor(scan: Scan, signal: AbortSignal): Promise<KnownFile> {
  scan.waiting++;
  try {
    return await orAbort(scan.result, signal);
  } finally {
    scan.waiting--;
    if (scan.waiting === 0 && signal.aborted) scan.work.abort(signal.reason);
  }
}

/** The version at which what a file holds now was first seen in place of something else; undefined: it was never seen to be. */
function firstSeen(file: OpenCaptureFile, { head, writtenOverBy }: KnownFile): FileVersion | undefined {
  const isSame = file.print(head.bytes).sha256 === head.sha256;
  return isSame || head.bytes < tellingHeadBytes ? writtenOverBy : file.version;
}

function isAsNew(found: FileVersion, wanted: FileVersion): boolean {
  return found.size >= wanted.size && found.mtimeNs >= wanted.mtimeNs;
}

/** Renamed files stay known; the name of the latest listing is the one that leads to it. */
function underPath(known: KnownFile, path: string): KnownFile {
  return known.version.path === path ? known : { ...known, version: { ...known.version, path } };
}
