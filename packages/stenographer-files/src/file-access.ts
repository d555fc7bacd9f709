import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";

/** A file that is open for reading: what node:fs/promises gives. */
export interface OpenFile {
  /** Reads at once, if that can be had without waiting long: gives the bytes read. */
  readNow?(bytes: Uint8Array, at: number, length: number, position: number): number | undefined;
  read(bytes: Uint8Array, at: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<Stats>;
  close(): Promise<void>;
}

/** What reading costs, in bytes that could be read in sequence instead. */
export interface ReadCosts {
  /** Of a seek. */
  readonly seekBytes: number;
  /** Packets nearer to each other than this, at least 2048, are read together. */
  readonly gapBytes: number;
}

const KiB = 1024;
/** Of a disk, and of memory where each operation wakes up two threads. */
export const seekCosts: ReadCosts = { seekBytes: 128 * KiB, gapBytes: 16 * KiB };

/** How files are read. */
export interface FileAccess {
  /** What reading from one place and another costs now. */
  readonly costs: ReadCosts;
  open(path: string): Promise<OpenFile>;
  stat(path: string): Promise<Stats>;
}

/** By threads of Node's: a disk that is slow stops nothing else, but each operation wakes up two threads. */
export const asynchronousAccess: FileAccess = {
  costs: seekCosts,
  open: (path) => open(path, "r"),
  stat,
};
