import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isGone } from "./is-gone.js";

/** Where one capture thread puts its files. */
export interface ThreadFolders {
  readonly packetsDirectory: string;
  readonly indexDirectory: string;
}

/** A packet file by its name. */
export interface StoredFile {
  /** Microseconds of its creation, in decimal. */
  readonly name: string;
  readonly createdUs: number;
  readonly packetsPath: string;
  readonly indexPath: string;
  /** Still hidden: stenotype is writing it. */
  readonly isUnfinished: boolean;
}

/** What a thread's folders have, each list oldest first. */
export interface ThreadListing {
  /** Packet files, with an index or without. */
  readonly finished: readonly StoredFile[];
  /** Hidden packet files. */
  readonly unfinished: readonly StoredFile[];
  /** When the packet files were created that only an index is left of, in microseconds. */
  readonly orphansUs: readonly number[];
}

/** Lists the files of a thread. Rejects where the folder of packets cannot be read. */
export async function listThread(folders: ThreadFolders): Promise<ThreadListing> {
  // Indices first: a pair that is deleted between the two is then an orphan at the old end, where it does not matter.
  const indices = await readdir(folders.indexDirectory).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
  // A file renamed while a folder is listed may be listed under both names, or neither: not neither twice.
  const entries = await readdir(folders.packetsDirectory);
  entries.push(...(await readdir(folders.packetsDirectory)));
  const files = new Map<string, StoredFile>();
  for (const entry of entries) {
    const match = /^(\.?)(\d{1,16})$/.exec(entry);
    const name = match?.[2];
    const isUnfinished = match?.[1] === ".";
    if (name === undefined || (isUnfinished && files.has(name))) continue;
    files.set(name, {
      name,
      createdUs: Number(name),
      packetsPath: join(folders.packetsDirectory, entry),
      indexPath: join(folders.indexDirectory, name),
      isUnfinished,
    });
  }
  const sorted = [...files.values()].sort((a, b) => a.createdUs - b.createdUs);
  const orphansUs = indices.filter((entry) => /^\d{1,16}$/.test(entry) && !files.has(entry)).map(Number);
  return {
    finished: sorted.filter(({ isUnfinished }) => !isUnfinished),
    unfinished: sorted.filter(({ isUnfinished }) => isUnfinished),
    orphansUs: orphansUs.sort((a, b) => a - b),
  };
}

/** What a file that was unfinished has become once it was renamed. */
export function finished(file: StoredFile): StoredFile {
  return { ...file, packetsPath: join(dirname(file.packetsPath), file.name), isUnfinished: false };
}
