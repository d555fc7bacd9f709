import { CertificateError } from "./certificate-error.js";

const dayMs = 24 * 60 * 60 * 1000;
// Clocks of two machines differ: a certificate that starts now is refused by a peer that is a minute behind.
const clockToleranceMs = 5 * 60 * 1000;

/** When a certificate is valid, both ends included. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What callers say about validity. */
export interface ValidityOptions {
  /** First moment. Default: five minutes ago. */
  readonly notBefore?: Date;
  /** Last moment. Default: `days` from now, but never after the authority's own end. */
  readonly notAfter?: Date;
  /** Days from now, ignored where `notAfter` is set. */
  readonly days?: number;
}

/** Works out the two ends. Throws CertificateError `validity-invalid`. */
export function validity(options: ValidityOptions, defaultDays: number, latest?: Date): Validity {
  const days = options.days ?? defaultDays;
  if (!(days > 0)) throw new CertificateError("validity-invalid", `days must be more than 0, not ${days}`);
  const now = Date.now();
  const byDays = new Date(latest ? Math.min(now + days * dayMs, latest.getTime()) : now + days * dayMs);
  const notBefore = options.notBefore ?? new Date(now - clockToleranceMs);
  const notAfter = options.notAfter ?? byDays;
  // Also refuses an invalid Date, whose time is NaN, and days beyond what a Date can hold.
  if (!(notAfter.getTime() > notBefore.getTime())) {
    throw new CertificateError("validity-invalid", "a certificate must end after it starts");
  }
  return { notBefore, notAfter };
}
