import { lstat, open } from "node:fs/promises";
import { ifMissing, systemError } from "../file-errors.js";

/**
 * Whether there is a manifest that must go with the file that it describes. Something else that has its name is left alone, and
 * stands in the way of a new manifest only.
 */
export async function findManifest(
  path: string,
  { overwrite, wanted }: { overwrite: boolean; wanted: boolean },
): Promise<boolean> {
  const there = await lstat(path).catch((error: unknown) => (wanted ? ifMissing(error) : undefined));
  if (there === undefined) return false;
  const isManifest = there.isFile() && (await beginsAsManifest(path));
  if (isManifest && overwrite) return true;
  if (isManifest || wanted) throw systemError("EEXIST");
  return false;
}

async function beginsAsManifest(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
    return /^\{\s*"format":\s*"stenogrpc-manifest"/.test(buffer.toString("latin1", 0, bytesRead));
  } finally {
    await file.close();
  }
}
