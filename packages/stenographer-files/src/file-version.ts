import type { Stats } from "node:fs";

/** The same as long as a file is. */
export function versionOf({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs}`;
}
