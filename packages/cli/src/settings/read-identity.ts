import { createPrivateKey, X509Certificate } from "node:crypto";
import { UsageError } from "../usage-error.js";
import { type LoadedSettings, readNamedFile } from "./load-yaml.js";

/** The keys under which the original's settings name certificates. */
interface CertificateSettings {
  readonly root_certificate: string;
  readonly private_key: string;
  readonly certificate_chain: string;
}

/** Certificates and key as PEM. */
export interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Reads the three files and checks that they fit, so that a wrong one is named before any handshake. Throws UsageError. */
export async function readIdentity(loaded: LoadedSettings<CertificateSettings>): Promise<Identity> {
  const read = (key: keyof CertificateSettings) => readNamedFile(loaded, key, loaded.settings[key]);
  const [ca, key, cert] = await Promise.all([
    read("root_certificate"),
    read("private_key"),
    read("certificate_chain"),
  ]);
  parse(loaded.file, "root_certificate", "a certificate in PEM", () => new X509Certificate(ca));
  const leaf = parse(
    loaded.file,
    "certificate_chain",
    "a certificate in PEM",
    () => new X509Certificate(cert),
  );
  const secret = parse(loaded.file, "private_key", "a private key in PEM without a passphrase", () =>
    createPrivateKey(key),
  );
  if (!leaf.checkPrivateKey(secret)) {
    throw new UsageError(
      `${loaded.file}: private_key: ${loaded.settings.private_key} is not the key of ${loaded.settings.certificate_chain}`,
    );
  }
  return { ca, cert, key };
}

function parse<T>(file: string, key: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(`${file}: ${key}: the file it names is not ${what}`, { cause });
  }
}
