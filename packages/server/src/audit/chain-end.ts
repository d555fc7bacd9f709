import { open } from "node:fs/promises";
import { errnoOf } from "../errno.js";
import { AuditError } from "./audit-error.js";
import { maxLineBytes, readChainLink } from "./audit-line.js";
import type { AuditReceipt } from "./audit-record.js";

/** How a file of a log ends. */
export interface ChainEnd {
  /** Its last whole line; undefined where it has none. */
  readonly last: AuditReceipt | undefined;
  /** What stands behind that line: the beginning of one that a crash cut off. Empty if nothing. */
  readonly torn: Buffer;
  /** Bytes of the file. */
  readonly size: number;
}

/** One commit, which a crash may have torn, and a line before it. */
const mostBytes = 2 * maxLineBytes;

/**
 * Reads the end of a file, however long the file is. One that does not exist is empty.
 *
 * @throws AuditError "broken" where the last whole line is none of an audit log's, or not as it was written
 */
export async function readChainEnd(path: string): Promise<ChainEnd> {
  const { bytes, size } = await readEnd(path);
  const wholeBytes = bytes.lastIndexOf("\n") + 1;
  const torn = bytes.subarray(wholeBytes);
  if (torn.length > 0 && torn[0] !== 0 && torn[0] !== openingBrace) throw broken(path, "it is no audit log");
  if (wholeBytes === 0 && bytes.length === size) return { last: undefined, torn, size };
  const whole = bytes.subarray(0, Math.max(0, wholeBytes - 1));
  const link = readChainLink(whole.subarray(whole.lastIndexOf("\n") + 1));
  if (!link) throw broken(path, "its last line is no line of an audit log");
  if (!link.isTrue) throw broken(path, `its last line (${link.seq}) was changed`);
  return { last: { seq: link.seq, hash: link.hash }, torn, size };
}

const openingBrace = 0x7b;

async function readEnd(path: string): Promise<{ bytes: Buffer; size: number }> {
  const handle = await open(path, "r").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!handle) return { bytes: Buffer.alloc(0), size: 0 };
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, mostBytes));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
    if (bytesRead < bytes.length) throw broken(path, "it became shorter while it was read");
    return { bytes, size };
  } finally {
    await handle.close();
  }
}

function broken(path: string, what: string): AuditError {
  return new AuditError(
    "broken",
    `${path}: ${what}; look at it with \`stenogrpc audit verify\`, and move it away to begin another`,
  );
}
