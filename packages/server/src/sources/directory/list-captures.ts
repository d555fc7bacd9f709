import type { BigIntStats, Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SourceError } from "../packet-source.js";
import { isIgnoredName } from "./capture-names.js";
import { fileFailure, isGone } from "./file-errors.js";

/** One version of a file: what is at a path at one moment. */
export interface FileVersion {
  readonly path: string;
  /** The same for all names of one file, and kept when the file is renamed. */
  readonly identity: string;
  /** Bytes. */
  readonly size: number;
  /** Time of the last change of the content, in nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
}

/** The version a stat call saw. */
export function fileVersion(path: string, stats: BigIntStats): FileVersion {
  return {
    path,
    // Some network and user-space file systems have no inode numbers; there a file is its path.
    identity: stats.ino === 0n ? path : `${stats.dev}:${stats.ino}`,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
  };
}

/** How often a folder that changes while it is read is read again. */
const maxAttempts = 4;
const statsAtOnce = 32;

/**
 * Lists the files under a folder whose names may be those of captures, sorted by path.
 *
 * Links are followed; a file or folder that is reached twice counts once. Names that hide or are unfinished are left out.
 * Names that move while a folder is read can be missed by readdir (POSIX leaves that open), so a folder that changed
 * meanwhile is read again.
 *
 * @throws SourceError "source-unavailable" when there is no such folder, "source-failed" when a part of it is unreadable, or has a name
 * that is no UTF-8
 */
export async function listCaptures(
  folder: string,
  isCaptureName: (name: string) => boolean,
  signal: AbortSignal,
): Promise<FileVersion[]> {
  for (let attempt = 1; ; attempt++) {
    const walk = new Walk(isCaptureName, signal);
    await walk.start(folder);
    if (attempt < maxAttempts && (await walk.foldersChanged())) continue;
    return [...walk.files.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }
}

class Walk {
  readonly files = new Map<string, FileVersion>();
  readonly #folders = new Map<string, FileVersion>();
  readonly #isCaptureName: (name: string) => boolean;
  readonly #signal: AbortSignal;

  constructor(isCaptureName: (name: string) => boolean, signal: AbortSignal) {
    this.#isCaptureName = isCaptureName;
    this.#signal = signal;
  }

  async start(folder: string): Promise<void> {
    let stats: BigIntStats;
    try {
      stats = await stat(folder, { bigint: true });
    } catch (error) {
      if (!isGone(error)) throw fileFailure(folder, error);
      throw noSuchFolder(folder, error);
    }
    if (!stats.isDirectory()) throw noSuchFolder(folder);
    await this.#enter(folder, stats);
  }

  /** Whether a name came, went or moved in a folder since it was read. */
  async foldersChanged(): Promise<boolean> {
    for (const folder of this.#folders.values()) {
      const now = await statOrGone(folder.path);
      if (now?.mtimeNs !== folder.mtimeNs) return true;
    }
    return false;
  }

  async #enter(path: string, stats: BigIntStats): Promise<void> {
    const folder = fileVersion(path, stats);
    if (this.#folders.has(folder.identity)) return; // a link back up, or a second link to it
    this.#folders.set(folder.identity, folder);
    let entries: Dirent[];
    try {
      entries = await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (isGone(error)) return;
      throw fileFailure(path, error);
    }
    const wanted = entries.filter((entry) => !isIgnoredName(entry.name) && this.#mayMatter(entry));
    for (let i = 0; i < wanted.length; i += statsAtOnce) {
      this.#signal.throwIfAborted();
      const group = wanted.slice(i, i + statsAtOnce);
      const found = await Promise.all(group.map((entry) => statOrGone(join(path, entry.name))));
      for (const [j, entry] of group.entries()) await this.#add(join(path, entry.name), entry.name, found[j]);
    }
  }

  #mayMatter(entry: Dirent): boolean {
    return (
      entry.isDirectory() || entry.isSymbolicLink() || (entry.isFile() && this.#isCaptureName(entry.name))
    );
  }

  async #add(path: string, name: string, stats: BigIntStats | undefined): Promise<void> {
    if (stats === undefined) {
      // readdir() has put U+FFFD for bytes that are no UTF-8: the file is there, under a name that can't be written here.
      if (name.includes("\ufffd")) throw nameNotUtf8(path);
      return;
    }
    if (stats.isDirectory()) await this.#enter(path, stats);
    // Never a FIFO or a device: opening one blocks, reading one takes what was meant for another.
    if (!stats.isFile() || !this.#isCaptureName(name)) return;
    const file = fileVersion(path, stats);
    if (!this.files.has(file.identity)) this.files.set(file.identity, file);
  }
}

async function statOrGone(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw fileFailure(path, error);
  }
}

function nameNotUtf8(path: string): SourceError {
  return new SourceError(
    "source-failed",
    "a file or folder among the sensor's captures has a name that is no UTF-8, and can't be read; its operator has to rename it",
    { details: { path } },
  );
}

function noSuchFolder(path: string, cause?: unknown): SourceError {
  return new SourceError("source-unavailable", "the sensor's capture folder is not there", {
    cause,
    details: { path },
  });
}
