import type { X509Certificate } from "node:crypto";
import { RequestError } from "../request-error.js";
import type { CertificateSet } from "./certificate-set.js";
import { issuerOf } from "./revocation-list.js";

/** Certificates in one chain: more is nobody's. */
const maxChainLength = 10;

/** Which certificates of clients are refused, and whose clients are welcome. */
export type TrustSet = Pick<CertificateSet, "denylist" | "revocationLists"> &
  Partial<Pick<CertificateSet, "authorities">>;

/**
 * Whether a client certificate is good still. OpenSSL looks at it in the handshake only; a connection lives for days, and
 * what is revoked, expired or no longer wanted meanwhile must get no further answer.
 */
export class ClientTrust {
  #set: TrustSet = { denylist: new Set(), revocationLists: [] };
  #lostAuthority = false;

  /** From now on, this counts. */
  replace(set: TrustSet): void {
    const known = new Set(set.authorities?.map(({ fingerprint256 }) => fingerprint256));
    this.#lostAuthority ||= (this.#set.authorities ?? []).some(
      ({ fingerprint256 }) => !known.has(fingerprint256),
    );
    this.#set = set;
  }

  /** Why a certificate that was accepted once is refused now; undefined where it is not. */
  refusal(certificate: X509Certificate): RequestError | undefined {
    if (this.#isRevoked(certificate)) {
      return new RequestError("certificate-revoked", "this client certificate has been revoked; use another");
    }
    if (Date.parse(certificate.validTo) <= Date.now()) {
      return new RequestError(
        "certificate-expired",
        "this client certificate has expired since the connection began; connect again with a new one",
      );
    }
    // OpenSSL has built the chain in the handshake; whether it still ends where it should matters once an authority is gone.
    if (this.#lostAuthority && !leadsTo(this.#set.authorities ?? [], certificate)) {
      return new RequestError(
        "certificate-untrusted",
        "the authority of this client certificate is no longer trusted; connect again with a certificate of another",
      );
    }
    return undefined;
  }

  #isRevoked(certificate: X509Certificate): boolean {
    const { denylist, revocationLists } = this.#set;
    if (denylist.has(certificate.fingerprint256)) return true;
    const serial = certificate.serialNumber;
    // Serial numbers are unique for one issuer only.
    return revocationLists.some(
      (list) => list.serials.has(serial) && Buffer.compare(list.issuer, issuerOf(certificate)) === 0,
    );
  }
}

/** Whether one of `authorities` has signed the certificate, or one in the chain that its client sent. */
function leadsTo(authorities: readonly X509Certificate[], certificate: X509Certificate): boolean {
  let link = certificate;
  for (let i = 0; i < maxChainLength; i++) {
    if (authorities.some((authority) => isIssuedBy(link, authority))) return true;
    const next = link.issuerCertificate;
    if (next === undefined || !isIssuedBy(link, next)) return false;
    link = next;
  }
  return false;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
