import { InvalidArgumentError } from "commander";

/** A line of an audit log that is known from elsewhere. */
export interface KnownLine {
  readonly seq: number;
  readonly hash: string;
}

/** Reads one `SEQ:HASH` after the other of an option that takes several. */
export function auditLineArgument(text: string, before: readonly KnownLine[] = []): KnownLine[] {
  const [, seq, hash] = /^([1-9]\d{0,15}):([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new InvalidArgumentError("Write the number of a line, a colon, and its hash of 64 hex digits.");
  }
  return [...before, { seq: Number(seq), hash: hash.toLowerCase() }];
}
