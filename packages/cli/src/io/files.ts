import { access, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "../usage-error.js";
import { errorCode } from "./error-code.js";
import { fileProblem } from "./file-problem.js";

/** Throws UsageError where the file exists. */
export async function refuseExisting(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) throw new UsageError(`${file} exists; choose another name, or --overwrite`);
}

/** Throws UsageError where a folder or a device is named, which no file can replace. */
export async function refuseSpecial(file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there === undefined || there.isFile()) return;
  throw new UsageError(
    there.isDirectory()
      ? `${file} is a folder; add a file name`
      : `${file} is no regular file, which alone can be written whole; choose another name, or "-" for stdout`,
  );
}

/** Throws UsageError where the folder that a file is to go into is missing: better now than after the retrieval. */
export async function requireFolderOf(file: string): Promise<void> {
  const folder = dirname(file);
  await access(folder).catch((cause: unknown) => {
    throw new UsageError(`there is no folder ${folder} to write ${file} into; make it first`, { cause });
  });
}

/** Makes a folder where it is missing. Throws UsageError. */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode });
  } catch (cause) {
    throw new UsageError(`cannot make the folder ${folder}: ${fileProblem(cause)}; choose another`, {
      cause,
    });
  }
}

/** A file's text; undefined where there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a file so that it is there whole or not at all. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "wx");
  try {
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
