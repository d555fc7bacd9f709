import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../../test-support/failure.js";
import { createIdentities, type TestIdentities } from "../../test-support/scripted-server.js";
import { createStenographerClient, type PemInput } from "./index.js";

let identities: TestIdentities;
let folder: string;

beforeAll(async () => {
  identities = await createIdentities();
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-tls-"));
  await writeFile(join(folder, "ca.pem"), identities.authority.certificate);
  await writeFile(join(folder, "key.pem"), identities.client.privateKey);
});
afterAll(() => rm(folder, { recursive: true }));

function clientWith(tls: { ca?: PemInput; cert?: PemInput; key?: PemInput } = {}) {
  const { authority, client } = identities;
  const all = { ca: authority.certificate, cert: client.certificate, key: client.privateKey, ...tls };
  return createStenographerClient({ server: "127.0.0.1:1", tls: all });
}

describe("certificates and keys", () => {
  it("are taken as text, as bytes, and from files", () => {
    const bytes = new TextEncoder().encode(identities.client.certificate);
    expect(() =>
      clientWith({ ca: join(folder, "ca.pem"), cert: bytes, key: join(folder, "key.pem") }),
    ).not.toThrow();
  });

  it.each<[string, (pem: string) => string]>([
    ["behind blank lines", (pem) => `\n\n${pem}`],
    ["behind a comment", (pem) => `subject=CN=analyst\n${pem}`],
    ["with the line ends of Windows", (pem) => pem.replaceAll("\n", "\r\n")],
  ])("are taken as text %s", (_, written) => {
    const { authority, client } = identities;
    const tls = { ca: authority.certificate, cert: client.certificate, key: client.privateKey };
    const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map(written);
    expect(() => clientWith({ ca, cert, key })).not.toThrow();
  });

  it.each<[string, () => { ca?: PemInput; cert?: PemInput; key?: PemInput }, RegExp]>([
    [
      "a file that is not there",
      () => ({ ca: "/nowhere/ca.pem" }),
      /^tls\.ca: cannot read \/nowhere\/ca\.pem \(ENOENT\)$/,
    ],
    [
      "a file without PEM",
      () => ({ ca: import.meta.filename.replace(/[^/]*$/, "index.ts") }),
      /holds no PEM/,
    ],
    ["bytes that are DER", () => ({ cert: new Uint8Array([0x30, 0x82]) }), /^tls\.cert: holds no PEM/],
    [
      "PEM of something broken",
      () => ({ cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
      /^tls\.cert: is not certificates$/,
    ],
    [
      "a certificate for a key",
      () => ({ key: identities.client.certificate }),
      /^tls\.key: is not an unencrypted private key$/,
    ],
    [
      "another's key",
      () => ({ key: identities.server.privateKey }),
      /^tls\.key: is not the private key of tls\.cert$/,
    ],
    [
      "text that is neither",
      () => ({ ca: "ca\npem" }),
      /^tls\.ca: is text with line breaks, so no path, but /,
    ],
    ["nothing", () => ({ key: "" }), /tls\.key: give a path, PEM text or PEM bytes/],
  ])("are refused with a reason: %s", async (_, tls, message) => {
    const failure = await failureOf(() => clientWith(tls()));
    expect(failure.reason).toBe("OPTIONS_INVALID");
    expect(failure.message).toMatch(message);
  });

  it("never show up in what is printed", async () => {
    const secret = identities.client.privateKey.split("\n")[1] ?? "";
    expect(secret.length).toBeGreaterThan(40);
    const { privateKey } = identities.client;
    const keys = [
      privateKey.replaceAll("A", "B"),
      privateKey.replaceAll(/-----[^-]+-----/g, ""),
      ` ${privateKey.replaceAll("\n", " ")}`,
    ];
    for (const key of keys) {
      const failure = await failureOf(() => clientWith({ key }));
      expect(failure.message).not.toContain(secret.slice(0, 20));
      expect(failure.cause).toBeUndefined();
    }
  });
});

describe("createStenographerClient of Node", () => {
  it("names the nearest known key for an unknown one, nested ones too", async () => {
    const { authority, client } = identities;
    const tls = {
      ca: authority.certificate,
      cert: client.certificate,
      key: client.privateKey,
      servername: "x",
    };
    const options = { server: "sensor", tls, timeoutMS: 5 };
    const failure = await failureOf(() => createStenographerClient(options));
    expect(failure.message).toMatch(/unknown key "timeoutMS"; did you mean "timeoutMs"/);
    expect(failure.message).toMatch(/tls: unknown key "servername"; did you mean "serverName"/);
  });
});
