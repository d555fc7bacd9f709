import { X509Certificate } from "node:crypto";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { describe, expect, it } from "vitest";
import { identityKey, identityName, readIdentity } from "../identity.js";
import { readAltNames } from "./alt-names.js";

const none = { dns: [], uris: [], emails: [], ips: [] };

describe("alternative names", () => {
  it("are read by kind, those that are not known left out", () => {
    expect(
      readAltNames(
        "DNS:a.example, URI:spiffe://corp/a, email:a@b.example, IP Address:10.0.0.1, othername:<unsupported>, DNS:b",
      ),
    ).toEqual({
      dns: ["a.example", "b"],
      uris: ["spiffe://corp/a"],
      emails: ["a@b.example"],
      ips: ["10.0.0.1"],
    });
  });

  it("are none where the certificate has none", () => {
    expect(readAltNames("")).toEqual(none);
  });

  it.each([
    // CVE-2021-44532: what a certificate can put into one name must not pass for two.
    ['DNS:"x, URI:spiffe://corp/admin"', { ...none, dns: ["x, URI:spiffe://corp/admin"] }],
    ['URI:"spiffe://corp/a\\", DNS:admin"', { ...none, uris: ['spiffe://corp/a", DNS:admin'] }],
    ['email:"a@b\\u0000.example"', { ...none, emails: ["a@b\u0000.example"] }],
  ])("stay one name in %s", (text, names) => {
    expect(readAltNames(text)).toEqual(names);
  });

  it.each([
    "DNS",
    "DNS:",
    "DNS:a,DNS:b",
    "DNS:a, ",
    "DNS:a, DNS",
    'DNS:"a',
    'DNS:"a\\',
    'DNS:"a"b',
    'DNS:a"b',
    'DNS:"\\x"',
    'DNS:a, URI:"b" , DNS:c',
  ])("are all disbelieved in %s", (text) => {
    expect(readAltNames(text)).toEqual(none);
  });
});

describe("an identity", () => {
  const identity = async (options: object) => {
    const authority = await createCertificateAuthority();
    const issued = await authority.issueClient({ commonName: "web, CN=admin", ...options });
    return readIdentity(new X509Certificate(issued.certificate));
  };

  it("has the names of its certificate as they are", async () => {
    const names = { uris: ["spiffe://corp/a"], emails: ["a@b.example"], dnsNames: ["a.example"] };
    expect(await identity(names)).toMatchObject({
      commonName: "web, CN=admin",
      dns: ["a.example"],
      uris: ["spiffe://corp/a"],
      emails: ["a@b.example"],
      ips: [],
    });
  });

  it("is called by its URI, else its common name", async () => {
    expect(identityName(await identity({ uris: ["spiffe://corp/a"] }))).toBe("spiffe://corp/a");
    expect(identityName(await identity({}))).toBe("web, CN=admin");
  });

  it("stays the same when its certificate is renewed, and is another with other names", async () => {
    const [first, renewed, other] = await Promise.all([
      identity({ dnsNames: ["a.example"] }),
      identity({ dnsNames: ["a.example"] }),
      identity({ dnsNames: ["b.example"] }),
    ]);
    expect(renewed.fingerprint256).not.toBe(first.fingerprint256);
    expect(identityKey(renewed)).toBe(identityKey(first));
    expect(identityKey(other)).not.toBe(identityKey(first));
  });
});
