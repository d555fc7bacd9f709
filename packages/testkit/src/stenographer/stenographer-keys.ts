import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { debianProgram } from "../process/debian-program.js";
import { onExit, run } from "../process/program.js";

/** Who makes Stenographer's certificates: we do (P-256, with SAN), or its own stenokeys (RSA, X.509 v1, CN only). */
export type KeyMaker = "own" | "stenokeys";

/** Paths of the certificates, named as stenokeys names them. */
export interface StenographerCerts {
  readonly folder: string;
  readonly ca: string;
  /** Client certificate and key. */
  readonly cert: string;
  readonly key: string;
  readonly serverCert: string;
  readonly serverKey: string;
}

/** Puts certificates for 127.0.0.1 into a folder. */
export async function makeStenographerKeys(maker: KeyMaker, folder: string): Promise<StenographerCerts> {
  if (maker === "own") await makeOwn(folder);
  else cpSync(stenokeysFolder(), folder, { recursive: true });
  return {
    folder,
    ca: join(folder, "ca_cert.pem"),
    cert: join(folder, "client_cert.pem"),
    key: join(folder, "client_key.pem"),
    serverCert: join(folder, "server_cert.pem"),
    serverKey: join(folder, "server_key.pem"),
  };
}

async function makeOwn(folder: string): Promise<void> {
  const authority = await createCertificateAuthority({ commonName: "Stenographer test CA" });
  const server = await authority.issueServer({
    commonName: "stenographer",
    hosts: ["127.0.0.1", "localhost"],
  });
  const client = await authority.issueClient({ commonName: "stenographer client" });
  const put = (name: string, pem: string) => writeFileSync(join(folder, name), pem, { mode: 0o600 });
  put("ca_cert.pem", authority.certificate);
  put("server_cert.pem", server.certificate);
  put("server_key.pem", server.privateKey);
  put("client_cert.pem", client.certificate);
  put("client_key.pem", client.privateKey);
}

let made: string | undefined;

/** stenokeys makes three RSA-4096 keys, which takes seconds: once a process. */
function stenokeysFolder(): string {
  if (made !== undefined) return made;
  const folder = mkdtempSync(join(tmpdir(), "stenokeys-"));
  onExit(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "config");
  const certs = join(folder, "certs");
  writeFileSync(config, JSON.stringify({ Host: "127.0.0.1", CertPath: certs }));
  debianProgram("jq"); // stenokeys reads its configuration with it
  const user = userInfo().username;
  const group = run("id", ["-gn"]).toString().trim();
  run(debianProgram("stenokeys"), [user, group], { STENOGRAPHER_CONFIG: config });
  made = certs;
  return certs;
}
