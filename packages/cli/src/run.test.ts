import { describe, expect, it } from "vitest";
import { runHere } from "../test-support/run-here.js";

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
    [["fetch", "-c", "absent.yaml", ...window, "host", "1.2.3.4"], "absent.yaml: cannot read the settings"],
    [["info", "-c", "x", "host"], "too many arguments"],
    [["fetch", "-c", "x", ...window, "--max-bytes", "many"], "such as 1048576, 500MB or 2GiB"],
    [
      ["fetch", "-c", "x", ...window, "--max-bytes", "10"],
      "'--max-bytes <SIZE>' argument '10' is invalid. Write at least 24",
    ],
    [
      ["fetch", "-c", "x", ...window, "--timeout", "0"],
      "'--timeout <DURATION>' argument '0' is invalid. Write 1ms or more",
    ],
    [["info", "-c", "x", "--timeout", "25d"], "no more than 24d"],
    [["fetch", "-c", "x", ...window, "-o", ""], "'-o, --output <FILE>' argument '' is invalid. Write a name"],
    [["batch", "-c", "x", "-r", "x", "-o", ""], "'-o, --output <DIR>' argument '' is invalid. Write a name"],
    [["info", "-c", "x", "-s", ""], "'-s, --server <HOST:PORT>' argument '' is invalid. Write a name"],
    [["fetch", "-c", "x", ...window, "--max-packets", "0"], "a whole number of at least 1"],
    [["fetch", "-c", "x", ...window, "--timeout", "soon"], "such as 90s, 15m, 2h or 3d"],
    [["fetch", "-c", "x", "--from", "yesterday", "--to", "now"], '--from: "yesterday" is no time'],
    [
      ["fetch", "-c", "x", "--from", "1000-01-01T00:00:00Z", "--to", "now"],
      '--from: "1000-01-01T00:00:00Z" lies before 1970',
    ],
    [["fetch", "-c", "x", "--from", "now", "--to", "1h"], "must lie before --to"],
    [["fetch", "-c", "absent.yaml", ...window], "absent.yaml: cannot read the settings: no such file"],
    [["fetch", "-c", "x", ...window, "-o", "-", "--json"], "choose one"],
    [["fetch", "-c", "x", ...window, "-o", "no/such/folder.pcap"], "there is no folder no/such"],
    [["fetch", "-c", "x", ...window, "-o", "/"], "/ is a folder; add a file name"],
    [
      ["fetch", "-c", "x", ...window, "-o", "/dev/null"],
      '/dev/null is no regular file, which alone can be written whole; choose another name, or "-"',
    ],
    [["fetch", "-c", "x", ...window, "-o", "/dev/null", "--overwrite"], "/dev/null is no regular file"],
    [["fetch", "-c", "x", ...window, "-o", "/", "--overwrite"], "/ is a folder; add a file name"],
    [["fetch", "-c", "x", ...window, ""], "the filter is empty"],
    [["fetch", "--form", "1h", "--to", "now"], "unknown option '--form'\n(Did you mean --from?)"],
    [["fetch", "-c", "x", "--to", "now"], "required option '--from <TIME>' not specified"],
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

  it("prints how tcpdump's language is read, what the index is asked, what is matched, and why", async () => {
    const { code, stdout } = await runHere(
      "check",
      "tcp and src host 10.0.0.5 and not port 22",
      ...exampleWindow,
    );
    expect(code).toBe(0);
    const [filter, language, window, index, matched, query, because] = stdout.split("\n");
    expect(filter).toBe("filter        (tcp and src host 10.0.0.5 and not port 22)");
    expect(language).toBe("language      tcpdump's (pcap)");
    expect(window).toBe("window        2026-01-02T03:04:05Z to 2026-01-02T03:04:25Z, the end not included");
    expect(index).toBe("index         (tcp and host 10.0.0.5)");
    expect(matched).toBe("matched       (tcp and src host 10.0.0.5 and not port 22)");
    expect(query).toMatch(/^stenographer {2}\(.*after 2026-01-02T03:0.* and \(tcp and host 10\.0\.0\.5\)\)$/);
    expect(because).toMatch(/^because {7}\S/);
  });

  it("joins the words of a filter that is not in quotes, options between them or not", async () => {
    const { code, stdout } = await runHere("check", "host", "10.0.0.5", "--json", "and", "port 443");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).filter).toBe("(host 10.0.0.5 and port 443)");
  });

  it("says where the index can't help", async () => {
    const { stdout } = await runHere("check", "not port 22", ...exampleWindow);
    expect(stdout).toContain("\nindex         can't help: every packet in the window is read\n");
  });

  it("reads Stenographer's language where it is told to", async () => {
    const args = ["--dialect", "stenographer", "host 10.0.0.5 and port 443 or icmp"];
    const { code, stdout } = await runHere("check", ...args, ...exampleWindow);
    expect(code).toBe(0);
    expect(stdout).toContain("filter        ((host 10.0.0.5 and port 443) or icmp)\n");
    expect(stdout).toContain("language      Stenographer's (stenographer)\n");
    expect(stdout).toMatch(/^stenographer {2}\(.*\(\(host 10\.0\.0\.5 and port 443\) or icmp\)\)$/m);
    const refused = await runHere("check", "--dialect", "stenographer", "not port 22");
    expect(refused.stderr).toContain("\n  not port 22\n  ^\n");
    expect(refused.code).toBe(2);
  });

  it("says where it looks through VLAN tags", async () => {
    const { code, stdout } = await runHere("check", "--any-vlan", "tcp and host 10.0.0.5", ...exampleWindow);
    expect(code).toBe(0);
    expect(stdout).toContain("\nlanguage      tcpdump's (pcap), through VLAN tags\n");
  });

  it("asks the index for no VLAN tag that is put back only afterwards", async () => {
    const args = ["--json", "vlan 5 and tcp", ...exampleWindow];
    const asStored = JSON.parse((await runHere("check", ...args)).stdout);
    const restored = JSON.parse((await runHere("check", "--restore-vlan", ...args)).stdout);
    expect([asStored.index, restored.index]).toEqual([
      expect.stringContaining("vlan 5"),
      expect.not.stringContaining("vlan"),
    ]);
  });

  it("prints it as one JSON line", async () => {
    const { stdout } = await runHere("check", "--json", "tcp dst port 443", ...exampleWindow);
    expect(stdout.endsWith("}\n")).toBe(true);
    expect(JSON.parse(stdout)).toEqual({
      filter: "tcp dst port 443",
      filterDialect: "pcap",
      vlanTransparent: false,
      window: { start: "2026-01-02T03:04:05Z", end: "2026-01-02T03:04:25Z" },
      index: "(tcp and port 443)",
      residual: "tcp dst port 443",
      query: expect.stringContaining("(tcp and port 443)"),
      explanation: expect.arrayContaining([expect.any(String)]),
      cost: null,
    });
  });

  it("reads times such as 45m ago, in both languages", async () => {
    for (const dialect of ["pcap", "stenographer"]) {
      const { code, stdout } = await runHere(
        "check",
        "--dialect",
        dialect,
        "--json",
        "icmp and after 45m ago",
      );
      expect(code).toBe(0);
      expect(JSON.parse(stdout).filter).toBe("(icmp and after 45m ago)");
      expect(JSON.parse(stdout).query).toMatch(/icmp and after 20\d\d-/);
    }
  });

  it.each([
    [["-s", "sensor-1:8443"], "-s is for a server; name one with -c FILE"],
    [["--nanoseconds"], "--nanoseconds is for a server"],
    [["--dialect", "bpf"], "Allowed choices are pcap, stenographer"],
  ])("exits with 2 for %j", async (args, message) => {
    const { code, stdout, stderr } = await runHere("check", "tcp", ...args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("shows a slip with a caret and exits with 2", async () => {
    const { code, stdout, stderr } = await runHere("check", "host 10.0.0.5 and prt 443");
    expect(stderr).toContain("\n  host 10.0.0.5 and prt 443\n                    ^\n");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});
