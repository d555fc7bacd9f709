import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { CertificateError } from "./certificate-error.js";
import { hostName } from "./host-name.js";
import { emailName, uriName } from "./other-names.js";
import { type RevocationList, readRevocationList } from "./read-revocation-list.js";
import { type RevocationListOptions, signRevocationList } from "./revocation-list.js";
import { type ValidityOptions, validity } from "./validity.js";
import * as x509 from "./x509.js";

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const defaultAuthorityDays = 3650;
const defaultLeafDays = 365;

/** A certificate with its private key, both PEM (the key PKCS#8). */
export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Who a server is. */
export interface ServerCertificateOptions extends ValidityOptions {
  /** Common name, for people: clients look at `hosts` only. */
  readonly commonName: string;
  /** DNS names and IP addresses that clients dial, at least one. */
  readonly hosts: readonly string[];
  /** URIs, such as SPIFFE ids. */
  readonly uris?: readonly string[];
}

/** Who a client is. */
export interface ClientCertificateOptions extends ValidityOptions {
  /** Common name: the client's name in logs and policies. */
  readonly commonName: string;
  /** URIs, such as SPIFFE ids. */
  readonly uris?: readonly string[];
  /** Mail addresses. */
  readonly emails?: readonly string[];
  /** DNS names. */
  readonly dnsNames?: readonly string[];
}

/** A certificate authority that can issue certificates for servers and clients. */
export interface CertificateAuthority extends Identity {
  /** Issues a certificate that only serves as a server's. Throws CertificateError. */
  issueServer(options: ServerCertificateOptions): Promise<Identity>;
  /** Issues a certificate that only serves as a client's. Throws CertificateError. */
  issueClient(options: ClientCertificateOptions): Promise<Identity>;
  /** Signs a list of the certificates that are revoked, PEM. Throws CertificateError. */
  issueRevocationList(options: RevocationListOptions): Promise<string>;
  /** Reads a list that it has signed, to add to it. Throws CertificateError `revocation-list-invalid`. */
  readRevocationList(pem: string): Promise<RevocationList>;
}

/** Makes a new authority: P-256, valid for `days` (default 3650), unable to make further authorities. Throws CertificateError. */
export async function createCertificateAuthority(
  options: { commonName?: string; days?: number } = {},
): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: distinguishedName(options.commonName ?? "stenogrpc development CA"),
    keys,
    signingAlgorithm,
    ...validity({ days: options.days }, defaultAuthorityDays),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authority(certificate, keys.privateKey, await privateKeyPem(keys.privateKey));
}

/** Opens an authority that was saved as PEM. Throws CertificateError `authority-invalid`. */
export async function openCertificateAuthority(pem: {
  certificate: string;
  privateKey: string;
}): Promise<CertificateAuthority> {
  const { certificate, key } = readPair(pem);
  if (!certificate.ca) {
    throw new CertificateError("authority-invalid", "the certificate is not a certificate authority's");
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new CertificateError(
      "authority-invalid",
      "the private key does not belong to the authority's certificate",
    );
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new CertificateError("authority-invalid", "the authority's key is not a P-256 key");
  }
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const signingKey = await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), keyAlgorithm, true, [
    "sign",
  ]);
  return authority(new x509.X509Certificate(pem.certificate), signingKey, await privateKeyPem(signingKey));
}

function readPair(pem: { certificate: string; privateKey: string }): {
  certificate: X509Certificate;
  key: KeyObject;
} {
  try {
    return { certificate: new X509Certificate(pem.certificate), key: createPrivateKey(pem.privateKey) };
  } catch (cause) {
    throw new CertificateError("authority-invalid", "the authority's certificate or private key is not PEM", {
      cause,
    });
  }
}

function authority(
  certificate: x509.X509Certificate,
  signingKey: CryptoKey,
  privateKey: string,
): CertificateAuthority {
  const issue = async (
    commonName: string,
    names: x509.JsonGeneralName[],
    usage: x509.ExtendedKeyUsage,
    options: ValidityOptions,
  ): Promise<Identity> => {
    const keys = await generateKeys();
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: randomSerial(),
      subject: distinguishedName(commonName),
      issuer: certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm,
      ...validity(options, defaultLeafDays, certificate.notAfter),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await authorityKeyIdentifier(certificate),
      ],
    });
    return { certificate: certificatePem(leaf), privateKey: await privateKeyPem(keys.privateKey) };
  };
  return {
    certificate: certificatePem(certificate),
    privateKey,
    issueServer: async (options) => {
      if (options.hosts.length === 0) {
        throw new CertificateError("host-invalid", "a server's certificate needs at least one host");
      }
      return issue(
        options.commonName,
        [...options.hosts.map(hostName), ...(options.uris ?? []).map(uriName)],
        x509.ExtendedKeyUsage.serverAuth,
        options,
      );
    },
    issueClient: async (options) => {
      const names: x509.JsonGeneralName[] = [
        ...(options.uris ?? []).map(uriName),
        ...(options.emails ?? []).map(emailName),
        ...(options.dnsNames ?? []).map(hostName),
      ];
      return issue(options.commonName, names, x509.ExtendedKeyUsage.clientAuth, options);
    },
    issueRevocationList: async (options) =>
      signRevocationList(
        certificate,
        signingKey,
        signingAlgorithm,
        await authorityKeyIdentifier(certificate),
        options,
      ),
    readRevocationList: (pem) => readRevocationList(certificate, pem),
  };
}

/** The issuer's own key id, so that the two agree also for an authority whose id was made another way (RFC 5280 4.2.1.1). */
async function authorityKeyIdentifier(issuer: x509.X509Certificate): Promise<x509.Extension> {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  return own
    ? new x509.AuthorityKeyIdentifierExtension(own.keyId)
    : x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

/** As a structure, not as text: a comma or an equals sign in a name stays in the name. */
function distinguishedName(commonName: string): x509.JsonName {
  // 64 characters: ub-common-name, RFC 5280 appendix A.1; OpenSSL refuses longer ones.
  if (commonName.length === 0 || commonName.length > 64 || /^#|[\p{Cc}]/u.test(commonName)) {
    throw new CertificateError(
      "name-invalid",
      `${JSON.stringify(commonName)} is no common name: 1 to 64 characters, no control characters, no leading "#"`,
    );
  }
  return [{ CN: [commonName] }];
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

/** 16 random bytes, hex. The first byte is 40..7f: a positive number that always takes 16 bytes in DER (RFC 5280 4.1.2.2). */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function certificatePem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trimEnd()}\n`;
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY").trimEnd()}\n`;
}
