import { Command } from "commander";
import type { IssueOptions } from "../certs/issue-certificate.js";
import type { CertsOptions } from "../certs/make-certificates.js";
import type { RevokeOptions } from "../certs/revoke-certificates.js";
import { nameArgument, wholeNumber } from "../options/arguments.js";

const mostDays = 36_500;
const authorityFolder = "folder of the authority, as stenogrpc certs DIR makes it";

/** `stenogrpc certs`: a small certificate authority in a folder. */
export function certsCommand(): Command {
  const command = new Command("certs")
    .description("make certificates and settings for a server and its clients; issue, list and revoke more")
    .enablePositionalOptions()
    .argument("DIR", "folder to write to; an authority that lies there is used again")
    .option(
      "--host <NAME_OR_IP...>",
      "names and addresses of the server (default: localhost, its addresses, this machine's name)",
    )
    .option("--client <NAME...>", 'clients to make certificates for (default: "analyst")')
    .option("--days <N>", "days that new certificates are valid (default: 365)", wholeNumber(1, mostDays))
    .addHelpText(
      "after",
      `
Writes ca.crt, ca.key, server.crt, server.key, NAME.crt and NAME.key for each client, server.yaml and client.yaml.
Nothing that exists is overwritten; keys are readable by their owner only. Where server.crt is there and does not name a
--host, or --days would hold for nothing, it fails (2).

Examples:
  stenogrpc certs pki
  stenogrpc certs pki --host sensor-1.example 10.0.0.5 --client alice bob
  stenogrpc certs pki --client carol          add a client later, from the same authority
  stenogrpc certs issue pki sensor-2 --server --dns sensor-2.example
  stenogrpc certs list pki
  stenogrpc certs revoke pki alice`,
    )
    .action(async (folder: string, options: CertsOptions) => {
      const { makeCertificates } = await import("../certs/make-certificates.js");
      await makeCertificates(folder, options);
    });
  for (const make of [issueCommand, listCommand, revokeCommand, crlCommand]) command.addCommand(make());
  return command;
}

function issueCommand(): Command {
  return new Command("issue")
    .description("issue a certificate from the authority in a folder")
    .argument("<DIR>", authorityFolder)
    .argument("<NAME>", "name of the files, and the certificate's common name")
    .option("--server", "for a server; without it, for a client")
    .option("--common-name <CN>", "common name, where it is not NAME")
    .option("--dns <NAME...>", "DNS names")
    .option("--ip <ADDRESS...>", "IP addresses")
    .option("--uri <URI...>", "URIs, such as SPIFFE ids")
    .option("--email <ADDRESS...>", "mail addresses, of a client")
    .option("--days <N>", "days it is valid, at most as long as the authority", wholeNumber(1, mostDays), 365)
    .option("-o, --output <FOLDER>", "where NAME.crt and NAME.key go (default: DIR)", nameArgument)
    .addHelpText(
      "after",
      `
Never overwrites a file. The key is readable by its owner only; DIR/issued keeps a copy of the certificate.

Examples:
  stenogrpc certs issue pki alice --email alice@corp.example --days 90
  stenogrpc certs issue pki soc-7 --uri spiffe://corp.example/soc/analyst
  stenogrpc certs issue pki sensor-2 --server --dns sensor-2.example --ip 10.0.0.6`,
    )
    .action(async (folder: string, name: string, options: IssueOptions) => {
      const { issueCertificate } = await import("../certs/issue-certificate.js");
      await issueCertificate(folder, name, options);
    });
}

function listCommand(): Command {
  return new Command("list")
    .description(
      "list what the authority in a folder has issued: names, serial number, fingerprint, end, state",
    )
    .argument("<DIR>", authorityFolder)
    .option("--json", "one JSON line for each")
    .addHelpText(
      "after",
      `
Knows the certificates in DIR and DIR/issued.

Examples:
  stenogrpc certs list pki
  stenogrpc certs list pki --json | jq -r 'select(.state == "valid") | [.notAfter, .name] | @tsv' | sort`,
    )
    .action(async (folder: string, options: { json?: boolean }) => {
      const { listCertificates } = await import("../certs/list-certificates.js");
      await listCertificates(folder, options);
    });
}

function revokeCommand(): Command {
  return withDays(new Command("revoke"))
    .description("revoke certificates, and write the list that servers read: DIR/crl.pem")
    .argument("<DIR>", authorityFolder)
    .argument("<WHICH...>", "common name, serial number or file of each")
    .addHelpText(
      "after",
      `
A server that has "crl: crl.pem" in its YAML notices the new list, ends what these clients have under way, and refuses them.

Examples:
  stenogrpc certs revoke pki alice
  stenogrpc certs revoke pki 4F00C7A2D0B1E39586A7C4D2E8F10B36
  stenogrpc certs revoke pki backup/alice.crt`,
    )
    .action(async (folder: string, which: string[], options: RevokeOptions) => {
      const { revokeCertificates } = await import("../certs/revoke-certificates.js");
      await revokeCertificates(folder, which, options);
    });
}

function crlCommand(): Command {
  return withDays(new Command("crl"))
    .description("write the list of revoked certificates anew, so that it stays in date: DIR/crl.pem")
    .argument("<DIR>", authorityFolder)
    .addHelpText(
      "after",
      `
Servers that read a list refuse every client once it is out of date, so do this before.

Examples:
  stenogrpc certs crl pki
  stenogrpc certs crl pki --days 30`,
    )
    .action(async (folder: string, options: RevokeOptions) => {
      const { renewRevocationList } = await import("../certs/revoke-certificates.js");
      await renewRevocationList(folder, options);
    });
}

function withDays(command: Command): Command {
  return command.option("--days <N>", "days until the next list is due", wholeNumber(1, mostDays), 365);
}
