import { CertificateError } from "./certificate-error.js";
import { validity } from "./validity.js";
import * as x509 from "./x509.js";

const defaultListDays = 365;
/** id-ce-cRLNumber, RFC 5280 section 5.2.3. */
export const crlNumberId = "2.5.29.20";

/** A certificate that is no longer to be trusted. */
export interface RevokedCertificate {
  /** Its serial number in hex, as `openssl x509 -serial` and Node print it. */
  readonly serialNumber: string;
  /** Since when. Default: now. */
  readonly revokedAt?: Date;
}

/** What a revocation list says. */
export interface RevocationListOptions {
  /** Every certificate that is revoked: a list replaces the one before. */
  readonly revoked: readonly RevokedCertificate[];
  /** Number of this list, larger than that of the one before. Default: seconds since 1970. */
  readonly number?: number;
  /**
   * Days until the next list is due. Default: 365. From then on OpenSSL refuses everybody, so issue a new one before.
   */
  readonly days?: number;
}

/** Signs a list of revoked certificates (RFC 5280 section 5): PEM. Throws CertificateError. */
export async function signRevocationList(
  issuer: x509.X509Certificate,
  signingKey: CryptoKey,
  signingAlgorithm: EcdsaParams,
  authorityKeyIdentifier: x509.Extension,
  options: RevocationListOptions,
): Promise<string> {
  const { notBefore, notAfter } = validity({ days: options.days }, defaultListDays);
  const entries = new Map(
    options.revoked.map(({ serialNumber, revokedAt }) => [
      canonicalSerial(serialNumber),
      revokedAt ?? new Date(),
    ]),
  );
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    entries: [...entries].map(([serialNumber, revocationDate]) => ({ serialNumber, revocationDate })),
    extensions: [
      authorityKeyIdentifier,
      new x509.Extension(crlNumberId, false, derInteger(options.number ?? Math.floor(Date.now() / 1000))),
    ],
    signingAlgorithm,
    signingKey,
  });
  // The library's own label is "CRL", which OpenSSL does not know (RFC 7468 section 6).
  return `${x509.PemConverter.encode(list.rawData, "X509 CRL").trimEnd()}\n`;
}

/** Lower-case hex of whole bytes without leading zero bytes, so that one certificate has one name. */
function canonicalSerial(serialNumber: string): string {
  if (!/^[0-9a-f]{1,40}$/i.test(serialNumber)) {
    throw new CertificateError(
      "serial-invalid",
      `${JSON.stringify(serialNumber)} is no serial number: 1 to 40 hex digits`,
    );
  }
  const digits = serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

/** A number of at least 0 as ASN.1 INTEGER: the shortest form, its first bit 0 (X.690 section 8.3). */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  const bytes = Buffer.from(hex, "hex");
  return new Uint8Array([0x02, bytes.length, ...bytes]);
}
