import { CertificateError } from "./certificate-error.js";
import type { JsonGeneralName } from "./x509.js";

// SPIFFE-ID, section 2: the trust domain in lower case, no port, no user; a path of plain segments.
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)*$/;

/** The subject alternative name for a URI with its scheme; SPIFFE ids by their own, stricter rules. Throws CertificateError `san-invalid`. */
export function uriName(uri: string): JsonGeneralName {
  const spiffe = /^spiffe:/i.test(uri);
  const dots = /\/\.{1,2}(\/|$)/.test(uri);
  // IA5String: ASCII only. A certificate's URI is absolute (RFC 5280 section 4.2.1.6).
  const plain = /^[a-z][a-z0-9+.-]*:[!-~]+$/i.test(uri) && uri.length <= 2048;
  if (!plain || (spiffe && (dots || !spiffeId.test(uri)))) {
    throw new CertificateError(
      "san-invalid",
      spiffe
        ? `${JSON.stringify(uri)} is no SPIFFE id: spiffe://trust.domain/path, without a port, "//" or a slash at the end`
        : `${JSON.stringify(uri)} is no URI with a scheme, in ASCII`,
    );
  }
  return { type: "url", value: uri };
}

/** The subject alternative name for a mail address. Throws CertificateError `san-invalid`. */
export function emailName(address: string): JsonGeneralName {
  if (!/^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(address)) {
    throw new CertificateError("san-invalid", `${JSON.stringify(address)} is no mail address in ASCII`);
  }
  return { type: "email", value: address };
}
