import { type LoadedSettings, readNamedFile } from "../settings/load-yaml.js";
import { readIdentity } from "../settings/read-identity.js";
import type { ServerSettings } from "../settings/server-settings.js";

/** What a server's TLS needs, as the files that its settings name hold it now. */
export interface ServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly crl?: string[];
  readonly denylist?: string[];
  readonly minVersion: ServerSettings["tls_min_version"];
}

/** Reads certificates, key and lists. Throws UsageError that names the key and the file. */
export async function readServerTls(loaded: LoadedSettings<ServerSettings>): Promise<ServerTls> {
  const { crl, denylist, tls_min_version: minVersion } = loaded.settings;
  const identity = await readIdentity(loaded);
  return {
    ...identity,
    minVersion,
    ...(crl && { crl: await Promise.all(crl.map((path) => readNamedFile(loaded, "crl", path))) }),
    ...(denylist !== undefined && {
      denylist: fingerprintsIn(await readNamedFile(loaded, "denylist", denylist)),
    }),
  };
}

/** One fingerprint a line; what follows a "#" is a remark. */
function fingerprintsIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}
