import { CertificateError } from "./certificate-error.js";
import { crlNumberId } from "./revocation-list.js";
import * as x509 from "./x509.js";

/** What a revocation list says. */
export interface RevocationList {
  readonly revoked: readonly { readonly serialNumber: string; readonly revokedAt: Date }[];
  /** Its number, larger than that of the one before; 0 where it has none. */
  readonly number: number;
  /** When the next list is due. */
  readonly nextUpdate: Date | undefined;
}

/** Reads a list that this authority has signed. Throws CertificateError `revocation-list-invalid`. */
export async function readRevocationList(issuer: x509.X509Certificate, pem: string): Promise<RevocationList> {
  const list = parse(pem);
  if (!(await list.verify({ publicKey: issuer.publicKey }))) {
    throw new CertificateError(
      "revocation-list-invalid",
      "this authority has not signed the revocation list",
    );
  }
  return {
    revoked: list.entries.map(({ serialNumber, revocationDate }) => ({
      serialNumber,
      revokedAt: revocationDate,
    })),
    number: numberIn(list.getExtension(crlNumberId)?.value),
    nextUpdate: list.nextUpdate,
  };
}

function parse(pem: string): x509.X509Crl {
  try {
    const [der] = x509.PemConverter.decode(pem);
    if (der === undefined) throw new RangeError("no PEM");
    return new x509.X509Crl(der);
  } catch (cause) {
    throw new CertificateError("revocation-list-invalid", "no revocation list in PEM", { cause });
  }
}

/** The number in an ASN.1 INTEGER: tag, length, and the bytes. */
function numberIn(der: ArrayBuffer | undefined): number {
  if (der === undefined) return 0;
  return Number.parseInt(Buffer.from(der).subarray(2).toString("hex"), 16);
}
