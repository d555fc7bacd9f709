import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runHere } from "../../test-support/run-here.js";

const workingFolder = process.cwd();
let folder: string;
let pki: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-certs-"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(workingFolder);
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  pki = `pki${++count}`;
  expect(await runHere("certs", pki, "--client", "alice", "bob")).toMatchObject({ code: 0 });
});

const text = (...path: string[]) => readFileSync(join(pki, ...path), "utf8");
const certificate = (name: string) => new X509Certificate(text(`${name}.crt`));

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly use: string;
  readonly serial: string;
}
async function listed(): Promise<Listed[]> {
  const { stdout } = await runHere("certs", "list", pki, "--json");
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
const stateOf = async (name: string) =>
  (await listed()).filter((one) => one.name === name).map(({ state }) => state);

/** What OpenSSL says of a certificate, with the list. */
function openssl(name: string): string {
  const args = ["verify", "-crl_check", "-CAfile", "ca.crt", "-CRLfile", "crl.pem", `${name}.crt`];
  try {
    return execFileSync("openssl", args, {
      cwd: join(folder, pki),
      stdio: ["ignore", "pipe", "pipe"],
    }).toString();
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr); // of execFileSync
  }
}

describe("stenogrpc certs", () => {
  it("refuses a host that the server's certificate which is there does not name, and says what to run", async () => {
    const before = readdirSync(pki);
    const args = ["--client", "carol", "--host", "localhost", "sensor-2.example", "10.0.0.6"];
    const { code, stderr } = await runHere("certs", pki, ...args);
    expect(stderr).toContain(
      `${pki}/server.crt is there, and stays; it does not name sensor-2.example, 10.0.0.6 but`,
    );
    const [command = ""] = /^ {2}stenogrpc .*$/m.exec(stderr) ?? [];
    expect(stderr).toContain("\nOr move server.crt and server.key away, and run this again.\n");
    expect(code).toBe(2);
    expect(readdirSync(pki)).toEqual(before);
    expect(await runHere(...command.trim().split(" ").slice(1))).toMatchObject({ code: 0 });
    expect(certificate("server-2").subjectAltName).toBe(
      "DNS:localhost, DNS:sensor-2.example, IP Address:10.0.0.6",
    );
  });

  it("takes hosts that the server's certificate which is there names, however they are written", async () => {
    const named = `${pki}-named`;
    const made = await runHere(
      "certs",
      named,
      "--host",
      "Sensor.example",
      "*.lab.example",
      "bücher.example",
      "::1",
    );
    expect(made).toMatchObject({ code: 0 });
    const hosts = ["sensor.EXAMPLE", "*.lab.example", "bücher.example", "0:0:0:0:0:0:0:1", "[::1]"];
    expect(await runHere("certs", named, "--host", ...hosts)).toMatchObject({ code: 0 });
  });

  it("refuses --days where no certificate is made", async () => {
    const { code, stderr } = await runHere("certs", pki, "--client", "alice", "--days", "30");
    expect(stderr).toContain(
      "--days is for certificates that are made, and ca.crt, server.crt, alice.crt are there",
    );
    expect(code).toBe(2);
    expect(await runHere("certs", pki, "--client", "carol", "--days", "30")).toMatchObject({ code: 0 });
    expect(Math.round((Date.parse(certificate("carol").validTo) - Date.now()) / 86_400_000)).toBe(30);
  });
});

describe("stenogrpc certs issue", () => {
  it("issues a client's certificate with every kind of name, and keeps the key to its owner", async () => {
    const { code, stderr } = await runHere(
      ...["certs", "issue", pki, "soc-7", "--common-name", "SOC seven", "--days", "30"],
      ...[
        "--uri",
        "spiffe://corp.example/soc/7",
        "--email",
        "soc@corp.example",
        "--dns",
        "soc-7.example",
        "--ip",
        "10.0.0.7",
      ],
    );
    expect(code).toBe(0);
    const made = certificate("soc-7");
    expect(made.subject).toBe("CN=SOC seven");
    expect(made.subjectAltName?.split(", ").toSorted()).toEqual([
      "DNS:soc-7.example",
      "IP Address:10.0.0.7",
      "URI:spiffe://corp.example/soc/7",
      "email:soc@corp.example",
    ]);
    expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(Math.round((Date.parse(made.validTo) - Date.now()) / 86_400_000)).toBe(30);
    expect(statSync(join(pki, "soc-7.key")).mode & 0o777).toBe(0o600);
    expect(stderr).toContain(made.serialNumber);
    expect(stderr).toContain(made.fingerprint256);
  });

  it("issues a server's certificate, to a folder of its own", async () => {
    mkdirSync(join(pki, "out"));
    const args = ["--server", "--dns", "sensor-2.example", "--ip", "::1", "-o", join(pki, "out")];
    expect(await runHere("certs", "issue", pki, "sensor-2", ...args)).toMatchObject({ code: 0 });
    const made = certificate("out/sensor-2");
    expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(made.checkHost("sensor-2.example")).toBe("sensor-2.example");
    expect(existsSync(join(pki, "sensor-2.key"))).toBe(false);
    expect(await listed()).toContainEqual(expect.objectContaining({ name: "sensor-2", use: "server" }));
  });

  it("never overwrites a key", async () => {
    const before = text("alice.key");
    const { code, stderr } = await runHere("certs", "issue", pki, "alice");
    expect(code).toBe(2);
    expect(stderr).toContain("alice.crt exists; choose another NAME or --output, or move");
    expect(text("alice.key")).toBe(before);
    expect((await listed()).filter(({ name }) => name === "alice")).toHaveLength(1);
  });

  it.each<[string, string[], RegExp]>([
    ["a server without a name", ["x", "--server"], /--dns or --ip/],
    ["a name that is a path", ["../x"], /will not do/],
    ["the authority's name", ["ca"], /will not do/],
    ["an address that is none", ["x", "--ip", "10.0.0"], /--ip: "10.0.0" is no IP address/],
    ["an address as a name", ["x", "--dns", "10.0.0.1"], /give it to --ip/],
    ["a SPIFFE id that is none", ["x", "--uri", "spiffe://A/x"], /no SPIFFE id/],
    ["a mail address that is none", ["x", "--email", "alice"], /no mail address/],
    ["a folder that is not there", ["x", "-o", "nowhere"], /no folder nowhere/],
  ])("refuses %s, and leaves nothing", async (_what, args, message) => {
    const { code, stderr } = await runHere("certs", "issue", pki, ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(existsSync(join(pki, "x.key"))).toBe(false);
    expect(await listed()).toHaveLength(3);
  });

  it("says how to make an authority where there is none", async () => {
    const { code, stderr } = await runHere("certs", "issue", "empty", "alice");
    expect([code, stderr]).toEqual([2, expect.stringContaining("make one with stenogrpc certs empty")]);
  });
});

describe("stenogrpc certs list", () => {
  it("shows what was issued and what became of it, for people and for programs", async () => {
    await runHere("certs", "revoke", pki, "bob");
    const { serialNumber, fingerprint256 } = certificate("alice");
    expect(await listed()).toContainEqual(
      expect.objectContaining({
        name: "alice",
        state: "valid",
        use: "client",
        serial: serialNumber,
        fingerprint256,
      }),
    );
    const { stdout } = await runHere("certs", "list", pki);
    expect(stdout).toMatch(/^alice \(client, valid\)$/m);
    expect(stdout).toMatch(/^bob \(client, revoked 20\d\d-/m);
    expect(stdout).toContain(fingerprint256);
  });

  it("knows what was moved away, and not what another authority has issued", async () => {
    rmSync(join(pki, "alice.crt"));
    const other = await (await createCertificateAuthority()).issueClient({ commonName: "eve" });
    writeFileSync(join(pki, "eve.crt"), other.certificate);
    expect((await listed()).map(({ name }) => name).toSorted()).toEqual(
      expect.arrayContaining(["alice", "bob"]),
    );
    expect(await stateOf("eve")).toEqual([]);
  });
});

describe("stenogrpc certs revoke", () => {
  it.each<[string, () => string]>([
    ["name", () => "bob"],
    ["serial number", () => certificate("bob").serialNumber.toLowerCase()],
    ["file", () => join(pki, "bob.crt")],
  ])("revokes by %s, so that OpenSSL refuses that certificate and no other", async (_by, which) => {
    const { code, stderr } = await runHere("certs", "revoke", pki, which());
    expect(code).toBe(0);
    expect(stderr).toContain("crl: crl.pem");
    expect(openssl("bob")).toContain("certificate revoked");
    expect(openssl("alice")).toContain("OK");
    expect([await stateOf("bob"), await stateOf("alice")]).toEqual([["revoked"], ["valid"]]);
  });

  it("adds to the list, and keeps when the first was revoked", async () => {
    await runHere("certs", "revoke", pki, "bob");
    const first = (await listed()).find(({ name }) => name === "bob");
    expect((await runHere("certs", "revoke", pki, "alice", "bob")).stderr).toContain("was revoked before");
    expect((await listed()).find(({ name }) => name === "bob")).toEqual(first);
    expect(openssl("alice")).toContain("certificate revoked");
  });

  it("asks which, where a name has two certificates that are not revoked", async () => {
    await runHere("certs", "issue", pki, "bob-2", "--common-name", "bob");
    const { code, stderr } = await runHere("certs", "revoke", pki, "bob");
    expect(code).toBe(2);
    expect(stderr).toContain(certificate("bob-2").serialNumber);
    expect(existsSync(join(pki, "crl.pem"))).toBe(false);
    await runHere("certs", "revoke", pki, certificate("bob").serialNumber);
    expect(await runHere("certs", "revoke", pki, "bob")).toMatchObject({ code: 0 });
    expect(await stateOf("bob")).toEqual(["revoked", "revoked"]);
  });

  it.each<[string, string, RegExp]>([
    ["whom it does not know", "mallory", /no name and no serial number .* see stenogrpc certs list/],
    ["a file that is no certificate", "alice.key", /is not a certificate in PEM/],
    ["the authority itself", "ca.crt", /has not issued this certificate/],
  ])("refuses %s, and writes nothing", async (_what, which, message) => {
    const { code, stderr } = await runHere(
      "certs",
      "revoke",
      pki,
      which.includes(".") ? join(pki, which) : which,
    );
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(existsSync(join(pki, "crl.pem"))).toBe(false);
  });

  it("waits for nobody where another run is at it, and does not touch a list of another authority's", async () => {
    writeFileSync(join(pki, "crl.pem.lock"), "");
    expect((await runHere("certs", "revoke", pki, "bob")).stderr).toContain("if none is, remove this file");
    rmSync(join(pki, "crl.pem.lock"));
    const other = await (await createCertificateAuthority()).issueRevocationList({ revoked: [] });
    writeFileSync(join(pki, "crl.pem"), other);
    expect((await runHere("certs", "revoke", pki, "bob")).stderr).toContain("this authority has not signed");
    expect(text("crl.pem")).toBe(other);
    expect(existsSync(join(pki, "crl.pem.lock"))).toBe(false);
  });
});

describe("stenogrpc certs crl", () => {
  it("writes an empty list at first, and renews it with what is revoked and a higher number", async () => {
    expect(await runHere("certs", "crl", pki, "--days", "3")).toMatchObject({ code: 0 });
    expect(openssl("bob")).toContain("OK");
    await runHere("certs", "revoke", pki, "bob");
    expect(await runHere("certs", "crl", pki)).toMatchObject({ code: 0 });
    expect(openssl("bob")).toContain("certificate revoked");
    const shown = execFileSync("openssl", ["crl", "-in", join(pki, "crl.pem"), "-noout", "-text"]).toString();
    expect(shown).toMatch(/X509v3 CRL Number:\s+3\n/);
  });
});
