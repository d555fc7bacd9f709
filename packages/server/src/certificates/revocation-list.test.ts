import { X509Certificate } from "node:crypto";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { describe, expect, it } from "vitest";
import { issuerOf, parseRevocationLists, subjectOf } from "./revocation-list.js";

const authority = await createCertificateAuthority();
const revokedAt = new Date("2026-01-02T03:04:05Z");
const pem = await authority.issueRevocationList({
  revoked: [
    { serialNumber: "0abc", revokedAt },
    { serialNumber: "80ff", revokedAt },
  ],
  days: 30,
});

const derOf = (text: string): Buffer => Buffer.from(text.replace(/-----[^-]+-----/g, ""), "base64");
const pemOf = (der: Uint8Array): string =>
  `-----BEGIN X509 CRL-----\n${Buffer.from(der).toString("base64")}\n-----END X509 CRL-----\n`;

describe("parseRevocationLists", () => {
  it("reads who signed a list, until when it holds, and the serial numbers as Node writes them", () => {
    const [list] = parseRevocationLists(pem);
    expect(list?.issuer).toEqual(subjectOf(new X509Certificate(authority.certificate)));
    expect(list?.serials).toEqual(new Set(["0ABC", "80FF"]));
    const days = ((list?.nextUpdate?.getTime() ?? 0) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
  });

  it("reads several lists, and an empty one", async () => {
    const empty = await authority.issueRevocationList({ revoked: [] });
    expect(parseRevocationLists(`${pem}some text\n${empty}`).map(({ serials }) => serials.size)).toEqual([
      2, 0,
    ]);
  });

  it("finds the issuer's name in a certificate, and not its subject's", async () => {
    const leaf = new X509Certificate((await authority.issueClient({ commonName: "alice" })).certificate);
    const ca = new X509Certificate(authority.certificate);
    expect(issuerOf(leaf)).toEqual(subjectOf(ca));
    expect(subjectOf(leaf)).not.toEqual(subjectOf(ca));
  });

  it("refuses a list that ends anywhere too soon", () => {
    const der = derOf(pem);
    for (let length = 0; length < der.length; length++) {
      expect(() => parseRevocationLists(pemOf(der.subarray(0, length))), `${length} bytes`).toThrow(
        RangeError,
      );
    }
  });

  it("reads any list with one byte changed, or refuses it by RangeError", () => {
    const der = derOf(pem);
    for (let at = 0; at < der.length; at++) {
      for (const value of [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff]) {
        const changed = Buffer.from(der);
        changed[at] = value;
        try {
          expect(parseRevocationLists(pemOf(changed))).toHaveLength(1);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }
  });

  it.each([
    ["nothing", ""],
    ["a certificate", authority.certificate],
    ["a list whose end is missing", pem.slice(0, -30)],
  ])("refuses %s", (_what, text) => {
    expect(() => parseRevocationLists(text)).toThrow(RangeError);
  });
});
