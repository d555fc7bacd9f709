import type { RecordBatch } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import type { RecordForm } from "./block-records.js";
import type { PacketSpan } from "./coverage.js";
import type { Damage } from "./damage.js";
import type { StoredFile } from "./list-files.js";

/** Which packets of a capture thread's files are wanted. */
export interface FilesQuery extends RecordForm {
  /** Number of the thread. */
  readonly thread: number;
  /** Oldest first. */
  readonly files: readonly StoredFile[];
  /** Window, in microseconds, widened to whole ones. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly filter: FilterNode | undefined;
  /** The longest that a packet waits in its block, in microseconds: so long before its file's name it may lie. */
  readonly blockAgeUs: number;
}

/** Who is told what is found on the way. */
export interface Notices {
  /** Takes what is found wrong. */
  readonly onDamage: (damage: Damage) => void;
  /** Takes the times between which packets are lost, in microseconds. */
  readonly onLost: (fromUs: number, toUs: number) => void;
  /** Takes what of a file is read that was listed as unfinished; undefined: no packets. */
  readonly onUnfinished: (file: StoredFile, packets: PacketSpan | undefined) => void;
  /** A file was deleted before it could be opened: it has aged out. */
  readonly onGone: (file: StoredFile) => void;
}

/** What a file's packets span, as far as it is read. Undefined: it has none. */
export type FileSpan = PacketSpan | "unreadable" | undefined;

/** Reads the files of a store. It remembers the block headers of finished ones. */
export interface FilesReader {
  /**
   * The wanted packets, and others of the blocks that they lie in, in the order of the files. A batch lives until the next pull. The signal
   * closes every file.
   */
  packets(
    query: FilesQuery,
    notices: Notices,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch, void, undefined>;
  spans(files: readonly StoredFile[]): Promise<FileSpan[]>;
  /** Bytes of packet files in all; what is gone has none. */
  bytesOf(files: readonly StoredFile[]): Promise<number>;
  /** Gives back what it holds. */
  close(): Promise<void>;
}
