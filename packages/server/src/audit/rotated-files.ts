import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A file that a log has filled. */
export interface RotatedFile {
  readonly path: string;
  /** Number of its last line, from its name. */
  readonly lastSeq: number;
}

const digits = 16; // what a safe integer can have

/** What the file of a log is called once it is full: the log's own name and the number of its last line. */
export function rotatedName(log: string, lastSeq: number): string {
  return `${log}.${String(lastSeq).padStart(digits, "0")}`;
}

/** The full files of a log, oldest first. */
export async function rotatedFiles(log: string): Promise<RotatedFile[]> {
  const prefix = `${basename(log)}.`;
  const folder = dirname(log);
  return (await readdir(folder))
    .filter((name) => name.startsWith(prefix) && /^\d{16}$/.test(name.slice(prefix.length)))
    .map((name) => ({ path: join(folder, name), lastSeq: Number(name.slice(prefix.length)) }))
    .sort((a, b) => a.lastSeq - b.lastSeq);
}
