import { UsageError } from "../usage-error.js";

/** A name that becomes a file's; "ca" and "server" are the authority's and the first server's. Throws UsageError. */
export function checkCertificateName(what: string, name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name) || /^(ca|server)$/i.test(name)) {
    throw new UsageError(
      `${what}: ${JSON.stringify(name)} will not do; use letters, digits, ".", "_" and "-", and neither ca nor server`,
    );
  }
}
