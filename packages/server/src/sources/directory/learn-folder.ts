import type { Logger } from "../../logger.js";
import { SourceError } from "../packet-source.js";
import type { Folder } from "./survey-folder.js";
import { listFolder } from "./survey-folder.js";

/**
 * Learns what is in a folder while nobody asks, so that the first who asks need not wait. The newest files first. Never rejects: what
 * fails is logged.
 *
 * @param options `recalled` resolves when what was remembered is known; `signal` ends the learning
 */
export async function learnInBackground(
  folder: Folder,
  options: { recalled: Promise<void>; signal: AbortSignal; logger: Logger },
): Promise<void> {
  const { recalled, signal, logger } = options;
  const { path } = folder;
  try {
    await recalled;
    const files = await listFolder(folder, signal);
    if (files.length === 0) {
      logger.warn({ path }, "the capture folder has no file yet whose name is that of a capture");
    }
    files.sort((a, b) => (a.mtimeNs > b.mtimeNs ? -1 : 1));
    for (const file of files) {
      await folder.ranges.learn(file, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // Whoever asks meets it again, if it is still so.
        logger.warn({ path: file.path, err: error }, "could not learn the time range of a capture file");
      });
    }
  } catch (error) {
    if (signal.aborted) return;
    // A disk may be mounted later: no reason not to start, and nothing that a stack would explain.
    if (error instanceof SourceError && error.kind === "source-unavailable")
      logger.warn({ path }, "the capture folder is not there; each retrieval fails until it is");
    else logger.warn({ path, err: error }, "could not look through the capture folder");
  }
}
