/** Bytes a read of a file that is read alone. */
export const readBytes = 512 * 1024;
/** A peek for the first record reads no further than it must. */
export const peekBytes = 64 * 1024;

/** What one retrieval may use for read buffers, two for each open file. */
const readBudgetBytes = 32 * 1024 * 1024;
const minReadBytes = 16 * 1024;

/** Bytes a read of each of several files that one retrieval has open at a time. */
export function readBytesOfEach(openFiles: number): number {
  const share = Math.floor(readBudgetBytes / (2 * Math.max(1, openFiles)));
  return Math.max(minReadBytes, Math.min(readBytes, share));
}
