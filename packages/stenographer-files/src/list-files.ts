import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

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

/** The packet files of a thread, oldest first. */
export async function listFiles(folders: ThreadFolders, withUnfinished: boolean): Promise<StoredFile[]> {
  const entries = await readdir(folders.packetsDirectory);
  // A file renamed while a folder is listed may be listed under both names, or neither: not neither twice.
  if (withUnfinished) entries.push(...(await readdir(folders.packetsDirectory)));
  const files = new Map<string, StoredFile>();
  for (const entry of entries) {
    const match = /^(\.?)(\d{1,16})$/.exec(entry);
    const name = match?.[2];
    const isUnfinished = match?.[1] === ".";
    if (name === undefined || (isUnfinished && (!withUnfinished || files.has(name)))) continue;
    files.set(name, {
      name,
      createdUs: Number(name),
      packetsPath: join(folders.packetsDirectory, entry),
      indexPath: join(folders.indexDirectory, name),
      isUnfinished,
    });
  }
  return [...files.values()].sort((a, b) => a.createdUs - b.createdUs);
}

/** What a file that was unfinished has become once it was renamed. */
export function finished(file: StoredFile): StoredFile {
  return { ...file, packetsPath: join(dirname(file.packetsPath), file.name), isUnfinished: false };
}
