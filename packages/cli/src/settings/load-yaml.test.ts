import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { clientSettings } from "./client-settings.js";
import { loadYaml, readNamedFile } from "./load-yaml.js";
import { serverSettings } from "./server-settings.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-yaml-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, "settings.yaml");
  writeFileSync(path, text);
  return path;
}

const pems = "root_certificate: ca.crt\nprivate_key: server.key\ncertificate_chain: server.crt\n";

/** The problems that a server's file has, without the file's folder. */
async function problems(text: string): Promise<string> {
  const failure: unknown = await loadYaml(file(text), serverSettings).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UsageError);
  return String((failure as UsageError).message).replaceAll(`${folder}/`, ""); // asserted above
}

describe("a server's settings", () => {
  it("of the original work unchanged", async () => {
    const text = `---\n${pems}port: 8443\nworkers: 10\nsleep: 86400\n`;
    const { settings } = await loadYaml(file(text), serverSettings);
    expect(settings).toEqual({
      root_certificate: "ca.crt",
      private_key: "server.key",
      certificate_chain: "server.crt",
      port: 8443,
      workers: 10,
      sleep: 86_400,
      source: { kind: "stenoread" },
      limits: {},
      tls_min_version: "TLSv1.3",
      log_level: "info",
    });
  });

  it("take sizes and durations as numbers and as people write them", async () => {
    const text = `${pems}limits: { max_bytes: 2GiB, max_packets: 1000, max_window: 1d, timeout: 90 }\n`;
    const { settings } = await loadYaml(file(text), serverSettings);
    expect(settings.limits).toEqual({
      max_bytes: 2_147_483_648,
      max_packets: 1000,
      max_window: 86_400_000,
      timeout: 90_000,
    });
  });

  it.each([
    ["roles: { a: { maxbytes: 1 } }", 'did you mean "max_bytes"?'],
    ["access: [{ role: a, commonname: b }]", 'did you mean "common_name"?'],
    ["root_cert: ca.crt", 'unknown key "root_cert"; did you mean "root_certificate"?'],
    ["access: [{ role: a, cn: b }]", 'unknown key "cn"; known keys: role, common_name, dns'],
    ["access: { role: a }", "access: must be a list of rules"],
    ["roles: { a: { oldest_age: soon } }", "roles.a.oldest_age"],
    ["limits: { queue: { length: -1 } }", "limits.queue.length"],
  ])("refuse %s", async (text, problem) => {
    expect(await problems(`${pems}${text}\n`)).toContain(problem);
  });

  it.each(["1.2", '"1.2"', "TLSv1.2"])("take %s as a TLS version", async (version) => {
    const { settings } = await loadYaml(file(`${pems}tls_min_version: ${version}\n`), serverSettings);
    expect(settings.tls_min_version).toBe("TLSv1.2");
  });

  it.each([
    ["workrs: 3\n", 'settings.yaml:4: unknown key "workrs"; did you mean "workers"?'],
    [
      "limits:\n  max_byte: 3\n",
      'settings.yaml:5: limits: unknown key "max_byte"; did you mean "max_bytes"?',
    ],
    [
      "source: { kind: directory, pth: x }\n",
      'settings.yaml:4: source: unknown key "pth"; did you mean "path"?',
    ],
    [
      "source: { kind: directory, path: x, trustfiletimes: true }\n",
      'settings.yaml:4: source: unknown key "trustfiletimes"; did you mean "trust_file_times"?',
    ],
    [
      "source: { kind: directory, path: x, trust_file_times: 1 }\n",
      "settings.yaml:4: source.trust_file_times: must be true or false",
    ],
    [
      "source: { kind: directory, path: x, max_open_files: 65537 }\n",
      "settings.yaml:4: source.max_open_files: must be a whole number from 1 to 65536",
    ],
    [
      'source: { kind: directory, path: x, pattern: "a/*.pcap" }\n',
      "settings.yaml:4: source.pattern: must be a file name with * and ?, without a folder",
    ],
    [
      "source: { kind: directory, path: x, pattern: [] }\n",
      "settings.yaml:4: source.pattern: must be a file name or a list of them",
    ],
    [
      "source: { kind: directory, path: x, pattern: 5 }\n",
      "settings.yaml:4: source.pattern: must be a file name or a list of them",
    ],
    [
      'source: { kind: directory, path: x, pattern: ["*.pcap", ""] }\n',
      "settings.yaml:4: source.pattern.1: must be a file name with * and ?, not empty",
    ],
    [
      "source: { kind: directory, path: x, trust_file_times: true, remember: known.json }\n",
      "settings.yaml:4: source.remember: must not stand beside trust_file_times, which leaves nothing to remember",
    ],
    [
      "source: { kind: directry }\n",
      'settings.yaml:4: source.kind: must be one of stenoread, stenographer, stenographer-files, directory; did you mean "directory"?',
    ],
    [
      "source: { path: x }\n",
      "settings.yaml:4: source.kind: must be a mapping with kind: stenoread, stenographer",
    ],
    ["source: { kind: 5 }\n", "settings.yaml:4: source.kind: must be a mapping with kind: stenoread"],
    ["metrics: { prot: 1 }\n", 'settings.yaml:4: metrics: unknown key "prot"; did you mean "port"?'],
    ["metrics: { port: 70000 }\n", "settings.yaml:4: metrics.port: must be a whole number from 0 to 65535"],
    ["source: stenoread\n", "settings.yaml:4: source: must be a mapping with kind: stenoread"],
    ["port: 65536\n", "settings.yaml:4: port: must be a whole number from 0 to 65535"],
    ["workers: 0\n", "settings.yaml:4: workers: must be a whole number of at least 1"],
    [
      "log_level: inf\n",
      'settings.yaml:4: log_level: must be one of trace, debug, info, warn, error, fatal, silent; did you mean "info"?',
    ],
    ["limits: { max_bytes: 2 gigs }\n", 'settings.yaml:4: limits.max_bytes: "2 gigs" is no size'],
    ["limits: { timeout: soon }\n", 'settings.yaml:4: limits.timeout: "soon" is no duration'],
    ["tls_min_version: 1.1\n", "settings.yaml:4: tls_min_version: must be one of 1.2, 1.3"],
    ["port: 1\nport: 2\n", "settings.yaml:5:1: not YAML: Map keys must be unique"],
    ["host: [\n", "settings.yaml:5:1: not YAML:"],
  ])("are refused with %j, by file, line and key", async (text, message) => {
    expect(await problems(pems + text)).toContain(message);
  });

  it("name every missing key of an empty file", async () => {
    const text = await problems("");
    expect(text.split("\n")).toHaveLength(3);
    expect(text).toContain(
      "settings.yaml: private_key: missing: the path of this server's private key (PEM)",
    );
  });
});

describe("a client's settings", () => {
  it("can be the original's file, whose server keys do no harm", async () => {
    const { settings } = await loadYaml(
      file(`${pems}port: 9000\nworkers: 10\nsleep: 86400\n`),
      clientSettings,
    );
    expect(settings).toMatchObject({ private_key: "server.key", certificate_chain: "server.crt" });
  });
});

describe("files that settings name", () => {
  it("are looked for beside the settings and missed by key", async () => {
    const loaded = await loadYaml(file(pems), serverSettings);
    writeFileSync(join(folder, "ca.crt"), "the authority");
    expect(await readNamedFile(loaded, "root_certificate", loaded.settings.root_certificate)).toBe(
      "the authority",
    );
    await expect(readNamedFile(loaded, "private_key", loaded.settings.private_key)).rejects.toThrow(
      `${folder}/settings.yaml: private_key: cannot read ${folder}/server.key: no such file`,
    );
  });

  it("are not looked for where the settings are missing themselves", async () => {
    await expect(loadYaml(join(folder, "absent.yaml"), serverSettings)).rejects.toThrow(
      "absent.yaml: cannot read the settings: no such file",
    );
  });
});
