import { describe, expect, it } from "vitest";
import { explainExit, explainSpawnError } from "./explain-exit.js";

const banner = "Running stenographer query 'tcp', piping to 'tcpdump -w -'\n";
const reading = "reading from file /dev/stdin, link-type EN10MB (Ethernet), snapshot length 65536\n";
const ended = (code: number | null) => ({ code, signal: null });

/** Stderr and exit codes as observed on Debian 12's stenographer-client 1.0.1. */
describe("explainExit", () => {
  it("is content with a whole answer", () => {
    expect(explainExit(ended(0), banner + reading)).toBeUndefined();
  });

  it.each<[string, number, string, string, RegExp]>([
    [
      "a server that died on a packet boundary, exit 0",
      0,
      `${banner + reading}curl: (18) HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)\n`,
      "source-failed",
      /connection to Stenographer broke/,
    ],
    [
      "a server that died in the middle of a packet",
      1,
      `${banner + reading}curl: (18) transfer closed with outstanding read data remaining\ntcpdump: pcap_loop: truncated dump file; tried to read 1462 captured bytes, only got 1444\n`,
      "source-failed",
      /connection to Stenographer broke/,
    ],
    [
      "a server that is down",
      1,
      `${banner}curl: (7) Failed to connect to 127.0.0.1 port 1234 after 0 ms: Couldn't connect to server\ntcpdump: truncated dump file; tried to read 4 file header bytes, only got 0\n`,
      "source-unavailable",
      /does not answer/,
    ],
    [
      "another CA",
      1,
      `${banner}curl: (35) OpenSSL/3.0.22: error:0200008A:rsa routines::invalid padding\ntcpdump: truncated dump file; tried to read 4 file header bytes, only got 0\n`,
      "source-unavailable",
      /certificates/,
    ],
    [
      "a query that was refused",
      1,
      `${banner}tcpdump: unknown file format\n`,
      "source-failed",
      /refused the query/,
    ],
    [
      "the 890 s of stenocurl",
      1,
      `${banner + reading}curl: (28) Operation timed out\n`,
      "source-failed",
      /890 s/,
    ],
    [
      "a configuration that is not there",
      1,
      `${banner}Unable to access stenographer config at '/x'.  You may need to set STENOGRAPHER_CONFIG\n`,
      "source-unavailable",
      /configuration/,
    ],
    [
      "a key that can't be read",
      1,
      `${banner}/bin/cat: /etc/stenographer/certs/client_key.pem: Permission denied\nYou do not have permission to access Stenographer data\n`,
      "source-unavailable",
      /permission/,
    ],
    [
      "no jq",
      1,
      `${banner}Must install 'jq' for JSON parsing (apt-get install jq)\n`,
      "source-unavailable",
      /jq/,
    ],
    ["no tcpdump", 127, `${banner}: No such file or directory\n`, "source-unavailable", /tcpdump/],
    [
      "a curl that was killed on a packet boundary, exit 0",
      0,
      `${banner + reading}/usr/bin/stenocurl: line 50: 27057 Killed                  curl --cert x\n`,
      "source-failed",
      /before its output was complete/,
    ],
    ["an exit that nothing explains", 3, banner, "source-failed", /before its output was complete/],
  ])("sees through %s", (_, code, stderr, kind, message) => {
    const problem = explainExit(ended(code), stderr);
    expect(problem).toMatchObject({ kind, details: { exitCode: code, stderr } });
    expect(problem?.message).toMatch(message);
  });

  it("takes a killed script as failed", () => {
    expect(explainExit({ code: null, signal: "SIGKILL" }, banner + reading)?.kind).toBe("source-failed");
  });

  it("tells a client no path, query or stderr", () => {
    const stderr = `${banner}Unable to access stenographer config at '/etc/secret'\ncurl: (7) Failed to connect to 10.0.0.1\n`;
    expect(explainExit(ended(1), stderr)?.message).not.toMatch(/secret|10\.0\.0\.1|tcp and/);
  });
});

describe("explainSpawnError", () => {
  it("tells a missing script from one that can't be started", () => {
    const error = (code: string) => Object.assign(new Error("spawn"), { code });
    expect(explainSpawnError(error("ENOENT"))).toMatchObject({ kind: "source-unavailable" });
    expect(explainSpawnError(error("ENOENT")).message).toMatch(/not installed/);
    expect(explainSpawnError(error("EACCES")).message).toMatch(/could not be started/);
  });
});
