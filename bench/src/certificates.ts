import { createCertificateAuthority } from "@stenogrpc/certs";

/** Certificates and a key, as PEM. */
export interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Certificates of a throw-away authority for both sides on this machine. */
export async function certificates(): Promise<{ server: Tls; client: Tls }> {
  const authority = await createCertificateAuthority();
  const server = await authority.issueServer({ commonName: "bench", hosts: ["localhost"] });
  const client = await authority.issueClient({ commonName: "bench" });
  const ca = authority.certificate;
  return {
    server: { ca, cert: server.certificate, key: server.privateKey },
    client: { ca, cert: client.certificate, key: client.privateKey },
  };
}
