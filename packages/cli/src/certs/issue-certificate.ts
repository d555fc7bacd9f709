import { X509Certificate } from "node:crypto";
import { access } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { UsageError } from "../usage-error.js";
import { explained, hasPair, openAuthority, remember, writePair } from "./authority-folder.js";
import { checkCertificateName } from "./certificate-name.js";

/** What the command line says. */
export interface IssueOptions {
  server?: boolean;
  commonName?: string;
  dns?: string[];
  ip?: string[];
  uri?: string[];
  email?: string[];
  days: number;
  output?: string;
}

/** Issues one certificate from the authority in a folder. Throws UsageError. */
export async function issueCertificate(folder: string, name: string, options: IssueOptions): Promise<void> {
  checkCertificateName("NAME", name);
  const hosts = hostsOf(options);
  if (options.server && hosts.length === 0) {
    throw new UsageError("a server needs the names or addresses that clients dial: --dns or --ip");
  }
  if (options.server && options.email)
    throw new UsageError("--email is for clients; leave it out, or --server");
  const authority = await openAuthority(folder);
  const output = options.output ?? folder;
  await access(output).catch((cause: unknown) => {
    throw new UsageError(`there is no folder ${output} to write to; make it first`, { cause });
  });
  if (await hasPair(output, name)) {
    throw new UsageError(
      `${join(output, name)}.crt exists; choose another NAME or --output, or move ${name}.crt and ${name}.key away`,
    );
  }
  const { uri: uris, email: emails, days, commonName = name } = options;
  const common = { commonName, days, ...(uris && { uris }) };
  const identity = await explained(folder, () =>
    options.server
      ? authority.issueServer({ ...common, hosts })
      : authority.issueClient({ ...common, dnsNames: hosts, ...(emails && { emails }) }),
  );
  await remember(folder, identity);
  await writePair(output, name, identity);
  const { serialNumber, fingerprint256, validTo, subjectAltName } = new X509Certificate(identity.certificate);
  process.stderr.write(`Made ${join(output, name)}.crt and ${join(output, name)}.key for a ${options.server ? "server" : "client"}
  names        ${[`CN=${commonName}`, ...(subjectAltName ? [subjectAltName] : [])].join(", ")}
  serial       ${serialNumber}
  fingerprint  ${fingerprint256}
  valid until  ${new Date(validTo).toISOString()}
`);
}

function hostsOf({ dns = [], ip = [] }: IssueOptions): string[] {
  for (const address of ip) {
    if (isIP(address) === 0) throw new UsageError(`--ip: ${JSON.stringify(address)} is no IP address`);
  }
  for (const host of dns) {
    if (isIP(host) !== 0)
      throw new UsageError(`--dns: ${JSON.stringify(host)} is an address; give it to --ip`);
  }
  return [...dns, ...ip];
}
