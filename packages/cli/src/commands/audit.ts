import { Command } from "commander";
import { auditLineArgument } from "../verify/audit-line-argument.js";
import type { AuditVerifyOptions } from "../verify/verify-audit.js";

/** `stenogrpc audit`: what there is to do with a server's audit log. */
export function auditCommand(): Command {
  const verify = new Command("verify")
    .description("find lines of an audit log that were changed, removed, inserted or moved")
    .argument("<FILE>", "the log that a server writes; the files it filled before are found beside it")
    .option(
      "--expect <SEQ:HASH>",
      "a line known from elsewhere, which proves everything up to it; may be given again",
      auditLineArgument,
    )
    .option("--json", "print it as JSON on stdout")
    .addHelpText(
      "after",
      `
A chain of hashes can't show that its end was cut off, nor that all of it was written anew. So this prints the last line's
number and hash: keep them elsewhere, and give them to --expect another time. The server's own log has them for every request.

Exit code: 0 nothing is wrong, 1 something is, 2 usage or no such file.

Examples:
  stenogrpc audit verify /var/log/stenogrpc/audit.jsonl
  stenogrpc audit verify audit.jsonl --expect 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
    )
    .action(async (file: string, options: AuditVerifyOptions) => {
      const { verifyAudit } = await import("../verify/verify-audit.js");
      process.exitCode = await verifyAudit(file, options);
    });
  return new Command("audit").description("check a server's audit log").addCommand(verify);
}
