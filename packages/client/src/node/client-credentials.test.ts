import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "@stenogrpc/certs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { goodAnswer } from "../../test-support/answers.js";
import { hour, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import {
  createIdentities,
  startScriptedServer,
  type TestIdentities,
} from "../../test-support/scripted-server.js";
import { createStenographerClient, type PemInput } from "./index.js";

const capture = packetsFromNoon(1);
let identities: TestIdentities;
let others: TestIdentities;
let folder: string;
let before: string[];
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  [identities, others] = await Promise.all([createIdentities(), createIdentities()]);
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-renewal-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  before = activeResources();
  await writeFile(join(folder, "ca.crt"), identities.authority.certificate);
  await save(identities.client);
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  await expectNothingLeft(before);
});

async function save({ certificate, privateKey }: Identity): Promise<void> {
  await writeFile(join(folder, "client.crt"), certificate);
  await writeFile(join(folder, "client.key"), privateKey);
}

/** A server that keeps in mind who asked. */
async function serve() {
  const fingerprints: string[] = [];
  const server = await startScriptedServer(identities, (request) => goodAnswer(request, capture), {
    onSocket: (socket) => fingerprints.push(socket.getPeerCertificate().fingerprint256),
  });
  opened.push(server);
  return { server, fingerprints };
}

function clientOf(port: number, tls: { cert?: PemInput; key?: PemInput } = {}) {
  const client = createStenographerClient({
    server: `127.0.0.1:${port}`,
    tls: {
      ca: join(folder, "ca.crt"),
      cert: join(folder, "client.crt"),
      key: join(folder, "client.key"),
      ...tls,
    },
  });
  opened.push(client);
  return client;
}

function fingerprintOf({ certificate }: Identity): string {
  return new X509Certificate(certificate).fingerprint256;
}

it("a new connection shows the certificate that is in the files by then", async () => {
  const { server, fingerprints } = await serve();
  const client = clientOf(server.port);
  await client.fetchPcap(hour).summary;
  const renewed = await identities.authority.issueClient({ commonName: "analyst" });
  await save(renewed);
  await client.fetchPcap(hour).summary;
  expect(server.connections()).toBe(1);
  server.kill();
  await expect.poll(() => server.openConnections()).toBe(0);
  await client.fetchPcap(hour).summary;
  expect(fingerprints).toEqual([fingerprintOf(identities.client), fingerprintOf(renewed)]);
});

it("a connection whose certificate comes to its end gives way to one with the renewed certificate", async () => {
  const notAfter = new Date(Date.now() + 30_000);
  const ending = await identities.authority.issueClient({ commonName: "analyst", notAfter });
  await save(ending);
  const { server, fingerprints } = await serve();
  const client = clientOf(server.port);
  await client.fetchPcap(hour).summary;
  // There is no other one yet.
  await client.fetchPcap(hour).summary;
  expect(server.connections()).toBe(1);
  await save(identities.client);
  await Promise.all([client.fetchPcap(hour).summary, client.fetchPcap(hour).summary]);
  await client.fetchPcap(hour).summary;
  expect(fingerprints).toEqual([fingerprintOf(ending), fingerprintOf(identities.client)]);
  await expect.poll(() => server.openConnections()).toBe(1);
});

it("files that do not fit leave the certificate before in use, until they do", async () => {
  const { server, fingerprints } = await serve();
  const client = clientOf(server.port);
  const renewed = await identities.authority.issueClient({ commonName: "analyst" });
  const fetchAnew = async () => {
    server.kill();
    await expect.poll(() => server.openConnections()).toBe(0);
    await client.fetchPcap(hour).summary;
  };
  await writeFile(join(folder, "client.crt"), renewed.certificate);
  await fetchAnew();
  await writeFile(join(folder, "client.crt"), renewed.certificate.slice(0, 200));
  await fetchAnew();
  await rm(join(folder, "client.crt"));
  await fetchAnew();
  await save(renewed);
  await fetchAnew();
  const old = fingerprintOf(identities.client);
  expect(fingerprints).toEqual([old, old, old, fingerprintOf(renewed)]);
});

it("a certificate that is refused is said to be the one before, where that is so", async () => {
  const { server } = await serve();
  await save(others.client);
  const client = clientOf(server.port);
  await writeFile(join(folder, "client.key"), identities.client.privateKey);
  const failure = await failureOf(client.fetchPcap(hour).summary);
  expect(failure.reason).toBe("CLIENT_CERTIFICATE_REJECTED");
  expect(failure.message).toContain(
    "the files of tls could not be taken anew (tls.key: is not the private key of tls.cert), so that it was the one read before",
  );
  await save(identities.client);
  await client.fetchPcap(hour).summary;
});

it("PEM that was given stays, though a path stands beside it", async () => {
  const { server, fingerprints } = await serve();
  const { certificate: cert, privateKey: key } = identities.client;
  const client = clientOf(server.port, { cert, key: Buffer.from(key) });
  await client.fetchPcap(hour).summary;
  await save(others.client);
  server.kill();
  await expect.poll(() => server.openConnections()).toBe(0);
  await client.fetchPcap(hour).summary;
  expect(fingerprints).toEqual([fingerprintOf(identities.client), fingerprintOf(identities.client)]);
});
