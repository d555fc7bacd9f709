import { writeSync } from "node:fs";

/**
 * Writes all bytes to a file. Node's stream for a stdout that is a file takes a short write for a whole one: a disk that fills up
 * would cut the output, and nobody would hear of it. Throws what the system says to what is left.
 */
export function writeToEnd(
  fd: number,
  bytes: Uint8Array,
  write: (fd: number, bytes: Uint8Array) => number = writeSync,
): void {
  for (let done = 0; done < bytes.byteLength; ) done += write(fd, bytes.subarray(done));
}
