import type { X509Certificate } from "node:crypto";
import type { RevocationList } from "@stenogrpc/certs";
import { writeOut } from "../io/stdout.js";
import { printable } from "../text/printable.js";
import { issuedCertificates, openAuthority, readRevoked } from "./authority-folder.js";

/** id-kp-serverAuth, RFC 5280 section 4.2.1.12. */
const serverAuthId = "1.3.6.1.5.5.7.3.1";

/** What there is to say of one certificate. */
interface CertificateLine {
  readonly name: string;
  readonly use: "client" | "server";
  readonly serial: string;
  readonly fingerprint256: string;
  readonly subjectAltName: string | undefined;
  readonly notAfter: string;
  readonly state: "valid" | "expired" | "revoked";
  readonly revokedAt: string | undefined;
}

/** Lists what the authority in a folder has issued, on stdout. Throws UsageError. */
export async function listCertificates(folder: string, options: { json?: boolean }): Promise<void> {
  const authority = await openAuthority(folder);
  const revoked = await readRevoked(folder, authority);
  const lines = (await issuedCertificates(folder, authority)).map((certificate) =>
    lineOf(certificate, revoked),
  );
  await writeOut(
    options.json ? lines.map((line) => `${JSON.stringify(line)}\n`).join("") : lines.map(textOf).join(""),
  );
}

function lineOf(certificate: X509Certificate, { revoked }: RevocationList): CertificateLine {
  const { serialNumber: serial, fingerprint256, subjectAltName, validTo } = certificate;
  const revocation = revoked.find(({ serialNumber }) => serialNumber.toUpperCase() === serial);
  const expired = Date.parse(validTo) <= Date.now();
  return {
    name: commonNameOf(certificate),
    use: certificate.keyUsage?.includes(serverAuthId) ? "server" : "client",
    serial,
    fingerprint256,
    subjectAltName,
    notAfter: new Date(validTo).toISOString(),
    state: revocation ? "revoked" : expired ? "expired" : "valid",
    revokedAt: revocation?.revokedAt.toISOString(),
  };
}

function textOf(line: CertificateLine): string {
  const state = line.revokedAt === undefined ? line.state : `revoked ${line.revokedAt}`;
  const names = line.subjectAltName === undefined ? "" : `\n  names        ${printable(line.subjectAltName)}`;
  return `${printable(line.name)} (${line.use}, ${state})
  valid until  ${line.notAfter}${names}
  serial       ${line.serial}
  fingerprint  ${line.fingerprint256}
`;
}

/** The common name of a certificate's subject, or nothing. */
export function commonNameOf(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "";
}
