import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { parseOptions } from "@stenogrpc/options";
import { pemProblem, readPem } from "./read-pem.js";
import { parseRevocationLists, type RevocationList, subjectOf } from "./revocation-list.js";
import { type RefusedCertificates, refusedSchema, type TlsOptions, tlsOptionsSchema } from "./tls-options.js";

/** Certificates of a server that have been read and fit together. */
export interface CertificateSet {
  /** What OpenSSL is given. */
  readonly context: SecureContextOptions;
  /** This server's certificate, then its chain. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly authorities: readonly X509Certificate[];
  readonly revocationLists: readonly RevocationList[];
  /** Fingerprints as Node prints them: upper-case hex with colons. */
  readonly denylist: ReadonlySet<string>;
}

/**
 * Reads the certificates of a server and checks that they fit.
 *
 * @throws OptionsError that names the option
 */
export function readCertificates(options: TlsOptions): CertificateSet {
  const tls = parseOptions("tls", tlsOptionsSchema, options);
  const [ca, cert, key] = [readPem("ca", tls.ca), readPem("cert", tls.cert), readPem("key", tls.key)];
  const authorities = readAll("ca", ca);
  const chain = readAll("cert", cert);
  const secret = attempt("key", "is no private key in PEM without a passphrase", () => createPrivateKey(key));
  if (!chain[0].checkPrivateKey(secret)) throw pemProblem("key", "is not the key of `cert`");
  chain.slice(1).forEach((issuer, i) => {
    if (!chain[i]?.checkIssued(issuer)) {
      throw pemProblem("cert", `certificate ${i + 2} of the chain is not the issuer of the one before`);
    }
  });
  const { revocationLists, denylist } = refusedBy(tls);
  if (revocationLists.length > 0 && authorities.every((authority) => !hasList(authority, revocationLists))) {
    throw pemProblem("crl", "is of no authority in `ca`; OpenSSL would refuse every client");
  }
  const context = {
    ca,
    cert,
    key,
    minVersion: tls.minVersion,
    // No session is resumed: OpenSSL would take the client's certificate for verified, whatever has happened to it since.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(revocationLists.length > 0 ? { crl: revocationLists.map(({ pem }) => pem) } : {}),
  };
  attempt("cert", "is refused by OpenSSL, for its key or its signature", () => createSecureContext(context));
  return { context, chain, authorities, revocationLists, denylist };
}

/**
 * Reads which client certificates are refused.
 *
 * @throws OptionsError that names the option
 */
export function readRefused(
  options: RefusedCertificates,
): Pick<CertificateSet, "revocationLists" | "denylist"> {
  return refusedBy(parseOptions("refuse", refusedSchema, options));
}

function refusedBy({
  crl = [],
  denylist = [],
}: RefusedCertificates): Pick<CertificateSet, "revocationLists" | "denylist"> {
  return {
    revocationLists: (Array.isArray(crl) ? crl : [crl])
      .map((pem) => readPem("crl", pem))
      .flatMap((pem) =>
        attempt("crl", "is no list of revoked certificates (CRL) in PEM", () => parseRevocationLists(pem)),
      ),
    denylist: new Set(denylist.map(fingerprint)),
  };
}

/** Whether there is a revocation list of this authority, by name. */
export function hasList(authority: X509Certificate, lists: readonly RevocationList[]): boolean {
  const name = subjectOf(authority);
  return lists.some(({ issuer }) => Buffer.compare(issuer, name) === 0);
}

function readAll(option: string, pem: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const [first, ...rest] = blocks.map((block) =>
    attempt(option, "is no certificate in PEM", () => new X509Certificate(block)),
  );
  if (first === undefined) throw pemProblem(option, "is no certificate in PEM");
  return [first, ...rest];
}

function attempt<T>(option: string, what: string, read: () => T): T {
  try {
    return read();
  } catch {
    // Without the cause: OpenSSL's text helps nobody here, and the error may hold the key.
    throw pemProblem(option, what);
  }
}

function fingerprint(text: string): string {
  return text
    .replaceAll(":", "")
    .toUpperCase()
    .replace(/..(?=.)/g, "$&:");
}
