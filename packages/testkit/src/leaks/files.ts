import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files in a folder and below, hidden ones too, by path from there, sorted. */
export function temporaryFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !statSync(join(folder, name)).isDirectory())
    .sort();
}

/** The files below a folder that a process has open, deleted ones too. */
export function openFilesBelow(pid: number, folder: string): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((descriptor) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      } catch {
        return ""; // closed meanwhile
      }
    })
    .filter((path) => path.startsWith(`${folder}/`))
    .sort();
}
