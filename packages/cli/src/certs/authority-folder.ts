import { X509Certificate } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CertificateAuthority,
  CertificateError,
  type Identity,
  openCertificateAuthority,
  type RevocationList,
} from "@stenogrpc/certs";
import { readIfThere, writeWhole } from "../io/files.js";
import { UsageError } from "../usage-error.js";

/** Where copies of every certificate lie, so that one can be revoked whose file is elsewhere. */
const issuedFolder = "issued";

/** The list of revoked certificates in an authority's folder. */
export const revocationFile = "crl.pem";

/** Opens the authority in a folder. Throws UsageError. */
export async function openAuthority(folder: string): Promise<CertificateAuthority> {
  if (!(await hasPair(folder, "ca"))) {
    throw new UsageError(
      `${folder}: there is no authority (ca.crt and ca.key); make one with stenogrpc certs ${folder}`,
    );
  }
  const [certificate, privateKey] = await Promise.all([
    readFile(join(folder, "ca.crt"), "utf8"),
    readFile(join(folder, "ca.key"), "utf8"),
  ]);
  return explained(folder, () => openCertificateAuthority({ certificate, privateKey }));
}

/** Does what may throw CertificateError, and throws UsageError instead. */
export async function explained<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new UsageError(`${folder}: ${error.message}`, { cause: error });
  }
}

/** Whether NAME.crt and NAME.key are there. One without the other is a mess that only the user can sort out. Throws UsageError. */
export async function hasPair(folder: string, name: string): Promise<boolean> {
  const certificate = await readIfThere(join(folder, `${name}.crt`));
  const key = await readIfThere(join(folder, `${name}.key`));
  if ((certificate === undefined) !== (key === undefined)) {
    const [there, missing] = certificate === undefined ? ["key", "crt"] : ["crt", "key"];
    throw new UsageError(
      `${folder}: ${name}.${there} is there but ${name}.${missing} is not; restore it, or move ${name}.${there} away`,
    );
  }
  if (certificate !== undefined) checkStillValid(folder, name, certificate);
  return certificate !== undefined;
}

function checkStillValid(folder: string, name: string, certificate: string): void {
  const end = parseCertificate(join(folder, `${name}.crt`), certificate).validTo;
  if (Date.parse(end) > Date.now()) return;
  throw new UsageError(
    `${folder}: ${name}.crt ended on ${end}; move ${name}.crt and ${name}.key away to have new ones made`,
  );
}

/** Reads a certificate in PEM. Throws UsageError that names the file. */
export function parseCertificate(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new UsageError(`${file} is not a certificate in PEM`, { cause });
  }
}

/** Writes NAME.key and NAME.crt where neither is. */
export async function writePair(folder: string, name: string, identity: Identity): Promise<void> {
  // The key first: a certificate without its key is worth nothing. "wx" never overwrites, also when two runs race.
  await writeFile(join(folder, `${name}.key`), identity.privateKey, { mode: 0o600, flag: "wx" });
  await writeFile(join(folder, `${name}.crt`), identity.certificate, { flag: "wx" });
}

/** Remembers a certificate; before it is written elsewhere, so that every one that exists can be found and revoked. */
export async function remember(folder: string, { certificate }: Identity): Promise<void> {
  const { serialNumber } = new X509Certificate(certificate);
  await mkdir(join(folder, issuedFolder), { recursive: true });
  await writeFile(join(folder, issuedFolder, `${serialNumber}.crt`), certificate, { flag: "wx" });
}

/** Every certificate of the authority whose file lies in its folder or is remembered there, the oldest first. */
export async function issuedCertificates(
  folder: string,
  authority: CertificateAuthority,
): Promise<X509Certificate[]> {
  const issuer = new X509Certificate(authority.certificate);
  const found = new Map<string, X509Certificate>();
  for (const place of [folder, join(folder, issuedFolder)]) {
    for (const file of (await readdir(place).catch(() => [])).filter((name) => name.endsWith(".crt"))) {
      const certificate = parseCertificate(join(place, file), await readFile(join(place, file), "utf8"));
      const ours = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
      if (ours && !certificate.ca) found.set(certificate.fingerprint256, certificate);
    }
  }
  return [...found.values()].toSorted((a, b) => Date.parse(a.validFrom) - Date.parse(b.validFrom));
}

/** What is revoked; nothing where there is no list yet. Throws UsageError. */
export async function readRevoked(folder: string, authority: CertificateAuthority): Promise<RevocationList> {
  const file = join(folder, revocationFile);
  const pem = await readIfThere(file);
  if (pem === undefined) return { revoked: [], number: 0, nextUpdate: undefined };
  return explained(file, () => authority.readRevocationList(pem));
}

/** Changes the list while no other run does, and writes it whole. Throws UsageError. */
export async function replaceRevoked(
  folder: string,
  authority: CertificateAuthority,
  days: number,
  change: (list: RevocationList) => RevocationList["revoked"],
): Promise<void> {
  const lock = join(folder, `${revocationFile}.lock`);
  await writeFile(lock, String(process.pid), { flag: "wx" }).catch((cause: unknown) => {
    throw new UsageError(`${lock}: another run is changing the list; if none is, remove this file`, {
      cause,
    });
  });
  try {
    const list = await readRevoked(folder, authority);
    const revoked = change(list);
    const pem = await authority.issueRevocationList({ revoked, number: list.number + 1, days });
    await writeWhole(join(folder, revocationFile), pem);
  } finally {
    await rm(lock, { force: true });
  }
}
