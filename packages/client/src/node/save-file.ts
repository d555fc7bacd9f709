import { type FileHandle, link, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { canceledBySignal } from "../error-from-rpc.js";
import { BatchWriter } from "./batch-writer.js";
import { findManifest } from "./evidence/find-manifest.js";
import { manifestSuffix } from "./evidence/manifest.js";
import { errnoOf, fileErrors, ifMissing, systemError } from "./file-errors.js";

export interface SaveOptions {
  readonly uid: string;
  readonly overwrite: boolean;
  readonly signal: AbortSignal | undefined;
  /** Which attempt the latest piece is of. Where that changes, what came before is not of the file. Default: there is only one. */
  readonly attempt?: () => number;
  /** Makes the text of the file's manifest, once the pieces have ended well; undefined: it gets none. */
  readonly manifest?: (() => Promise<string>) | undefined;
}

/** The longest file name of all usual file systems, in bytes. */
const longestNameBytes = 255;

/**
 * Writes the pieces to a temporary file beside `path` and, when they have ended well, puts it there: fsync, rename, fsync of
 * the folder. On any failure the temporary file goes away and `path` stays as it was.
 *
 * A manifest that is beside `path` goes away before the file that it describes does, and a new one comes after its file: whatever
 * ends the process in between leaves a file without a manifest, never one with that of another. Both are whole on the disk before.
 *
 * @returns the path of the manifest, if it was to have one
 * @throws StenographerError `FILE_FAILED`, or what the pieces throw
 */
export async function saveFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  options: SaveOptions,
): Promise<string | undefined> {
  const { uid, overwrite, signal, manifest, attempt = () => 0 } = options;
  const target = await fileErrors(path, uid, () => resolveTarget(path, overwrite));
  const manifestPath = `${target}${manifestSuffix}`;
  const oldManifest = (): Promise<boolean> =>
    fileErrors(manifestPath, uid, () =>
      findManifest(manifestPath, { overwrite, wanted: manifest !== undefined }),
    );
  await oldManifest();
  const written: string[] = [];
  /** Writes what is to be `file`, which messages call `shown`. */
  const write = async (file: string, shown: string, content: AsyncIterable<Uint8Array>): Promise<string> => {
    const temporary = join(dirname(file), temporaryName(basename(file), uid));
    const opened = () => written.push(temporary);
    await writeTemporary(temporary, content, { path: shown, uid, attempt, opened });
    return temporary;
  };
  try {
    const capture = await write(target, path, pieces);
    const described = manifest && (await write(manifestPath, manifestPath, asPieces(manifest)));
    if (signal?.aborted) throw canceledBySignal("retrieval", signal, uid);
    // Now: another answer may have been saved here meanwhile.
    if (await oldManifest()) await fileErrors(manifestPath, uid, () => removeLastingly(manifestPath));
    await fileErrors(path, uid, () => putInPlace(capture, target, overwrite));
    await fileErrors(path, uid, () => syncFolder(dirname(target)));
    if (!described) return undefined;
    try {
      await fileErrors(manifestPath, uid, () => putInPlace(described, manifestPath, overwrite));
    } catch (error) {
      if (!overwrite) await rm(target, { force: true }); // it was not there before
      throw error;
    }
    await fileErrors(manifestPath, uid, () => syncFolder(dirname(target)));
    return manifestPath;
  } catch (error) {
    for (const temporary of written) await rm(temporary, { force: true }).catch(() => {}); // what failed first is the news
    throw error;
  }
}

/** Makes a file, readable by its owner only, that is whole on the disk. */
async function writeTemporary(
  temporary: string,
  pieces: AsyncIterable<Uint8Array>,
  { path, uid, attempt, opened }: { path: string; uid: string; attempt: () => number; opened: () => void },
): Promise<void> {
  // x: never into a file, or through a link, that somebody put there. a: what is emptied is written from its start on.
  const file = await open(temporary, "ax", 0o600).catch((error: unknown) =>
    fileErrors(errnoOf(error) === "EEXIST" ? temporary : path, uid, () => Promise.reject<FileHandle>(error)),
  );
  opened();
  try {
    await writeAll(file, pieces, attempt, (write) => fileErrors(path, uid, write));
    await fileErrors(path, uid, () => file.sync());
  } finally {
    await fileErrors(path, uid, () => file.close());
  }
}

async function* asPieces(text: () => Promise<string>): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(await text());
}

async function removeLastingly(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

async function writeAll(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  attempt: () => number,
  guarded: (write: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const writer = new BatchWriter(file);
  let written = attempt();
  for await (const piece of pieces) {
    if (attempt() !== written) {
      await guarded(() => writer.flush());
      await guarded(() => file.truncate());
      written = attempt();
    }
    await guarded(() => writer.write(piece));
  }
  await guarded(() => writer.flush());
}

/** The file to be replaced or made. What is there and is no plain file, a device or a folder, is left alone. */
async function resolveTarget(path: string, overwrite: boolean): Promise<string> {
  const there = await lstat(path).catch(ifMissing);
  if (there === undefined) return path;
  if (!overwrite) throw systemError("EEXIST");
  const target = there.isSymbolicLink() ? await realpath(path) : path;
  const found = await stat(target);
  if (found.isDirectory()) throw systemError("EISDIR");
  if (!found.isFile()) throw systemError("not a regular file");
  return target;
}

async function putInPlace(temporary: string, target: string, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(temporary, target);
  // link() fails where the name is taken, rename() would replace it.
  await link(temporary, target);
  await rm(temporary);
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and needs no such sync.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function temporaryName(name: string, uid: string): string {
  const tail = `.${uid}.partial`;
  let head = name;
  while (Buffer.byteLength(`.${head}${tail}`) > longestNameBytes) head = head.slice(0, -1);
  return `.${head}${tail}`;
}
