import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgram } from "./program.js";
import { run } from "./run.js";

let stdout = "";
let stderr = "";

beforeEach(() => {
  stdout = "";
  stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

function runHere(...args: string[]): Promise<number> {
  return run(createProgram(), ["node", "stenogrpc", ...args]);
}

const commands = ["certs", "serve", "fetch", "batch", "info", "check"];
const window = ["--from", "1h", "--to", "now"];

describe("the command line", () => {
  it("lists its commands in its help", async () => {
    expect(await runHere("--help")).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    expect(stderr).toBe("");
  });

  it.each(commands)("has examples in the help of %s", async (command) => {
    expect(await runHere(command, "--help")).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples:\n  stenogrpc ${command} `));
  });

  it.each([
    [[], "Usage: stenogrpc"],
    [["fech"], "Did you mean fetch?"],
    [["fetch"], "required option '-c, --config <FILE>' not specified"],
    [["fetch", "-c", "x", ...window, "host", "1.2.3.4"], "too many arguments"],
    [["fetch", "-c", "x", ...window, "--max-bytes", "many"], "such as 1048576, 500MB or 2GiB"],
    [["fetch", "-c", "x", ...window, "--max-packets", "0"], "a whole number of at least 1"],
    [["fetch", "-c", "x", ...window, "--timeout", "soon"], "such as 90s, 15m, 2h or 3d"],
    [["fetch", "-c", "x", "--from", "yesterday", "--to", "now"], '--from: "yesterday" is no time'],
    [["fetch", "-c", "x", "--from", "now", "--to", "1h"], "must lie before --to"],
    [["fetch", "-c", "absent.yaml", ...window], "absent.yaml: cannot read the settings: no such file"],
    [["fetch", "-c", "x", ...window, "-o", "-", "--json"], "choose one"],
    [["fetch", "-c", "x", ...window, "-o", "no/such/folder.pcap"], "there is no folder no/such"],
    [["fetch", "-c", "x", ...window, ""], "the filter is empty"],
    [["batch", "-c", "x", "-r", "absent.csv", "-o", "x"], "absent.csv: cannot read the requests"],
    [["serve", "-c", "x", "--log", "xml"], "Allowed choices are pretty, json"],
    [["certs", "x", "--days", "0"], "a whole number from 1 to 36500"],
    [["certs", "x", "--client", "ca"], "neither ca nor server"],
    [["certs", "x", "--client", "../x"], '"../x" will not do'],
  ])("exits with 2 for %j", async (args, message) => {
    expect(await runHere(...args)).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
  });
});

describe("stenogrpc check", () => {
  const exampleWindow = ["--from", "2026-01-02T03:04:05Z", "--to", "2026-01-02T03:04:25Z"];

  it("prints the filter as it is read, and what goes to Stenographer", async () => {
    vi.mocked(process.stdout.write).mockImplementation((text, done) => {
      stdout += text;
      if (typeof done === "function") done();
      return true;
    });
    expect(await runHere("check", "host 10.0.0.5 and port 443 or icmp", ...exampleWindow)).toBe(0);
    const [filter, window, query] = stdout.split("\n");
    expect(filter).toBe("filter        ((host 10.0.0.5 and port 443) or icmp)");
    expect(window).toBe("window        2026-01-02T03:04:05Z to 2026-01-02T03:04:25Z, the end not included");
    expect(query).toMatch(
      /^stenographer {2}\(.*after 2026-01-02T03:0.*\(\(host 10\.0\.0\.5 and port 443\) or icmp\)\)$/,
    );
  });

  it("shows a slip with a caret and exits with 2", async () => {
    expect(await runHere("check", "host 10.0.0.5 and prt 443")).toBe(2);
    expect(stderr).toContain("\n  host 10.0.0.5 and prt 443\n                    ^\n");
    expect(stdout).toBe("");
  });
});
