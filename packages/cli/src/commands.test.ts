import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createStenographerServer,
  directorySource,
  type PacketSource,
  type ServerOptions,
} from "@stenogrpc/server";
import { memorySource } from "@stenogrpc/server/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeCapture } from "../test-support/captures.js";
import {
  batchIn,
  labYaml,
  only,
  packetBytes,
  startSeconds,
  window,
  writeLabCapture,
} from "../test-support/lab.js";
import { runHere } from "../test-support/run-here.js";

let folder: string;
let capture: Buffer;
let server: RunningServer;
let address: string;
const workingFolder = process.cwd();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-commands-"));
  process.chdir(folder);
  capture = writeLabCapture(folder);
  expect(await runHere("certs", "pki", "--host", "127.0.0.1")).toMatchObject({ code: 0 });
  writeFileSync(join("pki", "lab.yaml"), labYaml);
  server = await serve({
    source: directorySource({ path: join(folder, "captures") }),
    limits: { maxWindowMs: 86_400_000, timeoutMs: 60_000 },
  });
  address = server.address;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  process.chdir(workingFolder);
  rmSync(folder, { recursive: true });
});

interface RunningServer extends AsyncDisposable {
  readonly address: string;
}

/** A server of this process, with the lab's certificates. */
async function serve(options: Pick<ServerOptions, "source" | "limits">): Promise<RunningServer> {
  const started = await createStenographerServer({
    ...options,
    sensor: "lab",
    tls: { ca: readText("pki/ca.crt"), cert: readText("pki/server.crt"), key: readText("pki/server.key") },
    host: "127.0.0.1",
    port: 0,
  });
  return {
    address: `127.0.0.1:${started.port}`,
    [Symbol.asyncDispose]: () => started.close({ graceMs: 0 }),
  };
}

/** Where the last test wrote. */
let out: string;
let count = 0;
function freshFolder(): string {
  out = `out${++count}`;
  mkdirSync(out, { recursive: true });
  return out;
}

function fetch(...args: string[]) {
  return runHere("fetch", "-c", "pki/client.yaml", "-s", address, ...window, ...args);
}

function read(...path: string[]): Buffer {
  return readFileSync(join(...path));
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}

describe("stenogrpc certs", () => {
  it("refuses a host that is none", async () => {
    const { code, stderr } = await runHere("certs", "refused", "--host", "not a host");
    expect(stderr).toContain("neither a DNS name nor an IP address");
    expect(code).toBe(2);
  });

  it("refuses a folder that is a file", async () => {
    writeFileSync("taken", "x");
    const { code, stderr } = await runHere("certs", "taken");
    expect(stderr).toBe("stenogrpc: cannot make the folder taken: a file has that name; choose another\n");
    expect(code).toBe(2);
  });

  it("leaves half a pair to its owner", async () => {
    mkdirSync(join("half"));
    writeFileSync(join("half", "ca.crt"), "x");
    const { code, stderr } = await runHere("certs", "half");
    expect(stderr).toContain("half: ca.crt is there but ca.key is not");
    expect(code).toBe(2);
    expect(readdirSync(join("half"))).toEqual(["ca.crt"]);
  });
});

describe("stenogrpc fetch", () => {
  it("prints the result as one JSON line, and needs no server option where the YAML names one", async () => {
    const to = freshFolder();
    writeFileSync(
      join("pki", "with-server.yaml"),
      `${read("pki", "client.yaml")
        .toString()
        .replace(/^server:.*$/m, "")}\nserver: ${address}\n`,
    );
    const args = ["--json", "-o", `${to}/all.pcap`, "--uid", "alert-4711"];
    const { code, stdout, stderr } = await runHere("fetch", "-c", "pki/with-server.yaml", ...window, ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.endsWith("}\n")).toBe(true);
    expect(JSON.parse(stdout)).toMatchObject({
      uid: "alert-4711",
      verdict: "complete",
      stoppedBy: "nothing",
      packets: 20,
      pcapBytes: capture.length,
      sha256: createHash("sha256").update(capture).digest("hex"),
      firstPacket: "2026-01-02T03:04:05Z",
      lastPacket: "2026-01-02T03:04:24.000000019Z",
      window: { start: "2026-01-02T03:04:05Z", end: "2026-01-02T03:04:25Z" },
      sensor: "lab",
      source: "directory",
      verification: "full",
      file: `${to}/all.pcap`,
    });
  });

  it.each([
    ["--max-packets", "3", 3, "the packet limit that was asked for"],
    ["--max-bytes", String(24 + 5 * packetBytes + 1), 5, "the byte limit that was asked for"],
  ])("exits with 4 when %s %s stops it", async (option, value, kept, reason) => {
    const to = freshFolder();
    const { code, stderr } = await fetch(option, value, "-o", `${to}/cut.pcap`);
    expect(stderr).toContain("truncated, there are more: ");
    expect(stderr.split(`warning ${reason} cut the answer after ${kept} packets`)).toHaveLength(2);
    expect(code).toBe(4);
    expect(read(to, "cut.pcap").equals(only(capture, (_, i) => i < kept))).toBe(true);
  });

  it("exits with 2 for a window that the server refuses", async () => {
    const to = freshFolder();
    const { code, stderr } = await fetch("--from", "2025-01-01T00:00:00Z", "-o", `${to}/x.pcap`);
    expect(stderr).toMatch(/\[(WINDOW|LIMIT)_INVALID\]/);
    expect(code).toBe(2);
    expect(readdirSync(to)).toEqual([]);
  });

  it("exits with 1 when another authority signed the server's certificate, and says which key to look at", async () => {
    expect(await runHere("certs", "other")).toMatchObject({ code: 0 });
    const args = ["-s", address, ...window, "-o", "never.pcap"];
    const { code, stderr } = await runHere("fetch", "-c", "other/client.yaml", ...args);
    expect(stderr).toContain("[TLS_SERVER_UNTRUSTED]");
    expect(stderr).toContain("`root_certificate`");
    expect(code).toBe(1);
  });

  it("exits with 2 for a key that is not the certificate's", async () => {
    const yaml = "root_certificate: ca.crt\nprivate_key: ca.key\ncertificate_chain: analyst.crt\n";
    writeFileSync(join("pki", "mixed.yaml"), yaml);
    const { code, stderr } = await runHere(
      "fetch",
      "-c",
      "pki/mixed.yaml",
      "-s",
      address,
      ...window,
      "-o",
      "never.pcap",
    );
    expect(stderr).toContain("pki/mixed.yaml: private_key: ca.key is not the key of analyst.crt");
    expect(code).toBe(2);
  });

  it("replaces a file only with --overwrite", async () => {
    const to = freshFolder();
    writeFileSync(join(to, "x.pcap"), "evidence");
    const refused = await fetch("-o", `${to}/x.pcap`);
    expect(refused.stderr).toContain("x.pcap exists; choose another name, or --overwrite");
    expect(refused.code).toBe(2);
    expect(read(to, "x.pcap").toString()).toBe("evidence");
    expect((await fetch("-o", `${to}/x.pcap`, "--overwrite")).code).toBe(0);
    expect(read(to, "x.pcap").equals(capture)).toBe(true);
  });
});

describe("the settings of a client", () => {
  it.each([
    ["timeout: 0", ":5: timeout: Too small: expected number to be >=1, in milliseconds"],
    ["timeout: 25d", ":5: timeout: Too big"],
  ])("are refused for %j by file, line and key", async (wrong, problem) => {
    const yaml = readText("pki/client.yaml")
      .replace(/^#.*\n/gm, "")
      .replace(/^server:.*$/m, wrong);
    writeFileSync(join("pki", "slip.yaml"), yaml);
    const { code, stderr } = await runHere("fetch", "-c", "pki/slip.yaml", "-s", address, ...window);
    expect(stderr).toContain(`stenogrpc: pki/slip.yaml${problem}`);
    expect(code).toBe(2);
  });
});

describe("the filter of a fetch", () => {
  it("is in tcpdump's language", async () => {
    const to = freshFolder();
    const args = ["--json", "-o", `${to}/x.pcap`, "src host 10.0.0.5 and not dst port 53"];
    const { code, stdout, stderr } = await fetch(...args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      packets: 10,
      filter: "(src host 10.0.0.5 and not dst port 53)",
      filterDialect: "pcap",
    });
    expect(read(to, "x.pcap").equals(only(capture, ({ port }) => port !== 53))).toBe(true);
  });

  it("may stand there without quotes, as for tcpdump", async () => {
    const { code, stdout } = await fetch("--json", "dst", "port", "53", "-o", `${freshFolder()}/x.pcap`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ packets: 10, filter: "dst port 53" });
  });

  it("is in Stenographer's with --dialect stenographer, and refused here where that has no such word", async () => {
    const to = freshFolder();
    const args = ["--dialect", "stenographer", "-o", `${to}/x.pcap`];
    const { stdout } = await fetch(...args, "--json", "ip proto 17 and port 53");
    expect(JSON.parse(stdout)).toMatchObject({ packets: 10, filterDialect: "stenographer" });
    const refused = await fetch(...args, "--overwrite", "not port 53");
    expect(refused.stderr).toContain("\n  not port 53\n  ^\n");
    expect(refused.code).toBe(2);
  });

  it("takes times, as Stenographer's does", async () => {
    const to = freshFolder();
    const { code } = await fetch("-q", "-o", `${to}/x.pcap`, "before 2026-01-02T03:04:08Z and after 45m ago");
    expect(code).toBe(3);
    expect((await fetch("-q", "-o", `${to}/y.pcap`, "udp and before 2026-01-02T03:04:08Z")).code).toBe(0);
    expect(read(to, "y.pcap").equals(only(capture, (_, i) => i < 3))).toBe(true);
  });

  it("matches tagged packets with --any-vlan only", async () => {
    const to = freshFolder();
    const packet = {
      timestampNs: BigInt(startSeconds) * 1_000_000_000n,
      source: "10.0.0.5",
      destination: "10.0.1.1",
    };
    const bytes = writeCapture(join(to, "tagged.pcap"), [{ ...packet, port: 53, vlan: 5 }]);
    await using sensor = await serve({ source: memorySource(bytes) });
    const args = ["-s", sensor.address, "-o"];
    expect((await fetch(...args, `${to}/plain.pcap`, "host 10.0.0.5")).code).toBe(3);
    expect((await fetch(...args, `${to}/any.pcap`, "--any-vlan", "host 10.0.0.5")).code).toBe(0);
    expect(read(to, "any.pcap").equals(bytes)).toBe(true);
  });
});

describe("what a fetch wants of the packets", () => {
  it("is refused by a sensor that does not have it", async () => {
    const to = freshFolder();
    const { code, stderr } = await fetch("--restore-vlan", "-o", `${to}/x.pcap`);
    expect(stderr).toContain("[OPTION_UNSUPPORTED]");
    expect(stderr).toContain("--restore-vlan and --nanoseconds");
    expect(code).toBe(2);
    expect(readdirSync(to)).toEqual([]);
  });

  it("may be nanoseconds", async () => {
    const to = freshFolder();
    expect((await fetch("-q", "--nanoseconds", "-o", `${to}/x.pcap`)).code).toBe(0);
    expect(read(to, "x.pcap").readUInt32LE(0)).toBe(0xa1b23c4d);
  });

  it("can't be asked of an original server, whose language is Stenographer's", async () => {
    const to = freshFolder();
    const asked = await fetch("--original-server", "--any-vlan", "-o", `${to}/x.pcap`);
    expect(asked.stderr).toContain("--any-vlan: an original server");
    const filtered = await fetch("--original-server", "-o", `${to}/x.pcap`, "not port 53");
    expect(filtered.stderr).toContain("\n  not port 53\n  ^\n");
    expect([asked.code, filtered.code, readdirSync(to)]).toEqual([2, 2, []]);
  });
});

describe("what the sensor does not have", () => {
  const early = ["--from", "2026-01-02T03:00:00Z", "--to", "2026-01-02T03:04:10Z"];

  it("is a warning", async () => {
    const to = freshFolder();
    const { code, stderr } = await fetch(...early, "-o", `${to}/x.pcap`);
    expect(stderr).toContain(
      "\n  warning the sensor has nothing before 2026-01-02T03:04:05Z (asked from 2026-01-02T03:00:00Z)\n",
    );
    expect(code).toBe(0);
  });

  it("is all that --quiet lets through", async () => {
    const { stderr } = await fetch(...early, "-q", "-o", `${freshFolder()}/x.pcap`);
    expect(stderr).toBe(
      "stenogrpc: warning: the sensor has nothing before 2026-01-02T03:04:05Z (asked from 2026-01-02T03:00:00Z)\n",
    );
  });

  it("is in the JSON", async () => {
    const { stdout } = await fetch(...early, "-o", `${freshFolder()}/x.pcap`, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      completeness: "unproved",
      coverage: {
        oldestPacket: "2026-01-02T03:04:05Z",
        gaps: [{ start: "2026-01-02T03:00:00Z", end: "2026-01-02T03:04:05Z", reason: "aged-out" }],
      },
      damage: [],
    });
  });

  it("fails with 1 and leaves no file under --require-coverage", async () => {
    const to = freshFolder();
    const { code, stdout, stderr } = await fetch(
      ...early,
      "--require-coverage",
      "--json",
      "-o",
      `${to}/x.pcap`,
    );
    expect(stderr).toContain("[COVERAGE_INCOMPLETE]");
    expect(stderr).toContain("Without --require-coverage, what there is is saved.");
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "failed", reason: "COVERAGE_INCOMPLETE" });
    expect(code).toBe(1);
    expect(readdirSync(to)).toEqual([]);
    const covered = ["--from", "2026-01-02T03:04:05Z", "--to", "2026-01-02T03:04:10Z"];
    expect((await fetch(...covered, "--require-coverage", "-q", "-o", `${to}/x.pcap`)).code).toBe(0);
  });

  it("may be for damage: exits with 5, and saves what could be read", async () => {
    const to = freshFolder();
    const whole = memorySource(capture);
    const damage = [{ file: "1767323045", thread: 0, block: 2, what: "bad length", losesPackets: true }];
    const damaged: PacketSource = {
      ...whole,
      open: async (plan, signal) => ({ ...(await whole.open(plan, signal)), outcome: () => ({ damage }) }),
    };
    await using sensor = await serve({ source: damaged });
    const { code, stderr } = await fetch("-s", sensor.address, "-o", `${to}/x.pcap`);
    expect(stderr).toMatch(
      /^incomplete, damage on the sensor cost packets that may have matched: 20 packets/,
    );
    expect(stderr).toContain(
      "  warning file 1767323045 of thread 0, block 2: bad length (packets may be missing)",
    );
    expect(stderr).toContain("  note   the sensor does not know whether it has all of the window");
    expect(code).toBe(5);
    expect(read(to, "x.pcap").equals(capture)).toBe(true);
  });
});

describe("stenogrpc check -c", () => {
  function check(...args: string[]) {
    return runHere("check", "-c", "pki/client.yaml", "-s", address, ...window, ...args);
  }

  it("has the server explain the filter, with what it may cost", async () => {
    const { code, stdout, stderr } = await check("udp dst port 53");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^filter {8}udp dst port 53$/m);
    expect(stdout).toMatch(/^language {6}tcpdump's \(pcap\)$/m);
    expect(stdout).toMatch(/^index {9}none: every packet of the files that touch the window is read$/m);
    expect(stdout).toMatch(/^because {7}\S/m);
    expect(stdout).toMatch(/^sensor {8}lab \(directory\)$/m);
    expect(stdout).toMatch(/^cost {10}1 file, 1\.2 KiB at most$/m);
  });

  it("prints it as JSON", async () => {
    const { stdout } = await check("--json", "--dialect", "stenographer", "port 53");
    expect(JSON.parse(stdout)).toMatchObject({
      filter: "port 53",
      filterDialect: "stenographer",
      window: { start: "2026-01-02T03:04:05Z", end: "2026-01-02T03:04:25Z" },
      source: "directory",
      sensor: "lab",
      usesIndex: false,
      cost: { files: 1, bytes: capture.length },
    });
  });

  it("exits as a fetch would for a request that makes no sense", async () => {
    const refused = await check("--restore-vlan", "udp");
    expect(refused.stderr).toContain("[OPTION_UNSUPPORTED]");
    expect(refused.code).toBe(2);
    expect((await check("prt 53")).code).toBe(2);
  });

  it("exits with 1 when no one listens", async () => {
    const { code, stdout, stderr } = await check("-s", "127.0.0.1:1", "udp");
    expect(stderr).toContain("[CONNECTION_FAILED]");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});

describe("stenogrpc info", () => {
  it("describes it as JSON", async () => {
    const { stdout } = await runHere("info", "-c", "pki/client.yaml", "-s", address, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      sensor: "lab",
      source: "directory",
      limits: { maxWindowMs: 86_400_000, timeoutMs: 60_000, concurrency: 10, maxBytes: null },
      oldestPacket: "2026-01-02T03:04:05Z",
      newestPacket: "2026-01-02T03:04:24.000000019Z",
    });
  });

  it("exits with 1 when no one listens", async () => {
    const { code, stdout, stderr } = await runHere("info", "-c", "pki/client.yaml", "-s", "127.0.0.1:1");
    expect(stderr).toContain("[CONNECTION_FAILED]");
    expect({ code, stdout: stdout }).toEqual({ code: 1, stdout: "" });
  });
});

describe("stenogrpc batch", () => {
  const [first, last] = [startSeconds, startSeconds + 19];

  function batch(csv: string, ...args: string[]) {
    const to = freshFolder();
    writeFileSync(join(to, "requests.csv"), csv);
    return runHere(...batchIn(to, address), ...args);
  }

  it("exits with 0 when every row is complete or empty, and takes the last second in", async () => {
    const { code, stdout } = await batch(
      `${first},${first},udp\n${last + 1},${last + 9},udp\n`,
      "--json",
      "-q",
    );
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { row: 1, verdict: "complete", packets: 1, file: "0001-udp.pcap", error: null },
      { row: 2, verdict: "no-packets", packets: 0 },
    ]);
  });

  it.each(["", "\n", "epoch_start,epoch_end,bpf\n"])("exits with 2 when %j has no row", async (csv) => {
    const { code, stderr } = await batch(csv);
    expect(stderr).toBe(`stenogrpc: no requests in ${out}/requests.csv\n`);
    expect(code).toBe(2);
    expect(readdirSync(out)).toEqual(["requests.csv"]);
  });

  it("exits with 4 when a row is truncated and none failed", async () => {
    expect(await batch(`${first},${last},udp\n`, "--max-packets", "2")).toMatchObject({ code: 4 });
  });

  it("lets a row say its language and wishes for itself", async () => {
    const csv = `epoch_start,epoch_end,bpf,dialect,require_coverage
${first},${first + 9},not port 53,,
${first},${first + 9},ip proto 17,stenographer,true
${first - 9},${last},udp,,true
${first},${last},not port 53,stenographer,
`;
    const { code, stdout, stderr } = await batch(csv, "--json");
    expect(code).toBe(1);
    expect(stderr).toContain("4 rows: 2 complete, 1 failed, 1 bad-row");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { packets: 5, filterDialect: "pcap", coverage: { gaps: [] }, missing: null },
      { packets: 10, filterDialect: "stenographer" },
      { verdict: "failed", error: expect.stringContaining("[COVERAGE_INCOMPLETE]") },
      { verdict: "bad-row", error: expect.stringContaining("line 5: filter: ") },
    ]);
  });

  it("asks several sensors, and carries over columns of the user's own", async () => {
    await using other = await serve({ source: memorySource(only(capture, ({ port }) => port === 53)) });
    const csv = `alert_id,server,from,to,filter,max_packets
a-1,,2026-01-02T03:04:05Z,2026-01-02T03:04:15Z,udp,
a-2,${other.address},2026-01-02T04:04:05+01:00,2026-01-02T04:04:15+01:00,udp,
"a,3",,2026-01-02T03:04:05Z,2026-01-02T03:04:15Z,udp,2
a-4,sensor:0,2026-01-02T03:04:05Z,2026-01-02T03:04:15Z,udp,
`;
    const { code, stdout, stderr } = await batch(csv, "--json");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^carried over into results\.csv: alert_id\n/);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toMatchObject([
      { verdict: "complete", packets: 10, own: { alert_id: "a-1" } },
      { verdict: "complete", packets: 5, asked: expect.stringContaining(`server ${other.address}; `) },
      { verdict: "truncated", packets: 2, own: { alert_id: "a,3" } },
      {
        verdict: "bad-row",
        error: expect.stringMatching(/^line 5: server is "sensor:0"\. .*port/),
        uid: null,
      },
    ]);
    const results = read(out, "case", "results.csv").toString().trimEnd().split("\n");
    expect(results[0]).toMatch(/,asked,uid,alert_id$/);
    expect(results[3]).toMatch(new RegExp(`,${rows[2].uid},"a,3"$`));
  });

  it("needs no server of the command line where each row names its own", async () => {
    const to = freshFolder();
    writeFileSync(join(to, "requests.csv"), `server,from,to,filter\n${address},1h,now,udp\n,1h,now,udp\n`);
    const args = ["batch", "-c", "pki/client.yaml", "-r", `${to}/requests.csv`, "-o", `${to}/case`, "-q"];
    const yaml = readText("pki/client.yaml").replace(/^server:.*\n/m, "");
    writeFileSync("pki/serverless.yaml", yaml);
    const serverless = args.map((arg) => arg.replace("client.yaml", "serverless.yaml"));
    expect(await runHere(...serverless)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("which server?"),
    });
    writeFileSync(join(to, "requests.csv"), `server,from,to,filter\n${address},1h,now,udp\n`);
    expect(await runHere(...serverless)).toMatchObject({ code: 0 });
  });

  it("exits with 1 when no row can be asked, and keeps the results", async () => {
    const { code } = await batch(`${first},${last},udp\n`, "-s", "127.0.0.1:1");
    expect(code).toBe(1);
    expect(read(out, "case", "results.csv").toString()).toContain(",failed,");
    expect(readdirSync(join(out, "case"))).toEqual(["results.csv"]);
  });

  it.each([
    ["is a file", "requests.csv", "a file has that name"],
    ["lies behind a file", "requests.csv/case", "a part of the path is no folder"],
  ])("exits with 2 where the folder for the captures %s", async (_where, name, problem) => {
    const to = `out${count + 1}/${name}`;
    const { code, stderr } = await batch(`${first},${last},udp\n`, "-o", to);
    expect(stderr).toBe(`stenogrpc: cannot make the folder ${to}: ${problem}; choose another\n`);
    expect(code).toBe(2);
  });

  it("exits with 1 where results.csv can't be written, and tells the results all the same", async () => {
    const results = `out${count + 1}/case/results.csv`;
    mkdirSync(results, { recursive: true });
    const { code, stdout, stderr } = await batch(`${first},${last},udp\n`, "--overwrite", "--json");
    expect(stderr).toContain(`\nstenogrpc: cannot write ${results}: it is a folder\n`);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "complete" });
    expect(code).toBe(1);
  });

  it("replaces an earlier batch only with --overwrite", async () => {
    const csv = `${first},${last},udp\n`;
    expect(await batch(csv)).toMatchObject({ code: 0 });
    const again = batchIn(out, address);
    const refused = await runHere(...again);
    expect(refused.stderr).toContain("results.csv exists");
    expect(refused.code).toBe(2);
    expect(await runHere(...again, "--overwrite")).toMatchObject({ code: 0 });
  });
});

describe("stenogrpc batch --resume", () => {
  const [first, last] = [startSeconds, startSeconds + 19];
  const csv = `${first},${last},port 53\n${first},${last},prt 53\n${first},${last},port 4711\n${first},${last},udp\n`;

  async function firstBatch(text: string, ...args: string[]): Promise<void> {
    const to = freshFolder();
    writeFileSync(join(to, "requests.csv"), text);
    await runHere(...batchIn(to, address), ...args);
  }

  function resume(...args: string[]) {
    return runHere(...batchIn(out, address), "--resume", ...args);
  }

  function ofCase(file: string): string {
    return readText(join(out, "case", file));
  }

  /** The rows that a run says it kept, from its JSON. */
  function keptIn(stdout: string): number[] {
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return rows.filter(({ kept }) => kept).map(({ row }) => row);
  }

  it("runs everything where there is no earlier run", async () => {
    freshFolder();
    writeFileSync(join(out, "requests.csv"), `${first},${last},udp\n`);
    const { code, stdout } = await resume("--json");
    expect({ code, kept: keptIn(stdout) }).toEqual({ code: 0, kept: [] });
    rmSync(join(out, "case", "results.csv"));
    const refused = await resume();
    expect(refused.stderr).toContain("0001-udp.pcap exists; choose another name, or --overwrite");
    expect(refused.code).toBe(2);
  });

  it("keeps complete, empty and truncated rows as they were, without a server, and ends as the whole batch", async () => {
    await firstBatch(csv, "--max-packets", "10");
    const before = ofCase("results.csv");
    const { code, stdout, stderr } = await resume("--max-packets", "10", "--json", "-s", address);
    expect(keptIn(stdout)).toEqual([1, 3, 4]);
    expect(stderr).toContain("row 3 (line 3): no-packets: 0 packets, 0003-port-4711.pcap (kept");
    expect(stderr).toContain("4 rows: 1 complete, 1 bad-row, 1 no-packets, 1 truncated; 3 kept\n");
    expect(code).toBe(1);
    expect(ofCase("results.csv")).toBe(before);
  });

  it("needs no server where every row is done", async () => {
    await using sensor = await serve({ source: memorySource(capture) });
    const to = freshFolder();
    writeFileSync(join(to, "requests.csv"), `${first},${last},udp\n`);
    const args = batchIn(to, sensor.address);
    expect(await runHere(...args)).toMatchObject({ code: 0 });
    await sensor[Symbol.asyncDispose]();
    expect(await runHere(...args, "--resume")).toMatchObject({ code: 0 });
  });

  it("fetches what failed, and what is missing or changed on the disk", async () => {
    const rows = ["port 53", "port 123", "udp", "host 10.0.1.0"];
    await firstBatch(rows.map((filter) => `${first},${last},${filter}\n`).join(""));
    const before = ofCase("results.csv");
    rmSync(join(out, "case", "0001-port-53.pcap"));
    writeFileSync(join(out, "case", "0002-port-123.pcap"), "changed");
    writeFileSync(
      join(out, "case", "results.csv"),
      before.replace(/^3,udp,(.*?),complete,/m, "3,udp,$1,failed,"),
    );
    const { code, stdout } = await resume("--json");
    expect({ code, kept: keptIn(stdout) }).toEqual({ code: 0, kept: [4] });
    const withoutUids = (results: string) => results.replace(/,[0-9a-f-]{36}$/gm, "");
    expect(withoutUids(ofCase("results.csv"))).toBe(withoutUids(before));
    const dns = only(capture, ({ port }) => port === 53);
    expect(read(out, "case", "0001-port-53.pcap").equals(dns)).toBe(true);
    expect(read(out, "case", "0003-udp.pcap").equals(capture)).toBe(true);
  });

  it.each([
    ["--nanoseconds"],
    ["--any-vlan"],
    ["--dialect", "stenographer"],
    ["--max-packets", "100"],
    ["--max-bytes", "1MB"],
    ["--manifest"],
  ])("keeps nothing that was asked without %s", async (...args) => {
    await firstBatch(`${first},${first},udp\n`);
    expect(keptIn((await resume("--json", ...args)).stdout)).toEqual([]);
    expect(keptIn((await resume("--json", ...args)).stdout)).toEqual([1]);
    if (args[0] === "--nanoseconds")
      expect(read(out, "case", "0001-udp.pcap").readUInt32LE(0)).toBe(0xa1b23c4d);
  });

  it("keeps nothing of a row that says something else now, in its window or its columns", async () => {
    await firstBatch(`${first},${first},udp\n${first},${first},udp\n${first},${first},udp\n`);
    writeFileSync(
      join(out, "requests.csv"),
      `epoch_start,epoch_end,bpf,nanoseconds\n${first},${first},udp,\n${first},${last},udp,\n${first},${first},udp,true\n`,
    );
    const { stdout } = await resume("--json");
    expect(keptIn(stdout)).toEqual([1]);
    expect(read(out, "case", "0002-udp.pcap").equals(capture)).toBe(true);
  });

  it("keeps nothing of a row whose server or limits are others now, and uids of what it keeps", async () => {
    await using other = await serve({ source: memorySource(capture) });
    const header = "epoch_start,epoch_end,bpf,server,max_packets,max_bytes,timeout,case\n";
    const row = `${first},${last},udp`;
    await firstBatch(header + `${row},,,,,1\n`.repeat(5));
    const before = ofCase("results.csv").split("\n");
    const rows = [",,,1m,2", `${other.address},,,,1`, ",100,,,1", ",,1MB,,1", `${address},,,,1`];
    writeFileSync(join(out, "requests.csv"), header + rows.map((said) => `${row},${said}\n`).join(""));
    const { stdout } = await resume("--json");
    expect(keptIn(stdout)).toEqual([1, 5]);
    const after = ofCase("results.csv").split("\n");
    expect(after[1]).toBe(before[1]?.replace(/,1$/, ",2"));
    expect(after[5]).toBe(before[5]);
    expect(JSON.parse(stdout.split("\n")[4] ?? "").uid).toBe(before[5]?.split(",").at(-2));
  });

  it("leaves everything as it is when it is interrupted while it looks what is done", async () => {
    await firstBatch(`${first},${first},udp\n`);
    const before = ofCase("results.csv");
    const listeners = process.listenerCount("SIGINT");
    const resumed = resume();
    while (process.listenerCount("SIGINT") === listeners) await new Promise(setImmediate);
    process.emit("SIGINT", "SIGINT");
    const { code, stderr } = await resumed;
    expect(stderr).toContain(`stenogrpc: interrupted; ${out}/case is as it was\n`);
    expect(code).toBe(130);
    expect(ofCase("results.csv")).toBe(before);
  });

  it("leaves everything as it is with --overwrite, or where results.csv is something else", async () => {
    await firstBatch(`${first},${first},udp\n`);
    const both = await resume("--overwrite");
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("--resume keeps what is done") });
    writeFileSync(join(out, "case", "results.csv"), "a,b\n1,2\n");
    const refused = await resume();
    expect(refused.stderr).toContain("case/results.csv: is no results.csv of an earlier run");
    expect(refused.code).toBe(2);
    expect(ofCase("results.csv")).toBe("a,b\n1,2\n");
  });
});

describe("stenogrpc serve", () => {
  it("exits with 2 for an unknown key and names the nearest one", async () => {
    writeFileSync(join("pki", "slip.yaml"), `${read("pki", "lab.yaml")}privat_key: x\n`);
    const { code, stdout, stderr } = await runHere("serve", "-c", "pki/slip.yaml");
    expect(stderr).toContain('pki/slip.yaml:9: unknown key "privat_key"; did you mean "private_key"?');
    expect({ code, stdout: stdout }).toEqual({ code: 2, stdout: "" });
  });

  it.each([
    ["limits: { timeout: 0 }", ":7: limits.timeout: Too small: expected number to be >0, in milliseconds"],
    ["limits:\n  max_bytes: 10", ":8: limits.max_bytes: Too small: expected number to be >=24"],
    ["limits: { queue: { timeout: 2h } }", ":7: limits.queue.timeout: Too big"],
    [
      "roles: { socTeam: {} }\naccess:\n  - { dns: a, role: socTeem }",
      ':9: access.0: there is no role "socTeem" in roles\n',
    ],
    [
      "access: [{ role: a }]\nroles: { a: {} }",
      ":7: access.0: must have exactly one of common_name, dns, uri, email, fingerprint256\n",
    ],
    ["access:\n  - role: a\n    dns: ä\nroles: { a: {} }", ":9: access.0.dns: is no DNS name"],
    [
      "access: [{ dns: a, role: socTeam }]\nroles:\n  socTeam:\n    max_window: 0",
      ":10: roles.socTeam.max_window: Too small",
    ],
    ["roles: { a: {} }", ":7: roles: have no effect without access"],
    ['source: { kind: stenographer, fingerprint256: "ab" }', ":7: source.fingerprint256: "],
    ["crl: [ca.crt]", ":7: crl: is no list of revoked certificates (CRL) in PEM"],
    ["denylist: ca.crt", ":7: denylist: must be a SHA-256 fingerprint: 32 bytes in hex (and "],
  ])("exits with 2 for %j, and says which line of the settings is wrong", async (wrong, problem) => {
    writeFileSync(join("pki", "slip.yaml"), labYaml.replace(/^(source|limits):.*\n/gm, "") + wrong);
    const { code, stderr } = await runHere("serve", "-c", "pki/slip.yaml");
    expect(stderr).toContain(`stenogrpc: pki/slip.yaml${problem}`);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(code).toBe(2);
  });

  it("exits with 2 when the port is taken", async () => {
    const port = address.split(":")[1];
    writeFileSync(
      join("pki", "taken.yaml"),
      read("pki", "lab.yaml").toString().replace("port: 0", `port: ${port}`),
    );
    const { code, stderr } = await runHere("serve", "-c", "pki/taken.yaml");
    expect(stderr).toContain(`cannot listen on host 127.0.0.1, port ${port}: the port is taken`);
    expect(code).toBe(2);
  });
});
