import { readdir } from "node:fs/promises";
import { join } from "node:path";

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
  const files: StoredFile[] = [];
  for (const entry of await readdir(folders.packetsDirectory)) {
    const match = /^(\.?)(\d{1,16})$/.exec(entry);
    const name = match?.[2];
    if (name === undefined || (match?.[1] === "." && !withUnfinished)) continue;
    files.push({
      name,
      createdUs: Number(name),
      packetsPath: join(folders.packetsDirectory, entry),
      indexPath: join(folders.indexDirectory, name),
      isUnfinished: match?.[1] === ".",
    });
  }
  return files.sort((a, b) => a.createdUs - b.createdUs);
}
