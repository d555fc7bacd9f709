import type { X509Certificate } from "node:crypto";
import { RequestError } from "../request-error.js";
import type { CertificateSet } from "./certificate-set.js";
import { issuerOf } from "./revocation-list.js";

/** Fingerprints that are remembered before those of expired certificates are forgotten. */
const manyAccepted = 10_000;

/** Which certificates of clients are refused, and whose clients are welcome. */
export type TrustSet = Pick<CertificateSet, "denylist" | "revocationLists"> &
  Partial<Pick<CertificateSet, "authorities">>;

/**
 * Whether a client certificate is good still. OpenSSL looks at it in the handshake only; a connection lives for days, and
 * what is revoked, expired or no longer wanted meanwhile must get no further answer.
 */
export class ClientTrust {
  #set: TrustSet = { denylist: new Set(), revocationLists: [] };
  /** Since an authority was lost, by fingerprint: when what OpenSSL has accepted since then ends. */
  #loss: { readonly atMs: number; readonly accepted: Map<string, number> } | undefined;

  /** From now on, this counts. */
  replace(set: TrustSet): void {
    const known = new Set(set.authorities?.map(({ fingerprint256 }) => fingerprint256));
    const lost = this.#set.authorities?.some(({ fingerprint256 }) => !known.has(fingerprint256));
    if (lost) this.#loss = { atMs: performance.now(), accepted: new Map() };
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
    if (!this.#isTrusted(certificate)) {
      return new RequestError(
        "certificate-untrusted",
        "the authority of this client certificate is no longer trusted; connect again with a certificate of another",
      );
    }
    return undefined;
  }

  /** @throws RequestError where a certificate that was accepted once is refused now */
  assertGood(certificate: X509Certificate | undefined): void {
    const refusal = certificate && this.refusal(certificate);
    if (refusal) throw refusal;
  }

  /**
   * OpenSSL has accepted it.
   *
   * @param startedAtMs when the connection began (performance.now()): a handshake ends under the set under which it began
   */
  accepted({ fingerprint256, validTo }: X509Certificate, startedAtMs: number): void {
    if (this.#loss === undefined || startedAtMs < this.#loss.atMs) return;
    const { accepted } = this.#loss;
    accepted.set(fingerprint256, Date.parse(validTo));
    if (accepted.size < manyAccepted) return;
    for (const [fingerprint, endsAtMs] of accepted) if (endsAtMs <= Date.now()) accepted.delete(fingerprint);
  }

  /**
   * Whether the chain still ends where it should, which matters once an authority is gone. Node does not keep the chain that a
   * client sent, so a certificate behind an intermediate has to prove itself in a new handshake.
   */
  #isTrusted(certificate: X509Certificate): boolean {
    if (this.#loss === undefined || this.#loss.accepted.has(certificate.fingerprint256)) return true;
    return this.#set.authorities?.some((authority) => isIssuedBy(certificate, authority)) ?? true;
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

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
