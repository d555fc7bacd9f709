import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";

/** PEM of one client, and of the authority it trusts. */
export interface ClientPem {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Writes the certificates that `stenogrpc certs FOLDER` writes, by the same names, and gives the client's. */
export async function writeDevelopmentPki(folder: string): Promise<ClientPem> {
  await mkdir(folder, { recursive: true });
  const authority = await createCertificateAuthority();
  const server = await authority.issueServer({ commonName: "localhost", hosts: ["localhost", "127.0.0.1"] });
  const client = await authority.issueClient({ commonName: "analyst" });
  const files = {
    "ca.crt": authority.certificate,
    "server.crt": server.certificate,
    "server.key": server.privateKey,
    "analyst.crt": client.certificate,
    "analyst.key": client.privateKey,
  };
  for (const [name, pem] of Object.entries(files)) await writeFile(join(folder, name), pem, { mode: 0o600 });
  return { ca: authority.certificate, cert: client.certificate, key: client.privateKey };
}
