import type { KnownFile } from "./range-cache.js";

/** A file changed within this time is taken for one that is being written. */
const beingWrittenNs = 5_000_000_000n;

/** Whether a file is being written, so that a cut last record is normal in it. */
export type IsBeingWritten = (file: Pick<KnownFile, "version">) => boolean;

/** Tells the files that are being written: the newest, and one that changed just now, which is another thread's newest. */
export function whichAreBeingWritten(known: readonly KnownFile[], nowNs: bigint): IsBeingWritten {
  let newestNs = 0n;
  for (const { version, finding } of known) {
    const isCapture = finding.kind === "packets" || finding.kind === "no-packets";
    if (isCapture && version.mtimeNs > newestNs) newestNs = version.mtimeNs;
  }
  return ({ version }) => version.mtimeNs >= newestNs || version.mtimeNs >= nowNs - beingWrittenNs;
}
