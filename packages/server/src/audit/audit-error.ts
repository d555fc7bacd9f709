/**
 * What is wrong with an audit log:
 *
 * - `locked`: another process writes it
 * - `broken`: its last line is none of its own
 * - `changed`: the file is gone, or something else wrote to it
 * - `not-a-file`: what is there is no plain file
 * - `unavailable`: it can't be opened, for a reason of the system's
 * - `closed`: it was closed
 */
export type AuditErrorKind = "locked" | "broken" | "changed" | "not-a-file" | "unavailable" | "closed";

/** An audit log that can't be written as it is. The message names the file: it is for the operator, not for clients. */
export class AuditError extends Error {
  override readonly name = "AuditError";
  readonly kind: AuditErrorKind;

  constructor(kind: AuditErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
