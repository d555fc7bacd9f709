import { describe, expect, it } from "vitest";
import { runHere } from "../test/run-here.js";

const commands = ["certs", "serve", "fetch", "batch", "info", "check"];
const window = ["--from", "1h", "--to", "now"];

describe("the command line", () => {
  it("lists its commands in its help", async () => {
    const { code, stdout, stderr } = await runHere("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  it("prints its version on stdout", async () => {
    expect(await runHere("--version")).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });

  it.each(commands)("has examples in the help of %s", async (command) => {
    const { code, stdout } = await runHere(command, "--help");
    expect(code).toBe(0);
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
    const { code, stdout, stderr } = await runHere(...args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

describe("stenogrpc check", () => {
  const exampleWindow = ["--from", "2026-01-02T03:04:05Z", "--to", "2026-01-02T03:04:25Z"];

  it("prints the filter as it is read, and what goes to Stenographer", async () => {
    const { code, stdout } = await runHere("check", "host 10.0.0.5 and port 443 or icmp", ...exampleWindow);
    expect(code).toBe(0);
    const [filter, window, query] = stdout.split("\n");
    expect(filter).toBe("filter        ((host 10.0.0.5 and port 443) or icmp)");
    expect(window).toBe("window        2026-01-02T03:04:05Z to 2026-01-02T03:04:25Z, the end not included");
    expect(query).toMatch(
      /^stenographer {2}\(.*after 2026-01-02T03:0.*\(\(host 10\.0\.0\.5 and port 443\) or icmp\)\)$/,
    );
  });

  it("shows a slip with a caret and exits with 2", async () => {
    const { code, stdout, stderr } = await runHere("check", "host 10.0.0.5 and prt 443");
    expect(stderr).toContain("\n  host 10.0.0.5 and prt 443\n                    ^\n");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});
