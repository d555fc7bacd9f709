import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { decodeCapture, type PacketRecord, records } from "@stenogrpc/pcap";
import { StenographerError } from "../stenographer-error.js";
import { errnoOf } from "./file-errors.js";

/** A file that was saved. */
export interface SavedFile {
  readonly path: string;
  readonly uid: string;
  readonly sha256: string;
}

/**
 * The packets of a file that was saved, one after the other. Where it is no longer that file, they end with an error, at their end at the
 * latest.
 *
 * @throws StenographerError `FILE_FAILED`
 */
export async function* savedRecords(file: SavedFile): AsyncGenerator<PacketRecord> {
  try {
    const capture = await decodeCapture(bytesOf(file));
    yield* records(capture.batches);
  } catch (error) {
    throw error instanceof StenographerError ? error : unreadable(file, error);
  }
}

async function* bytesOf(file: SavedFile): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file.path, { highWaterMark: 262_144 })) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest("hex") !== file.sha256) throw unreadable(file);
}

function unreadable({ path, uid }: SavedFile, cause?: unknown): StenographerError {
  const errno = errnoOf(cause);
  const problem = errno
    ? `cannot read ${path} again (${errno})`
    : `${path} is no longer the file that was saved`;
  return new StenographerError(`${problem}; fetch the packets again`, {
    code: "failed_precondition",
    reason: "FILE_FAILED",
    uid,
    cause,
  });
}
