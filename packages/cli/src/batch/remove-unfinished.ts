import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RowTask } from "./row-task.js";

/** Takes away what a run that was killed had begun of these rows: until a capture is whole, it grows in `.NAME.UID.partial`. */
export async function removeUnfinished(folder: string, tasks: readonly RowTask[]): Promise<void> {
  for (const name of await readdir(folder)) {
    const isUnfinished = name.endsWith(".partial") && tasks.some(({ file }) => name.startsWith(`.${file}.`));
    if (isUnfinished) await rm(join(folder, name), { force: true });
  }
}
