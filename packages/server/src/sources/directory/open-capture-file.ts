import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { BufferPool } from "./buffer-pool.js";
import { FileChangedError, fileFailure, isGone } from "./file-errors.js";
import { gunzipChunks } from "./gunzip-chunks.js";
import type { FileVersion } from "./list-captures.js";
import { fileVersion } from "./list-captures.js";
import type { OpenFiles } from "./open-files.js";

/** The first bytes of a file, enough to reach its first packet's time: they tell whether it was overwritten in place. */
const headBytes = 1024;

/** How a file is read. */
export interface ReadOptions {
  /** Bytes a read. */
  readonly chunkBytes: number;
  readonly pool: BufferPool;
}

/** What recognises a file's beginning later, when the file has grown. */
export interface HeadPrint {
  readonly bytes: number;
  readonly sha256: string;
}

/** A file opened for reading, seen at the size it had then: what is appended later is not read. */
export class OpenCaptureFile {
  /** What was opened, which may be another file than the one listed at that path. */
  readonly version: FileVersion;
  readonly format: "pcap" | "pcapng" | "gzip" | "other";
  /** The first bytes of it. */
  readonly head: Uint8Array;
  readonly #handle: FileHandle;
  readonly #files: OpenFiles;
  readonly #close: () => Promise<void>;

  private constructor(
    version: FileVersion,
    head: Uint8Array,
    handle: FileHandle,
    files: OpenFiles,
    close: () => Promise<void>,
  ) {
    this.version = version;
    this.format = formatOf(head);
    this.head = head;
    this.#handle = handle;
    this.#files = files;
    this.#close = close;
  }

  /**
   * @throws FileChangedError when there is no such file any more, SourceError "source-failed" when it is not readable
   */
  static async open(path: string, files: OpenFiles): Promise<OpenCaptureFile> {
    files.signal.throwIfAborted();
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      if (isGone(error)) throw new FileChangedError(path, "the file is gone", { cause: error });
      throw fileFailure(path, error);
    }
    const close = files.add(() => handle.close());
    try {
      const version = fileVersion(path, await handle.stat({ bigint: true }));
      const head = await readFully(handle, 0, Math.min(version.size, headBytes));
      if (head === undefined) throw new FileChangedError(path, "the file was cut while it was opened");
      files.signal.throwIfAborted();
      return new OpenCaptureFile(version, head, handle, files, close);
    } catch (error) {
      await close();
      files.signal.throwIfAborted();
      throw error instanceof FileChangedError ? error : fileFailure(path, error);
    }
  }

  /** A print of the first bytes, or of as many as there are. */
  print(bytes: number = this.head.length): HeadPrint {
    const head = this.head.subarray(0, bytes);
    return { bytes: head.length, sha256: createHash("sha256").update(steady(head)).digest("base64") };
  }

  /** Reads so many bytes at an offset; undefined when the file ends before. */
  read(offset: number, bytes: number): Promise<Uint8Array | undefined> {
    return this.#guarded(() => readFully(this.#handle, offset, bytes));
  }

  /**
   * The content from an offset to the size of the version, decompressed if need be. A chunk lives until the next pull.
   *
   * @param from offset in the file; 0 for compressed files
   * @param to end of what is read, at most the size of the version
   * @param onCut called when compressed data ends in the middle
   * @throws FileChangedError when the file is cut short or overwritten meanwhile; GzipDamageError
   */
  content(from: number, to: number, options: ReadOptions, onCut: () => void): AsyncGenerator<Uint8Array> {
    const chunks = this.#chunks(from, to, options);
    return this.format === "gzip" ? gunzipChunks(chunks, this.#files, onCut) : chunks;
  }

  /** How many bytes the file has now. */
  async currentSize(): Promise<number> {
    return Number((await this.#handle.stat({ bigint: true })).size);
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** Reads ahead by one chunk, into two buffers by turns. */
  async *#chunks(from: number, to: number, { chunkBytes, pool }: ReadOptions): AsyncGenerator<Uint8Array> {
    const bufferBytes = Math.max(1, Math.min(chunkBytes, to - from));
    const buffers = [pool.take(bufferBytes), pool.take(to - from > bufferBytes ? bufferBytes : 1)] as const;
    let turn: 0 | 1 = 0;
    let offset = from;
    const readNext = (): Promise<Uint8Array> | undefined => {
      if (offset >= to) return undefined;
      const reading = this.#readSome(buffers[turn], offset, to);
      turn = turn === 0 ? 1 : 0;
      reading.catch(() => {}); // read ahead for a reader who may be gone: nobody then waits for it
      return reading;
    };
    let reading = readNext();
    let finished = false;
    try {
      while (reading !== undefined) {
        const chunk = await reading;
        offset += chunk.length;
        reading = readNext();
        // After the read: if the beginning is still the same, the file was not overwritten before it.
        await this.#checkHead();
        yield chunk;
      }
      finished = true;
    } finally {
      await reading?.catch(() => {});
      // A reader that leaves in the middle may still look at its last chunk, so those buffers are left to it.
      if (finished) for (const buffer of buffers) pool.giveBack(buffer);
    }
  }

  async #readSome(buffer: Uint8Array<ArrayBuffer>, offset: number, to: number): Promise<Uint8Array> {
    const wanted = Math.min(buffer.length, to - offset);
    const { bytesRead } = await this.#guarded(() => this.#handle.read(buffer, 0, wanted, offset));
    if (bytesRead === 0) {
      throw new FileChangedError(this.version.path, `the file ends at byte ${offset}, but it had ${to}`);
    }
    return buffer.subarray(0, bytesRead);
  }

  async #checkHead(): Promise<void> {
    const head = await this.#guarded(() => readFully(this.#handle, 0, this.head.length));
    if (head === undefined || Buffer.compare(steady(head), steady(this.head)) !== 0) {
      throw new FileChangedError(this.version.path, "the file was overwritten while it was read");
    }
  }

  async #guarded<T>(operation: () => Promise<T>): Promise<T> {
    this.#files.signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      throw fileFailure(this.version.path, error);
    } finally {
      this.#files.signal.throwIfAborted();
    }
  }
}

async function readFully(handle: FileHandle, offset: number, bytes: number): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(bytes);
  let have = 0;
  while (have < bytes) {
    const { bytesRead } = await handle.read(buffer, have, bytes - have, offset + have);
    if (bytesRead === 0) return undefined;
    have += bytesRead;
  }
  return buffer;
}

function formatOf(head: Uint8Array): OpenCaptureFile["format"] {
  switch (Buffer.from(head.subarray(0, 4)).toString("hex")) {
    case "a1b2c3d4":
    case "d4c3b2a1":
    case "a1b23c4d":
    case "4d3cb2a1":
      return "pcap";
    case "0a0d0d0a":
      return "pcapng";
    default:
      return head[0] === 0x1f && head[1] === 0x8b ? "gzip" : "other"; // RFC 1952, 2.3.1
  }
}

/** The head without what a writer fills in at the end: the section length of pcapng (8 bytes at 16). */
function steady(head: Uint8Array): Uint8Array {
  if (formatOf(head) !== "pcapng") return head;
  const copy = head.slice();
  copy.fill(0, 16, 24);
  return copy;
}
