import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { OptionsError } from "@stenogrpc/options";
import { expect, it } from "vitest";
import { readCertificates, readRefused } from "./certificate-set.js";

const authority = await createCertificateAuthority();
const { certificate: cert, privateKey: key } = await authority.issueServer({
  commonName: "sensor",
  hosts: ["127.0.0.1"],
});
const ca = authority.certificate;
const crl = await authority.issueRevocationList({ revoked: [] });

it("takes certificates, keys and lists as text, as bytes, and as paths", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stenogrpc-pem-"));
  const saved = async (name: string, pem: string): Promise<string> => {
    await writeFile(join(folder, name), pem);
    return join(folder, name);
  };
  try {
    const files = {
      ca: await saved("ca.crt", ca),
      cert: await saved("server.crt", cert),
      key: await saved("server.key", key),
      crl: [await saved("ca.crl", crl), crl],
    };
    const bytes = {
      ca: Buffer.from(ca),
      cert: Buffer.from(cert),
      key: Buffer.from(key),
      crl: Buffer.from(crl),
    };
    const fromText = readCertificates({ ca, cert, key, crl });
    expect(readCertificates(bytes)).toEqual(fromText);
    const fromFiles = readCertificates(files);
    expect(fromFiles.context).toEqual({ ...fromText.context, crl: [crl.trim(), crl.trim()] });
    expect(readRefused({ crl: files.crl }).revocationLists).toHaveLength(2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.each([
  ["behind a comment, as openssl writes it", (pem: string) => `subject=CN=sensor\n${pem}`],
  ["behind blank lines", (pem: string) => `\n\n${pem}`],
  ["with the line ends of Windows", (pem: string) => pem.replaceAll("\n", "\r\n")],
])("takes PEM %s", (_, written) => {
  const all = { ca: written(ca), cert: written(cert), key: written(key), crl: written(crl) };
  const read = readCertificates(all);
  expect(read.chain).toHaveLength(1);
  expect(read.revocationLists).toHaveLength(1);
});

it.each([
  ["ca", { ca: "/nowhere/ca.crt" }],
  ["cert", { cert: "/nowhere/server.crt" }],
  ["key", { key: key.replace(/-----[^-]+-----|\n/g, "") }],
  ["crl", { crl: "/nowhere/ca.crl" }],
])("says which option names a file that can't be read, and not what it was given: %s", (option, given) => {
  const attempt = () => readCertificates({ ca, cert, key, ...given });
  expect(attempt).toThrow(OptionsError);
  expect(attempt).toThrow(
    `tls.${option}: is text without "-----BEGIN", so the path of a file, which can't be read (E`,
  );
  const [text] = Object.values(given);
  expect(attempt).not.toThrow(text);
});

it("refuses empty text", () => {
  expect(() => readCertificates({ ca, cert, key: "" })).toThrow(
    /key: must be PEM, as text or bytes, or the path/,
  );
});
