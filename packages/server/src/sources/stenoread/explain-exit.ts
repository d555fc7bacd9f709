import { errnoOf } from "../../errno.js";
import { SourceError } from "../packet-source.js";
import type { ChildExit } from "./child-group.js";

/** All that stenoread, curl and tcpdump write to stderr when everything goes well. */
const goodLine = /^(Running stenographer query |reading from file |tcpdump: (listening|verbose)|$)/;

/**
 * Says whether stenoread's end means that its output is whole, and if not, what went wrong.
 *
 * The script ends with tcpdump's exit code, without pipefail: a server that dies on a packet boundary, a full pipe, a
 * curl that gives up or is killed all end with 0. So the end is good only where stderr holds nothing unexpected.
 *
 * @returns undefined for a good end
 */
export function explainExit(exit: ChildExit, stderr: string): SourceError | undefined {
  if (exit.code === 0 && stderr.split("\n").every((line) => goodLine.test(line))) return undefined;

  const { kind, message } = meaningOf(exit, stderr);
  return new SourceError(kind, message, { details: { exitCode: exit.code, signal: exit.signal, stderr } });
}

interface Meaning {
  readonly kind: "source-failed" | "source-unavailable";
  readonly message: string;
}

const failed = (message: string): Meaning => ({ kind: "source-failed", message });
const unavailable = (message: string): Meaning => ({ kind: "source-unavailable", message });

function meaningOf(exit: ChildExit, stderr: string): Meaning {
  const curl = /^curl: \((\d+)\)/m.exec(stderr)?.[1];
  if (curl !== undefined) return meaningOfCurl(curl);
  if (/stenographer config/.test(stderr)) {
    return unavailable("stenoread can't read Stenographer's configuration");
  }
  if (/You do not have permission/.test(stderr)) {
    return unavailable("stenoread has no permission to read Stenographer's client certificate");
  }
  if (exit.code === 127 || /Must install|No such file or directory|not found/.test(stderr)) {
    return unavailable("stenoread misses one of the programs it needs: stenocurl, curl, jq, tcpdump");
  }
  // What tcpdump says when Stenographer answers with the text of an error instead of packets.
  const complaint = /^tcpdump: (.*)$/m.exec(stderr)?.[1];
  if (complaint === "unknown file format") return failed("Stenographer refused the query or failed");
  return failed("stenoread failed before its output was complete");
}

/** Meaning of curl's exit codes, from curl(1). */
function meaningOfCurl(code: string): Meaning {
  switch (code) {
    case "6":
    case "7":
      return unavailable("Stenographer does not answer");
    case "28":
      return failed("Stenographer took longer than the 890 s stenoread allows; ask for a shorter window");
    case "16":
    case "35":
    case "56":
    case "58":
    case "60":
    case "77":
      return unavailable(
        "Stenographer and stenoread do not trust each other's certificates, or the connection broke",
      );
    default:
      return failed("the connection to Stenographer broke before its answer was complete");
  }
}

/** What a command that could not be started at all means. */
export function explainSpawnError(error: unknown): SourceError {
  const missing = errnoOf(error) === "ENOENT";
  const message = missing
    ? "stenoread is not installed on the sensor, or not in the server's PATH"
    : "stenoread could not be started on the sensor";
  return new SourceError("source-unavailable", message, { cause: error });
}

/** What endless complaints mean: stenocurl looks for its certificates in a loop when CertPath is missing or unreadable. */
export function explainFlood(stderr: string): SourceError {
  const message =
    "stenoread can't find Stenographer's client certificate: check CertPath in Stenographer's configuration";
  return new SourceError("source-unavailable", message, { details: { stderr } });
}
