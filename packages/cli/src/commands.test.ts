import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStenographerServer, directorySource, type StenographerServer } from "@stenogrpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { labYaml, only, packetBytes, startSeconds, window, writeLabCapture } from "../test/lab.js";
import { runHere } from "../test/run-here.js";

let folder: string;
let capture: Buffer;
let server: StenographerServer;
let address: string;
const workingFolder = process.cwd();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-commands-"));
  process.chdir(folder);
  capture = writeLabCapture(folder);
  expect(await runHere("certs", "pki", "--host", "127.0.0.1")).toMatchObject({ code: 0 });
  writeFileSync(join("pki", "lab.yaml"), labYaml);
  server = await createStenographerServer({
    sensor: "lab",
    source: directorySource({ path: join(folder, "captures") }),
    tls: { ca: readText("pki/ca.crt"), cert: readText("pki/server.crt"), key: readText("pki/server.key") },
    host: "127.0.0.1",
    port: 0,
    limits: { maxWindowMs: 86_400_000, timeoutMs: 60_000 },
  });
  address = `127.0.0.1:${server.port}`;
});

afterAll(async () => {
  await server.close({ graceMs: 0 });
  process.chdir(workingFolder);
  rmSync(folder, { recursive: true });
});

/** Where the last test wrote. */
let out: string;
let count = 0;
function freshFolder(): string {
  out = `out${++count}`;
  mkdirSync(out);
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
    ["--max-packets", "3", 3, "the limit of 3 packets that was asked for"],
    ["--max-bytes", String(24 + 5 * packetBytes + 1), 5, "the byte limit that was asked for"],
  ])("exits with 4 when %s %s stops it", async (option, value, kept, reason) => {
    const to = freshFolder();
    const { code, stderr } = await fetch(option, value, "-o", `${to}/cut.pcap`);
    expect(stderr).toContain(`truncated by ${reason}, there are more`);
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
    return runHere(
      "batch",
      "-c",
      "pki/client.yaml",
      "-s",
      address,
      "-r",
      `${to}/requests.csv`,
      "-o",
      `${to}/case`,
      ...args,
    );
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

  it("exits with 4 when a row is truncated and none failed", async () => {
    expect(await batch(`${first},${last},udp\n`, "--max-packets", "2")).toMatchObject({ code: 4 });
  });

  it("exits with 1 when no row can be asked, and keeps the results", async () => {
    const { code } = await batch(`${first},${last},udp\n`, "-s", "127.0.0.1:1");
    expect(code).toBe(1);
    expect(read(out, "case", "results.csv").toString()).toContain(",failed,");
    expect(readdirSync(join(out, "case"))).toEqual(["results.csv"]);
  });

  it("replaces an earlier batch only with --overwrite", async () => {
    const csv = `${first},${last},udp\n`;
    expect(await batch(csv)).toMatchObject({ code: 0 });
    const again = [
      "batch",
      "-c",
      "pki/client.yaml",
      "-s",
      address,
      "-r",
      `${out}/requests.csv`,
      "-o",
      `${out}/case`,
    ];
    const refused = await runHere(...again);
    expect(refused.stderr).toContain("results.csv exists");
    expect(refused.code).toBe(2);
    expect(await runHere(...again, "--overwrite")).toMatchObject({ code: 0 });
  });
});

describe("stenogrpc serve", () => {
  it("exits with 2 for an unknown key and names the nearest one", async () => {
    writeFileSync(join("pki", "slip.yaml"), `${read("pki", "lab.yaml")}privat_key: x\n`);
    const { code, stdout, stderr } = await runHere("serve", "-c", "pki/slip.yaml");
    expect(stderr).toContain('pki/slip.yaml:9: unknown key "privat_key"; did you mean "private_key"?');
    expect({ code, stdout: stdout }).toEqual({ code: 2, stdout: "" });
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
