import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { type CertificateAuthority, createCertificateAuthority, type Identity } from "@stenogrpc/certs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { labYaml, writeLabCapture } from "../../test-support/lab.js";
import { endLeftovers, type RunningCli, runCli, startCli } from "../../test-support/run-cli.js";

// On processors that may be shared.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
let authority: CertificateAuthority;
let analyst: Identity;
let server: RunningCli;
let port: number;

/** As Kubernetes mounts a secret: the files are links into a folder that is itself a link, which is swapped. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-reload-"));
  writeLabCapture(folder);
  mkdirSync(join(folder, "pki"));
  authority = await createCertificateAuthority();
  analyst = await authority.issueClient({ commonName: "analyst" });
  write("pki/ca.crt", authority.certificate);
  write("pki/analyst.crt", analyst.certificate);
  write("pki/analyst.key", analyst.privateKey);
  write("pki/denied.txt", "# nobody yet\n");
  write(
    "pki/client.yaml",
    "root_certificate: ca.crt\nprivate_key: analyst.key\ncertificate_chain: analyst.crt\n",
  );
  mount("one", await issue("one"));
  for (const name of ["server.crt", "server.key"]) symlinkSync(`..data/${name}`, join(folder, "pki", name));
  write("pki/lab.yaml", `${labYaml}denylist: denied.txt\n`);
  server = startCli(["serve", "-c", "pki/lab.yaml"], { cwd: folder });
  const [, where] = await server.shows(/^listening on 127\.0\.0\.1:(\d+)/m);
  port = Number(where);
});

afterAll(async () => {
  server?.child.kill("SIGTERM");
  const end = await server?.end;
  const leftovers = await endLeftovers();
  rmSync(folder, { recursive: true });
  expect({ code: end?.code, leftovers }).toEqual({ code: 0, leftovers: 0 });
});

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const issue = (commonName: string) => authority.issueServer({ commonName, hosts: ["127.0.0.1"] });

function mount(version: string, { certificate, privateKey }: Identity): void {
  mkdirSync(join(folder, "pki", version));
  write(`pki/${version}/server.crt`, certificate);
  write(`pki/${version}/server.key`, privateKey);
  symlinkSync(version, join(folder, "pki", "..data_tmp"));
  renameSync(join(folder, "pki", "..data_tmp"), join(folder, "pki", "..data"));
}

async function shown(): Promise<string | undefined> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    ALPNProtocols: ["h2"],
    ca: authority.certificate,
    cert: analyst.certificate,
    key: analyst.privateKey,
  });
  await once(socket, "secureConnect");
  const name = socket.getPeerX509Certificate()?.subject;
  socket.destroy();
  return name;
}

const soon = { timeout: 20_000 };
const info = () => runCli(["info", "-c", "pki/client.yaml", "-s", `127.0.0.1:${port}`], { cwd: folder });

it("takes certificate and key when the folder they are linked from is swapped", async () => {
  expect(await shown()).toBe("CN=one");
  mount("two", await issue("two"));
  await expect.poll(shown, soon).toBe("CN=two");
});

it("keeps the old pair while key and certificate don't fit, says so, and takes them when they do", async () => {
  const three = await issue("three");
  write("pki/two/server.key", three.privateKey);
  await server.shows(/certificates not replaced, the old ones stay/);
  expect(await shown()).toBe("CN=two");
  write("pki/two/server.crt", three.certificate);
  await expect.poll(shown, soon).toBe("CN=three");
});

it("keeps them when a file is empty, or gone", async () => {
  const { certificate } = await issue("four");
  write("pki/two/server.crt", "");
  await server.shows(/certificate_chain: the file it names is not a certificate/);
  rmSync(join(folder, "pki", "two", "server.crt"));
  await server.shows(/certificate_chain: cannot read .*: no such file/);
  write("pki/two/server.crt", certificate.slice(0, 200));
  expect(await shown()).toBe("CN=three");
});

it("refuses a client from when its fingerprint is in the denylist, at SIGHUP", async () => {
  mount("five", await issue("five"));
  await expect.poll(shown, soon).toBe("CN=five");
  expect((await info()).code).toBe(0);
  write("pki/denied.txt", `${new X509Certificate(analyst.certificate).fingerprint256} # left the company\n`);
  server.child.kill("SIGHUP");
  await expect.poll(async () => (await info()).stderr, soon).toContain("CERTIFICATE_REVOKED");
  server.child.kill("SIGHUP"); // with nothing new: three swaps and the denylist have been seen
  await server.shows(/(?:certificates replaced[\s\S]*){5}/);
});
