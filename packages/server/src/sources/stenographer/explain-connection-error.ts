import { errnoOf } from "../../errno.js";
import { SourceError } from "../packet-source.js";

/** What an error of the connection to the daemon means; errors that are explained already pass. */
export function explainConnectionError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const code = errnoOf(error) ?? ""; // Node's network and TLS errors carry one
  const details = { code };
  if (["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT", "EAI_AGAIN"].includes(code)) {
    return new SourceError("source-unavailable", "Stenographer does not answer", { cause: error, details });
  }
  if (isTrustError(code)) {
    return new SourceError("source-unavailable", "Stenographer's certificate is not the expected one", {
      cause: error,
      details,
    });
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO") {
    return new SourceError(
      "source-unavailable",
      "Stenographer does not accept the server's client certificate",
      {
        cause: error,
        details,
      },
    );
  }
  return new SourceError(
    "source-failed",
    "the connection to Stenographer broke before its answer was complete",
    {
      cause: error,
      details,
    },
  );
}

/** OpenSSL's verification results and Node's name check, as Node names them. */
function isTrustError(code: string): boolean {
  return (
    code === "ERR_TLS_CERT_ALTNAME_INVALID" ||
    code.startsWith("CERT_") ||
    code.startsWith("UNABLE_TO_") ||
    code.includes("SELF_SIGNED")
  );
}
