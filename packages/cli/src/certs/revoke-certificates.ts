import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { CertificateAuthority } from "@stenogrpc/certs";
import { readIfThere } from "../io/files.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import {
  issuedCertificates,
  openAuthority,
  parseCertificate,
  readRevoked,
  replaceRevoked,
  revocationFile,
} from "./authority-folder.js";
import { commonNameOf } from "./list-certificates.js";

/** What the command line says. */
export interface RevokeOptions {
  days: number;
}

/** Revokes certificates, each named by its name, its serial number or its file, and writes the list. Throws UsageError. */
export async function revokeCertificates(
  folder: string,
  which: readonly string[],
  options: RevokeOptions,
): Promise<void> {
  const authority = await openAuthority(folder);
  const { revoked } = await readRevoked(folder, authority);
  const known = new Set(revoked.map(({ serialNumber }) => serialNumber.toUpperCase()));
  const issued = await issuedCertificates(folder, authority);
  const chosen: X509Certificate[] = [];
  for (const one of which) chosen.push(await choose(one, folder, issued, known));
  await replaceRevoked(folder, authority, options.days, (list) => {
    const before = new Set(list.revoked.map(({ serialNumber }) => serialNumber.toUpperCase()));
    const added = chosen.filter(({ serialNumber }) => !before.has(serialNumber));
    return [...list.revoked, ...added.map(({ serialNumber }) => ({ serialNumber, revokedAt: new Date() }))];
  });
  for (const certificate of chosen) {
    const { serialNumber } = certificate;
    const done = known.has(serialNumber) ? "was revoked before" : "revoked";
    process.stderr.write(`${printable(commonNameOf(certificate))} (serial ${serialNumber}): ${done}\n`);
  }
  await report(folder, authority);
}

/** Signs the list anew, so that it stays in date. Throws UsageError. */
export async function renewRevocationList(folder: string, options: RevokeOptions): Promise<void> {
  const authority = await openAuthority(folder);
  await replaceRevoked(folder, authority, options.days, ({ revoked }) => revoked);
  await report(folder, authority);
}

async function report(folder: string, authority: CertificateAuthority): Promise<void> {
  const { revoked, nextUpdate } = await readRevoked(folder, authority);
  process.stderr.write(`Wrote ${join(folder, revocationFile)}: ${revoked.length} revoked

Next: copy it to every server whose YAML says "crl: ${revocationFile}"; a running one notices by itself.
Before ${nextUpdate?.toISOString()}, renew it with stenogrpc certs crl ${folder}: servers refuse every client after that.
`);
}

async function choose(
  which: string,
  folder: string,
  issued: readonly X509Certificate[],
  known: ReadonlySet<string>,
): Promise<X509Certificate> {
  const [bySerial] = issued.filter(({ serialNumber }) => serialNumber === which.toUpperCase());
  if (bySerial) return bySerial;
  const named = issued.filter((certificate) => commonNameOf(certificate) === which);
  const open = named.filter(({ serialNumber }) => !known.has(serialNumber));
  const [only = named[0], second] = open;
  if (second !== undefined) {
    const serials = open.map(({ serialNumber, validTo }) => `${serialNumber} (until ${validTo})`);
    throw new UsageError(
      `${which} is the name of ${open.length} certificates; say which by its serial number: ${serials.join(", ")}`,
    );
  }
  if (only) return only;
  const pem = await readIfThere(which);
  if (pem === undefined) {
    throw new UsageError(
      `${which} is no name and no serial number of a certificate that this authority has issued, and no file; see stenogrpc certs list ${folder}`,
    );
  }
  const { fingerprint256 } = parseCertificate(which, pem);
  const byFile = issued.find((certificate) => certificate.fingerprint256 === fingerprint256);
  if (byFile) return byFile;
  throw new UsageError(
    `${which}: the authority in ${folder} has not issued this certificate, or does not know it`,
  );
}
