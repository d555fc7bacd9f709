import { Command } from "commander";
import type { VerifyOptions } from "../verify/verify-capture.js";

/** `stenogrpc verify PATH...`: captures against their manifests. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("check captures against their manifests, and that they are whole")
    .argument("<PATH...>", "pcap or pcapng files, or folders of them")
    .option(
      "--manifest <PATH>",
      "the manifest of one file, which must be there (default: FILE.manifest.json, if it is there)",
    )
    .option("--json", "print it as JSON on stdout, a line for each file")
    .addHelpText(
      "after",
      `
Compares size, SHA-256, packets, their times and the window with what fetch --manifest wrote down, and reads the file to its
last byte. Without a manifest, only the file's form is checked. A manifest is not signed: the server's audit log has the same
uid and SHA-256.

One file is told in full, several in a line each and a last one that counts them. Of a folder, and the folders in it, that is every file with a
manifest or named *.pcap, *.pcapng or *.cap; a manifest whose capture is gone is something wrong.

Exit code: 0 nothing is wrong, 1 something is, 2 usage, no such file, or a folder without captures (and nothing wrong).

Examples:
  stenogrpc verify alert.pcap
  stenogrpc verify case-4711 case-4712
  stenogrpc verify alert.pcap --json | jq .manifest.request.reason`,
    )
    .action(async (paths: string[], options: VerifyOptions) => {
      const { verifyCaptures } = await import("../verify/verify-captures.js");
      process.exitCode = await verifyCaptures(paths, options);
    });
}
