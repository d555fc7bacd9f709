import { Command } from "commander";
import { wholeNumber } from "../arguments.js";
import type { CertsOptions } from "../make-certificates.js";

/** `stenogrpc certs DIR`: a development authority, a server's certificate, clients' certificates, and settings for both. */
export function certsCommand(): Command {
  return new Command("certs")
    .description("make certificates and settings for a server and its clients")
    .argument("DIR", "folder to write to; an authority that lies there is used again")
    .option(
      "--host <NAME_OR_IP...>",
      "names and addresses of the server (default: localhost, its addresses, this machine's name)",
    )
    .option("--client <NAME...>", 'clients to make certificates for (default: "analyst")')
    .option("--days <N>", "days the certificates are valid", wholeNumber(1, 36_500), 365)
    .addHelpText(
      "after",
      `
Writes ca.crt, ca.key, server.crt, server.key, NAME.crt and NAME.key for each client, server.yaml and client.yaml.
Nothing that exists is overwritten; keys are readable by their owner only.

Examples:
  stenogrpc certs pki
  stenogrpc certs pki --host sensor-1.example 10.0.0.5 --client alice bob
  stenogrpc certs pki --client carol          add a client later, from the same authority`,
    )
    .action(async (folder: string, options: CertsOptions) => {
      const { makeCertificates } = await import("../make-certificates.js");
      await makeCertificates(folder, options);
    });
}
