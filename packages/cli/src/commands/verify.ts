import { Command } from "commander";
import type { VerifyOptions } from "../verify/verify-capture.js";

/** `stenogrpc verify FILE`: a capture against its manifest. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("check a capture against its manifest, and that it is whole")
    .argument("<FILE>", "pcap or pcapng file")
    .option(
      "--manifest <PATH>",
      "its manifest, which must be there (default: FILE.manifest.json, if it is there)",
    )
    .option("--json", "print it as JSON on stdout")
    .addHelpText(
      "after",
      `
Compares size, SHA-256, packets, their times and the window with what fetch --manifest wrote down, and reads the file to its
last byte. Without a manifest, only the file's form is checked. A manifest is not signed: the server's audit log has the same
uid and SHA-256.

Exit code: 0 nothing is wrong, 1 something is, 2 usage or no such file.

Examples:
  stenogrpc verify alert.pcap
  stenogrpc verify alert.pcap --json | jq .manifest.request.reason`,
    )
    .action(async (file: string, options: VerifyOptions) => {
      const { verifyCapture } = await import("../verify/verify-capture.js");
      process.exitCode = await verifyCapture(file, options);
    });
}
