import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { PromiseOrValue } from "./steps.js";

/** A file that is open for reading: what node:fs/promises gives. What is not there yet is a promise. */
export interface OpenFile {
  read(
    bytes: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): PromiseOrValue<{ readonly bytesRead: number }>;
  stat(): PromiseOrValue<Stats>;
  close(): PromiseOrValue<void>;
  /** What a seek costs now, in bytes that could be read in sequence instead. Absent: that of a disk. */
  readonly seekBytes?: number;
}

/** How files are read. */
export interface FileAccess {
  open(path: string): PromiseOrValue<OpenFile>;
  stat(path: string): PromiseOrValue<Stats>;
}

/** What a seek costs on a disk, and from memory where each operation wakes up two threads. */
export const diskSeekBytes = 128 * 1024;

/** By threads of Node's: a disk that is slow stops nothing else, but each operation wakes up two threads. */
export const asynchronousAccess: FileAccess = { open: (path) => open(path, "r"), stat };
