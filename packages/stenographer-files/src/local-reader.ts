import type { RecordBatch } from "@stenogrpc/pcap";
import { asynchronousAccess, type FileAccess } from "./file-access.js";
import { firstUnfinished } from "./file-plan.js";
import type { FileSpan, FilesQuery, FilesReader, Notices } from "./files-reader.js";
import { isUnreadable, unlessGone } from "./is-gone.js";
import type { StoredFile } from "./list-files.js";
import { finish, type Steps, wait } from "./steps.js";
import { TableCache } from "./table-cache.js";
import { threadAnswer } from "./thread-answer.js";

/** Reads in the thread that it is called in. */
export class LocalReader implements FilesReader {
  readonly tables: TableCache;

  constructor(readonly access: FileAccess = asynchronousAccess) {
    this.tables = new TableCache(access);
  }

  packets(
    query: FilesQuery,
    notices: Notices,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const { tables, access } = this;
    return threadAnswer({ ...query, ...notices, signal, tables, access });
  }

  async spans(files: readonly StoredFile[]): Promise<FileSpan[]> {
    return finish(this.#spans(files));
  }

  async bytesOf(files: readonly StoredFile[]): Promise<number> {
    return finish(this.#bytesOf(files));
  }

  async close(): Promise<void> {}

  *#spans(files: readonly StoredFile[]): Steps<FileSpan[]> {
    const spans: FileSpan[] = [];
    for (const file of files) spans.push(yield* this.#spanOf(file));
    return spans;
  }

  *#bytesOf(files: readonly StoredFile[]): Steps<number> {
    let bytes = 0;
    for (const { packetsPath } of files) {
      bytes += (yield* unlessGone(wait(this.access.stat(packetsPath))))?.size ?? 0;
    }
    return bytes;
  }

  *#spanOf(file: StoredFile): Steps<FileSpan> {
    try {
      const { table } = yield* this.tables.read(file);
      return table.span(file.isUnfinished ? firstUnfinished(table) : undefined);
    } catch (error) {
      if (isUnreadable(error)) return "unreadable";
      throw error;
    }
  }
}
