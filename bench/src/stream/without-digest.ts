import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** Has SHA-256 come out as zeros in this process, to see what it costs: both sides have to do it. */
export function withoutDigest(): void {
  const digest = (encoding?: string) => {
    const zeros = Buffer.alloc(32);
    return encoding === "hex" ? zeros.toString("hex") : zeros;
  };
  const hash = { update: () => hash, copy: () => hash, digest };
  // Only for what the peers ask of a hash.
  crypto.createHash = (() => hash) as unknown as typeof crypto.createHash;
  syncBuiltinESMExports();
}
