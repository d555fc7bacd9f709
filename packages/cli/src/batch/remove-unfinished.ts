import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Takes away what a run that was killed had begun of these captures: until one is whole, it grows in `.NAME.UID.partial`. */
export async function removeUnfinished(folder: string, captures: readonly string[]): Promise<void> {
  const partial = (await readdir(folder)).filter((name) => name.endsWith(".partial"));
  for (const name of partial) {
    if (captures.some((capture) => name.startsWith(`.${capture}.`)))
      await rm(join(folder, name), { force: true });
  }
}
