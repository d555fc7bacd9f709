import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CertificateAuthority, createCertificateAuthority } from "./index.js";

let folder: string;
let ca: CertificateAuthority;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-crl-"));
  ca = await createCertificateAuthority();
  writeFileSync(join(folder, "ca.crt"), ca.certificate);
});
afterEach(() => rmSync(folder, { recursive: true }));

const openssl = (...args: string[]): string => {
  try {
    return execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] }).toString();
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr); // of execFileSync
  }
};

describe("issueRevocationList", () => {
  it("makes a list by which OpenSSL's strict check refuses the revoked certificate and no other", async () => {
    const [revoked, good] = [
      await ca.issueClient({ commonName: "mallory" }),
      await ca.issueClient({ commonName: "alice" }),
    ];
    const { serialNumber } = new X509Certificate(revoked.certificate);
    const list = await ca.issueRevocationList({ revoked: [{ serialNumber }], number: 200 });
    writeFileSync(join(folder, "mallory.crt"), revoked.certificate);
    writeFileSync(join(folder, "alice.crt"), good.certificate);
    writeFileSync(join(folder, "crl.pem"), list);
    const check = ["verify", "-x509_strict", "-crl_check", "-CAfile", "ca.crt", "-CRLfile", "crl.pem"];
    expect(openssl(...check, "alice.crt")).toBe("alice.crt: OK\n");
    expect(openssl(...check, "mallory.crt")).toContain("certificate revoked");
    const text = openssl("crl", "-in", "crl.pem", "-noout", "-text", "-CAfile", "ca.crt", "-verify");
    expect(text).toContain(`Serial Number: ${serialNumber}`);
    expect(text).toMatch(/X509v3 CRL Number:\s+200\n/);
  });

  it("may be empty, names a serial once, and takes it with leading zeros", async () => {
    writeFileSync(join(folder, "empty.pem"), await ca.issueRevocationList({ revoked: [] }));
    expect(openssl("crl", "-in", "empty.pem", "-noout", "-text")).toContain("No Revoked Certificates");
    const twice = await ca.issueRevocationList({
      revoked: [{ serialNumber: "0ABC" }, { serialNumber: "abc" }],
    });
    writeFileSync(join(folder, "twice.pem"), twice);
    expect(openssl("crl", "-in", "twice.pem", "-noout", "-text").match(/Serial Number: 0ABC/g)).toHaveLength(
      1,
    );
  });

  it("is read again as it was written, by its own authority only", async () => {
    const revokedAt = new Date("2026-01-02T03:04:05Z");
    const pem = await ca.issueRevocationList({
      revoked: [{ serialNumber: "0abc", revokedAt }],
      number: 32_768,
      days: 30,
    });
    const list = await ca.readRevocationList(pem);
    expect(list).toMatchObject({ revoked: [{ serialNumber: "0abc", revokedAt }], number: 32_768 });
    expect(
      await ca.readRevocationList(await ca.issueRevocationList({ revoked: [], number: 1 })),
    ).toMatchObject({
      revoked: [],
      number: 1,
    });
    const other = await createCertificateAuthority();
    const kind = "revocation-list-invalid";
    await expect(other.readRevocationList(pem)).rejects.toMatchObject({ kind });
    await expect(ca.readRevocationList("x")).rejects.toMatchObject({ kind });
    await expect(ca.readRevocationList(ca.certificate)).rejects.toMatchObject({ kind });
  });

  it("refuses what is no serial number, and an end that is not after the start", async () => {
    await expect(ca.issueRevocationList({ revoked: [{ serialNumber: "alice" }] })).rejects.toMatchObject({
      kind: "serial-invalid",
    });
    await expect(ca.issueRevocationList({ revoked: [], days: 0 })).rejects.toMatchObject({
      kind: "validity-invalid",
    });
  });
});

describe("names in certificates", () => {
  it("may be a SPIFFE id, of a server too", async () => {
    const leaf = await ca.issueServer({
      commonName: "sensor",
      hosts: ["localhost"],
      uris: ["spiffe://corp.example/sensor/1"],
    });
    expect(new X509Certificate(leaf.certificate).subjectAltName).toBe(
      "DNS:localhost, URI:spiffe://corp.example/sensor/1",
    );
  });

  it.each([
    "spiffe://Corp/x",
    "spiffe://corp:8443/x",
    "spiffe://corp/",
    "spiffe://corp//x",
    "spiffe://corp/../x",
    "SPIFFE://corp/x",
    "no-scheme",
    "https://a b",
    "https://ä",
  ])("never are the URI %s", async (uri) => {
    await expect(ca.issueClient({ commonName: "x", uris: [uri] })).rejects.toMatchObject({
      kind: "san-invalid",
    });
  });

  it.each(["alice", "a b@corp.example", "alice@", "ä@corp.example", "a@b@c"])(
    "never are the mail address %s",
    async (email) => {
      await expect(ca.issueClient({ commonName: "x", emails: [email] })).rejects.toMatchObject({
        kind: "san-invalid",
      });
    },
  );
});
