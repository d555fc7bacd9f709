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
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { type FileAccess, type OpenFile, type ReadCosts, seekCosts } from "./file-access.js";

/** What takes longer did not come from memory: so long, and as many milliseconds more a byte. */
const quickMs = 0.3;
const quickMsPerByte = 1e-6;
/** Operations that go by Node's threads after a slow one. */
const carefulOperations = 16;

/** Of memory, by a call of the system's. */
const callCosts: ReadCosts = { seekBytes: 48 * 1024, gapBytes: 16 * 1024 };

const openLater = promisify(open);
const statLater = promisify(stat);
const fstatLater = promisify(fstat);
const closeLater = promisify(close);
const readLater = (...[fd, bytes, at, length, position]: ReadArguments): Promise<number> =>
  new Promise((resolve, reject) => {
    read(fd, bytes, at, length, position, (error, bytesRead) => (error ? reject(error) : resolve(bytesRead)));
  });
type ReadArguments = [fd: number, bytes: Uint8Array, at: number, length: number, position: number];

/**
 * For a thread that has nothing else to do: operations are made at once, which costs a tenth of handing them to Node's threads, as long
 * as what they need is in memory. After one that had to wait for a disk the next ones are handed over, so that several
 * disks work at once.
 */
export class QuickAccess implements FileAccess {
  #careful = 0;

  get costs(): ReadCosts {
    return this.#careful > 0 ? seekCosts : callCosts;
  }

  async open(path: string): Promise<OpenFile> {
    await setImmediate(); // whoever else waits for this thread has a turn at every file
    const fd = await this.do(
      0,
      () => openSync(path, "r"),
      () => openLater(path, "r"),
    );
    return new QuickFile(fd, this);
  }

  stat(path: string): Promise<Stats> {
    return this.do(
      0,
      () => statSync(path),
      () => statLater(path),
    );
  }

  /** Does an operation on so many bytes in the one way or in the other. */
  async do<T>(bytes: number, now: () => T, later: () => Promise<T>): Promise<T> {
    return this.isQuick() ? this.timed(bytes, now) : later();
  }

  /** Whether the next operation is made at once. */
  isQuick(): boolean {
    if (this.#careful === 0) return true;
    this.#careful--;
    return false;
  }

  timed<T>(bytes: number, now: () => T): T {
    const startedAt = performance.now();
    const done = now();
    if (performance.now() - startedAt > quickMs + bytes * quickMsPerByte) this.#careful = carefulOperations;
    return done;
  }
}

/** Its number is given back when nothing uses it any more: the next file gets the same. */
class QuickFile implements OpenFile {
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly fd: number,
    private readonly access: QuickAccess,
  ) {}

  readNow(bytes: Uint8Array, at: number, length: number, position: number): number | undefined {
    if (this.#closed !== undefined || !this.access.isQuick()) return undefined;
    return this.access.timed(length, () => readSync(this.fd, bytes, at, length, position));
  }

  async read(
    bytes: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    const bytesRead = await this.#use(
      length,
      () => readSync(this.fd, bytes, at, length, position),
      () => readLater(this.fd, bytes, at, length, position),
    );
    return { bytesRead };
  }

  stat(): Promise<Stats> {
    return this.#use(
      0,
      () => fstatSync(this.fd),
      () => fstatLater(this.fd),
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.access.do(
      0,
      () => closeSync(this.fd),
      () => closeLater(this.fd),
    );
  }

  async #use<T>(bytes: number, now: () => T, later: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined)
      throw Object.assign(new Error("the file has been closed"), { code: "EBADF" });
    const operation = this.access.do(bytes, now, later);
    this.#underWay.add(operation);
    try {
      return await operation;
    } finally {
      this.#underWay.delete(operation);
    }
  }
}
