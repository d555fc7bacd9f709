import { FileChangedError, fileFailure } from "./file-errors.js";
import type { FileVersion } from "./list-captures.js";
import { listCaptures } from "./list-captures.js";
import type { KnownFile, RangeCache } from "./range-cache.js";

/** A folder, which files in it count, and what is known of them. */
export interface Folder {
  readonly path: string;
  readonly isCaptureName: (name: string) => boolean;
  readonly ranges: RangeCache;
}

/** More would make a disk seek rather than read. */
const scansAtOnce = 2;
/** How often the folder is listed anew, when files go away while they are looked at. */
const maxListings = 5;
/** When learning took longer, the listing it began with no longer says where files are. */
const listingAgesMs = 1000;

/**
 * All files of a folder and what they hold. Files that go away meanwhile are no failure here: the folder is listed anew.
 *
 * @throws SourceError; the signal's reason
 */
export async function surveyFolder(folder: Folder, signal: AbortSignal): Promise<KnownFile[]> {
  let isFirst = true;
  for (let listing = 1; ; listing++) {
    try {
      const { first, files } = await listSteadily(folder, signal);
      const { known, learned, learningMs } = await learnAll(folder.ranges, files, signal);
      if (learned > 0) refuseWrittenOver(known, first, await listFolder(folder, signal));
      if (learningMs < listingAgesMs || !isFirst) return known;
      isFirst = false;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FileChangedError) || listing === maxListings)
        throw fileFailure(folder.path, error);
    }
  }
}

/**
 * Lists a folder as it was at one moment, but for packets added to files since.
 *
 * A listing takes time. In a ring of files that are written over, it could see an old content of one file and a newer
 * one of the next, and miss what lies between. So it is made again until nothing but growth lies between two of them: then
 * no file was begun while the second was made. Both are given.
 */
async function listSteadily(
  folder: Folder,
  signal: AbortSignal,
): Promise<{ first: FileVersion[]; files: FileVersion[] }> {
  let first = await listFolder(folder, signal);
  for (let listing = 1; listing <= maxListings; listing++) {
    const files = await listFolder(folder, signal);
    if (onlyGrew(first, files)) return { first, files };
    first = files;
  }
  throw new FileChangedError(folder.path, "the files of the folder change faster than they can be listed");
}

function onlyGrew(before: readonly FileVersion[], now: readonly FileVersion[]): boolean {
  if (before.length !== now.length) return false;
  const versions = byIdentity(before);
  return now.every((file) => {
    const old = versions.get(file.identity);
    return old !== undefined && hasGrown(old, file);
  });
}

function hasGrown(old: FileVersion, now: FileVersion): boolean {
  return now.size > old.size || (now.size === old.size && now.mtimeNs === old.mtimeNs);
}

function byIdentity(files: readonly FileVersion[]): Map<string, FileVersion> {
  return new Map(files.map((file) => [file.identity, file]));
}

/**
 * Learning takes time, too: a file of a ring that is written over before its turn would be known with newer packets than those that
 * were just added to the file before it. By its size that shows, and where it was known, by its beginning.
 *
 * @param first as the folder was listed at first
 * @param last as it is listed now; what came or went since then does not matter
 * @throws FileChangedError
 */
function refuseWrittenOver(
  known: readonly KnownFile[],
  first: readonly FileVersion[],
  last: readonly FileVersion[],
): void {
  const listed = byIdentity(first);
  const now = byIdentity(last);
  for (const { version, writtenOverBy } of known) {
    const then = listed.get(version.identity);
    if (then === undefined) continue; // each was listed
    const shrank = !hasGrown(then, now.get(version.identity) ?? version);
    const hasNewBeginning =
      writtenOverBy !== undefined && (writtenOverBy.size > then.size || writtenOverBy.mtimeNs > then.mtimeNs);
    if (shrank || hasNewBeginning)
      throw new FileChangedError(version.path, "it was written over while the folder was looked through");
  }
}

/** Where a file is now, if it still has a name. */
export async function findAgain(
  folder: Folder,
  identity: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const files = await listCaptures(folder.path, folder.isCaptureName, signal);
  return files.find((file) => file.identity === identity)?.path;
}

/** Lists a folder and forgets what is no longer in it. */
export async function listFolder(folder: Folder, signal: AbortSignal): Promise<FileVersion[]> {
  const files = await listCaptures(folder.path, folder.isCaptureName, signal);
  folder.ranges.keepOnly(files);
  return files;
}

async function learnAll(
  ranges: RangeCache,
  files: readonly FileVersion[],
  signal: AbortSignal,
): Promise<{ known: KnownFile[]; learned: number; learningMs: number }> {
  const startedAt = performance.now();
  const known: KnownFile[] = [];
  const unknown: FileVersion[] = [];
  for (const file of files) {
    const found = ranges.get(file);
    if (found === undefined) unknown.push(file);
    else known.push(found);
  }
  const learned = unknown.length;
  let failed = false;
  const learner = async (): Promise<void> => {
    for (;;) {
      const file = unknown.pop();
      if (file === undefined || failed) return;
      try {
        known.push(await ranges.learn(file, signal));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: scansAtOnce }, learner));
  return { known, learned, learningMs: performance.now() - startedAt };
}
