import type { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { type CertificateAuthority, createCertificateAuthority, type Identity } from "@stenogrpc/certs";
import { makeFolder, readIfThere } from "../io/files.js";
import { UsageError } from "../usage-error.js";
import {
  explained,
  hasPair,
  openAuthority,
  parseCertificate,
  remember,
  writePair,
} from "./authority-folder.js";
import { checkCertificateName } from "./certificate-name.js";

/** What the command line says. */
export interface CertsOptions {
  host?: string[];
  client?: string[];
  days?: number;
}

const defaultDays = 365;
const authorityDays = 3650;

/** Makes what is missing of authority, certificates and settings in a folder. Throws UsageError. */
export async function makeCertificates(folder: string, options: CertsOptions): Promise<void> {
  const hosts = options.host ?? [...new Set(["localhost", "127.0.0.1", "::1", hostname()])];
  const clients = [...new Set(options.client ?? ["analyst"])];
  const { days = defaultDays } = options;
  for (const name of clients) checkCertificateName("--client", name);

  await makeFolder(folder, 0o700);
  if (options.host && (await hasPair(folder, "server"))) await checkKeptHosts(folder, options.host);
  const made: string[] = [];
  const kept: string[] = [];
  await explained(folder, async () => {
    const authority = await openOrCreate(folder, days, made, kept);
    const issue = async (name: string, create: () => Promise<Identity>): Promise<void> => {
      if (await hasPair(folder, name)) return void kept.push(`${name}.crt`);
      const identity = await create();
      await remember(folder, identity);
      await writePair(folder, name, identity);
      made.push(`${name}.crt`, `${name}.key`);
    };
    await issue("server", () => authority.issueServer({ commonName: commonName(hosts), hosts, days }));
    for (const name of clients) await issue(name, () => authority.issueClient({ commonName: name, days }));
  });
  if (options.days !== undefined && made.length === 0) {
    throw new UsageError(
      `${folder}: --days is for certificates that are made, and ${kept.join(", ")} are there; move a .crt and its .key away to have new ones made`,
    );
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

/** Throws UsageError where the server's certificate that is there does not name a host that is asked for. */
async function checkKeptHosts(folder: string, asked: readonly string[]): Promise<void> {
  const hosts = asked.map((host) => host.replace(/^\[(.*)\]$/, "$1")); // so may IPv6 addresses be written
  const file = join(folder, "server.crt");
  const certificate = parseCertificate(file, await readFile(file, "utf8"));
  const missing = hosts.filter((host) => !names(certificate, host));
  if (missing.length === 0) return;
  const dns = hosts.filter((host) => isIP(host) === 0);
  const ip = hosts.filter((host) => isIP(host) !== 0);
  const flags = [...(dns.length > 0 ? ["--dns", ...dns] : []), ...(ip.length > 0 ? ["--ip", ...ip] : [])];
  throw new UsageError(
    `${file} is there, and stays; it does not name ${missing.join(", ")} but ${certificate.subjectAltName}
For a further certificate, to be named in ${join(folder, "server.yaml")}:
  stenogrpc certs issue ${folder} server-2 --server ${flags.join(" ")}
Or move server.crt and server.key away, and run this again.`,
  );
}

function names(certificate: X509Certificate, host: string): boolean {
  const found =
    isIP(host) === 0
      ? certificate.checkHost(domainToASCII(host), { subject: "never" })
      : certificate.checkIP(host);
  return found !== undefined;
}

async function openOrCreate(
  folder: string,
  days: number,
  made: string[],
  kept: string[],
): Promise<CertificateAuthority> {
  if (await hasPair(folder, "ca")) {
    kept.push("ca.crt");
    return openAuthority(folder);
  }
  const authority = await createCertificateAuthority({ days: Math.max(days, authorityDays) });
  await writePair(folder, "ca", authority);
  made.push("ca.crt", "ca.key");
  return authority;
}

function commonName(hosts: readonly string[]): string {
  return (hosts[0] ?? "server").slice(0, 64);
}

function serverYaml(): string {
  return `# For: stenogrpc serve -c server.yaml. Paths are relative to this file.
root_certificate: ca.crt
private_key: server.key
certificate_chain: server.crt
# crl: crl.pem          # stenogrpc certs revoke writes it

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
