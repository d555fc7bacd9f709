import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";

/** Paths of one side's certificates. */
export interface TlsPaths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes a CA, a server for 127.0.0.1 and a client, as files in a folder. */
export async function makeCertificates(folder: string): Promise<{ server: TlsPaths; client: TlsPaths }> {
  const authority = await createCertificateAuthority({ commonName: "real tests" });
  const server = await authority.issueServer({ commonName: "sensor", hosts: ["127.0.0.1", "localhost"] });
  const client = await authority.issueClient({ commonName: "analyst" });
  const put = (name: string, pem: string): string => {
    const path = join(folder, name);
    writeFileSync(path, pem, { mode: 0o600 });
    return path;
  };
  const ca = put("ca.crt", authority.certificate);
  return {
    server: { ca, cert: put("server.crt", server.certificate), key: put("server.key", server.privateKey) },
    client: { ca, cert: put("client.crt", client.certificate), key: put("client.key", client.privateKey) },
  };
}
