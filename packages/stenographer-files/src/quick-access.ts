import {
  close,
  closeSync,
  fstat,
  fstatSync,
  open,
  openSync,
  read,
  readSync,
  type Stats,
  stat,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { diskSeekBytes, type FileAccess, type OpenFile } from "./file-access.js";
import { finish, type PromiseOrValue, type Steps, wait } from "./steps.js";

/** What takes longer has waited: so long, and so many milliseconds more a byte. */
const quickMs = 0.3;
const quickMsPerByte = 1e-6;
/** It waited for a processor if the process has read nothing from a disk meanwhile, unless it was so long. */
const longMs = 50;
/** Waiting for disks more than this, but for a tenth of the time that passes, hands what comes next to Node's threads. */
const mostWaitedMs = 5;
const pardonedShare = 0.1;
/** For so many times as long as was waited, and no longer than this. */
const carefulTimes = 100;
const mostCarefulMs = 60_000;
/** Whoever else waits for the thread has a turn after so long. */
const turnMs = 5;
/** What a seek costs where it is a call of the system's. */
const callSeekBytes = 48 * 1024;

const openLater = promisify(open);
const statLater = promisify(stat);
const fstatLater = promisify(fstat);
const closeLater = promisify(close);
function readLater(
  ...[fd, bytes, at, length, position]: [number, Uint8Array, number, number, number]
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, bytes, at, length, position, (error, bytesRead) => (error ? reject(error) : resolve(bytesRead)));
  });
}

/**
 * For a thread that has nothing else to do: operations are made at once, which costs a tenth of handing them to Node's threads, as long
 * as what they need is in memory. When they had to wait for a disk, the next ones of that folder are handed over, so that several are
 * under way at once.
 */
export class QuickAccess implements FileAccess {
  readonly #folders = new Map<string, Folder>();
  readonly #turns = new Turns();

  open(path: string): PromiseOrValue<OpenFile> {
    return finish(this.#open(path));
  }

  *#open(path: string): Steps<OpenFile> {
    const folder = this.#folderOf(path);
    const opened = folder.do(
      0,
      () => openSync(path, "r"),
      () => openLater(path, "r"),
    );
    return new QuickFile(yield* wait(opened), folder);
  }

  stat(path: string): PromiseOrValue<Stats> {
    return this.#folderOf(path).do(
      0,
      () => statSync(path),
      () => statLater(path),
    );
  }

  #folderOf(path: string): Folder {
    const name = dirname(path);
    const folder = this.#folders.get(name) ?? new Folder(this.#turns);
    this.#folders.set(name, folder);
    return folder;
  }
}

/** When the thread was last free for others. */
class Turns {
  #lastAt = performance.now();

  isDue(now: number): boolean {
    return now - this.#lastAt > turnMs;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#lastAt = performance.now();
  }
}

/** A folder, which is on one disk. */
class Folder {
  #carefulUntil = Number.NEGATIVE_INFINITY;
  #waitedMs = 0;
  #waitedAt = 0;
  #diskReads = process.resourceUsage().fsRead;

  constructor(private readonly turns: Turns) {}

  get seekBytes(): number {
    return performance.now() < this.#carefulUntil ? diskSeekBytes : callSeekBytes;
  }

  /** Does an operation on so many bytes in the one way or in the other. */
  do<T>(bytes: number, now: () => T, later: () => Promise<T>): PromiseOrValue<T> {
    const startedAt = performance.now();
    if (this.turns.isDue(startedAt)) return this.#doNextTurn(bytes, now, later);
    return startedAt < this.#carefulUntil ? later() : this.#timed(bytes, startedAt, now);
  }

  async #doNextTurn<T>(bytes: number, now: () => T, later: () => Promise<T>): Promise<T> {
    await this.turns.take();
    const startedAt = performance.now();
    return startedAt < this.#carefulUntil ? later() : this.#timed(bytes, startedAt, now);
  }

  #timed<T>(bytes: number, startedAt: number, now: () => T): PromiseOrValue<T> {
    try {
      return now();
    } catch (error) {
      return Promise.reject(error);
    } finally {
      const endedAt = performance.now();
      const tookMs = endedAt - startedAt;
      if (tookMs > quickMs + bytes * quickMsPerByte) this.#waited(tookMs, endedAt);
    }
  }

  #waited(ms: number, now: number): void {
    const { fsRead } = process.resourceUsage();
    const hasReadDisk = fsRead !== this.#diskReads;
    this.#diskReads = fsRead;
    if (!hasReadDisk && ms < longMs) return;
    this.#waitedMs = ms + Math.max(0, this.#waitedMs - pardonedShare * (now - this.#waitedAt));
    this.#waitedAt = now;
    if (this.#waitedMs <= mostWaitedMs) return;
    this.#carefulUntil = now + Math.min(carefulTimes * this.#waitedMs, mostCarefulMs);
    this.#waitedMs = 0;
  }
}

/** Its number is given back when nothing uses it any more: the next file gets the same. */
class QuickFile implements OpenFile {
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;
  #closed: PromiseOrValue<void> = undefined;

  constructor(
    private readonly fd: number,
    private readonly folder: Folder,
  ) {}

  get seekBytes(): number {
    return this.folder.seekBytes;
  }

  read(
    bytes: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): PromiseOrValue<{ bytesRead: number }> {
    return this.#use(
      length,
      () => ({ bytesRead: readSync(this.fd, bytes, at, length, position) }),
      async () => ({ bytesRead: await readLater(this.fd, bytes, at, length, position) }),
    );
  }

  stat(): PromiseOrValue<Stats> {
    return this.#use(
      0,
      () => fstatSync(this.fd),
      () => fstatLater(this.fd),
    );
  }

  close(): PromiseOrValue<void> {
    if (this.#isClosed) return this.#closed;
    this.#isClosed = true;
    this.#closed = finish(this.#close());
    return this.#closed;
  }

  *#close(): Steps<void> {
    while (this.#underWay.size > 0) yield* wait(Promise.allSettled(this.#underWay));
    yield* wait(
      this.folder.do(
        0,
        () => closeSync(this.fd),
        () => closeLater(this.fd),
      ),
    );
  }

  #use<T>(bytes: number, now: () => T, later: () => Promise<T>): PromiseOrValue<T> {
    if (this.#isClosed) {
      return Promise.reject(Object.assign(new Error("the file has been closed"), { code: "EBADF" }));
    }
    const operation = this.folder.do(bytes, now, later);
    return operation instanceof Promise ? this.#until(operation) : operation;
  }

  async #until<T>(operation: Promise<T>): Promise<T> {
    this.#underWay.add(operation);
    try {
      return await operation;
    } finally {
      this.#underWay.delete(operation);
    }
  }
}
