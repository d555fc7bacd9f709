import { X509Certificate } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  type CertificateAuthority,
  CertificateError,
  createCertificateAuthority,
  type Identity,
  openCertificateAuthority,
} from "@stenogrpc/certs";
import { UsageError } from "./usage-error.js";

/** What the command line says. */
export interface CertsOptions {
  host?: string[];
  client?: string[];
  days: number;
}

const authorityDays = 3650;

/** Makes what is missing of authority, certificates and settings in a folder. Throws UsageError. */
export async function makeCertificates(folder: string, options: CertsOptions): Promise<void> {
  const hosts = options.host ?? [...new Set(["localhost", "127.0.0.1", "::1", hostname()])];
  const clients = [...new Set(options.client ?? ["analyst"])];
  for (const name of clients) checkClientName(name);

  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  const kept: string[] = [];
  try {
    const authority = await openOrCreate(folder, options.days, made, kept);
    const issue = async (name: string, create: () => Promise<Identity>): Promise<void> => {
      if (await hasPair(folder, name)) return void kept.push(`${name}.crt`);
      await writePair(folder, name, await create());
      made.push(`${name}.crt`, `${name}.key`);
    };
    const { days } = options;
    await issue("server", () => authority.issueServer({ commonName: commonName(hosts), hosts, days }));
    for (const name of clients) await issue(name, () => authority.issueClient({ commonName: name, days }));
  } catch (error) {
    if (error instanceof CertificateError)
      throw new UsageError(`${folder}: ${error.message}`, { cause: error });
    throw error;
  }
  const settings = {
    "server.yaml": serverYaml(),
    "client.yaml": clientYaml(clients[0] ?? "analyst", hosts[0]),
  };
  for (const [file, text] of Object.entries(settings)) {
    if ((await readIfThere(join(folder, file))) === undefined) {
      await writeFile(join(folder, file), text, { flag: "wx" });
      made.push(file);
    } else kept.push(file);
  }
  process.stderr.write(report(folder, made, kept));
}

async function openOrCreate(
  folder: string,
  days: number,
  made: string[],
  kept: string[],
): Promise<CertificateAuthority> {
  if (await hasPair(folder, "ca")) {
    kept.push("ca.crt");
    return openCertificateAuthority({
      certificate: await readFile(join(folder, "ca.crt"), "utf8"),
      privateKey: await readFile(join(folder, "ca.key"), "utf8"),
    });
  }
  const authority = await createCertificateAuthority({ days: Math.max(days, authorityDays) });
  await writePair(folder, "ca", authority);
  made.push("ca.crt", "ca.key");
  return authority;
}

/** Whether NAME.crt and NAME.key are there. One without the other is a mess that only the user can sort out. */
async function hasPair(folder: string, name: string): Promise<boolean> {
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
  let end: string;
  try {
    end = new X509Certificate(certificate).validTo;
  } catch (cause) {
    throw new UsageError(`${folder}: ${name}.crt is not a certificate in PEM`, { cause });
  }
  if (Date.parse(end) > Date.now()) return;
  throw new UsageError(
    `${folder}: ${name}.crt ended on ${end}; move ${name}.crt and ${name}.key away to have new ones made`,
  );
}

async function writePair(folder: string, name: string, identity: Identity): Promise<void> {
  // The key first: a certificate without its key is worth nothing. "wx" never overwrites, also when two runs race.
  await writeFile(join(folder, `${name}.key`), identity.privateKey, { mode: 0o600, flag: "wx" });
  await writeFile(join(folder, `${name}.crt`), identity.certificate, { flag: "wx" });
}

function checkClientName(name: string): void {
  // The name becomes a file's; "ca" and "server" are taken.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name) || /^(ca|server)$/i.test(name)) {
    throw new UsageError(
      `--client: ${JSON.stringify(name)} will not do; use letters, digits, ".", "_" and "-", and neither ca nor server`,
    );
  }
}

function commonName(hosts: readonly string[]): string {
  return (hosts[0] ?? "server").slice(0, 64);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function serverYaml(): string {
  return `# For: stenogrpc serve -c server.yaml. Paths are relative to this file.
root_certificate: ca.crt
private_key: server.key
certificate_chain: server.crt

port: 8443
workers: 10             # retrievals at once

# Where the packets come from. Without this: Stenographer on this machine, by stenoread.
# source:
#   kind: directory
#   path: /var/lib/captures

# limits:
#   max_bytes: 2GiB
#   max_window: 1d
#   timeout: 10m
`;
}

function clientYaml(client: string, host: string | undefined): string {
  const dial = host === undefined || host.startsWith("*") ? "" : host.includes(":") ? `[${host}]` : host;
  return `# For: stenogrpc fetch -c client.yaml. Paths are relative to this file.
root_certificate: ca.crt
private_key: ${client}.key
certificate_chain: ${client}.crt

${dial ? "" : "# "}server: ${JSON.stringify(`${dial || "HOST"}:8443`)}
`;
}

function report(folder: string, made: readonly string[], kept: readonly string[]): string {
  const list = (names: readonly string[]) => names.join(", ") || "nothing";
  return `Made in ${folder}: ${list(made)}
${kept.length > 0 ? `Kept as they were: ${list(kept)}\n` : ""}
Next:
  stenogrpc serve -c ${join(folder, "server.yaml")}
  stenogrpc info -c ${join(folder, "client.yaml")}
  stenogrpc fetch -c ${join(folder, "client.yaml")} --from 15m --to now 'port 53'

A client on another machine needs ca.crt, its own pair and a client.yaml that names them. ca.key and server.key go to
no client.
`;
}
