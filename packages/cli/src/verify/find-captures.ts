import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { manifestSuffix } from "@stenogrpc/client/node";
import { resultsFile } from "../batch/results-file.js";
import { fileProblem } from "../io/file-problem.js";

/** A capture to verify, or what there is in its place. */
export type FoundCapture =
  | { readonly file: string; readonly kind: "capture" }
  /** A manifest whose capture is gone. */
  | { readonly file: string; readonly kind: "lone-manifest" }
  /** What can't be looked at, or a folder without a capture. */
  | { readonly file: string; readonly kind: "unreadable"; readonly problem: string };

const captureName = /\.(pcap|pcapng|cap)$/i;

/** Whether a path is a folder; what is not there is none. */
export async function isFolder(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() ?? false;
}

/**
 * A file that is named; of a folder, and the folders in it, what has a manifest or is named as a capture, in order of name. A path that is met
 * twice is found once, and what a batch says of its captures is none, also where a shell names it with them.
 */
export async function findCaptures(paths: readonly string[]): Promise<FoundCapture[]> {
  const found = new Map<string, FoundCapture>();
  const captures = paths.filter((path) => basename(path) !== resultsFile);
  for (const path of captures.length > 0 ? captures : paths) {
    const inIt = (await isFolder(path)) ? await capturesIn(path) : [await namedCapture(path)];
    for (const one of inIt) if (!found.has(one.file)) found.set(one.file, one);
  }
  return [...found.values()];
}

/** A file that was named; a manifest stands for its capture. */
async function namedCapture(path: string): Promise<FoundCapture> {
  if (!path.endsWith(manifestSuffix)) return { file: path, kind: "capture" };
  const capture = path.slice(0, -manifestSuffix.length);
  const isThere = (file: string) =>
    stat(file).then(
      () => true,
      () => false,
    );
  if ((await isThere(capture)) || !(await isThere(path))) return { file: capture, kind: "capture" };
  return { file: path, kind: "lone-manifest" };
}

async function capturesIn(folder: string): Promise<FoundCapture[]> {
  const found = await walk(folder);
  return found.length > 0
    ? found
    : [{ file: folder, kind: "unreadable", problem: "there is no capture in this folder" }];
}

async function walk(folder: string): Promise<FoundCapture[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = new Set(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name));
    const found: FoundCapture[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name } = entry;
      const file = join(folder, name);
      if (entry.isDirectory()) found.push(...(await walk(file)));
      else if (captureName.test(name) || names.has(`${name}${manifestSuffix}`))
        found.push({ file, kind: "capture" });
      else if (name.endsWith(manifestSuffix) && !names.has(name.slice(0, -manifestSuffix.length)))
        found.push({ file, kind: "lone-manifest" });
    }
    return found;
  } catch (error) {
    return [{ file: folder, kind: "unreadable", problem: fileProblem(error) }];
  }
}
