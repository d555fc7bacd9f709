import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type CertificateAuthority,
  CertificateError,
  createCertificateAuthority,
  type Identity,
  openCertificateAuthority,
} from "./index.js";

let ca: CertificateAuthority;
let serverIdentity: Identity;
let clientIdentity: Identity;
const closedByServer = "closed by the server";
const listening = new Set<tls.Server>();

beforeAll(async () => {
  ca = await createCertificateAuthority();
  serverIdentity = await ca.issueServer({ commonName: "sensor", hosts: ["localhost", "127.0.0.1", "::1"] });
  clientIdentity = await ca.issueClient({ commonName: "analyst" });
});

afterEach(async () => {
  for (const server of listening) await new Promise<void>((done) => server.close(() => done()));
  listening.clear();
});

/** What a TLS 1.3 server says to one client, and the client to it: the client's verified name, or the error of either side. */
async function handshake(o: {
  server: Identity;
  client?: Identity;
  trust?: string;
  dial: string;
}): Promise<string> {
  const server = tls.createServer(
    {
      cert: o.server.certificate,
      key: o.server.privateKey,
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
    },
    (socket) => {
      socket.on("error", () => {});
      socket.end(`${socket.getProtocol()} ${socket.authorized} ${socket.getPeerCertificate().subject?.CN}`);
    },
  );
  server.on("tlsClientError", () => {});
  listening.add(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // An address() of a listening TCP server is never a path or null.
  const { port } = server.address() as AddressInfo;
  const isAddress = /^[\d.]+$|:/.test(o.dial);
  const socket = tls.connect({
    host: "127.0.0.1",
    port,
    // TLS forbids an address as server name (RFC 6066 section 3); the comparison is by checkServerIdentity then.
    ...(isAddress ? {} : { servername: o.dial }),
    checkServerIdentity: (_name, peer) => {
      // Node 22.23 finds an IPv6 address in no certificate.
      const hasAddress = isIPv6(o.dial) && new X509Certificate(peer.raw).checkIP(o.dial) !== undefined;
      return hasAddress ? undefined : tls.checkServerIdentity(o.dial, peer);
    },
    ca: o.trust ?? ca.certificate,
    cert: o.client?.certificate,
    key: o.client?.privateKey,
  });
  let said = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return new Promise((resolve) => {
    // Node's server drops an unverified client without an alert, so the client sees an end or a reset, whichever wins.
    const closed = /ALERT|ECONNRESET|EPIPE/;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      resolve(closed.test(code) ? closedByServer : code);
    });
    socket.on("end", () => resolve(said || closedByServer));
  });
}

describe("a mutual TLS 1.3 handshake over loopback", () => {
  it.each(["localhost", "127.0.0.1", "::1"])("succeeds for a client that dials %s", async (dial) => {
    expect(await handshake({ server: serverIdentity, client: clientIdentity, dial })).toBe(
      "TLSv1.3 true analyst",
    );
  });

  it.each(["sensor.example", "127.0.0.2"])("is refused by a client that dialled %s", async (dial) => {
    expect(await handshake({ server: serverIdentity, client: clientIdentity, dial })).toBe(
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
  });

  it("is refused by the server without a client certificate", async () => {
    expect(await handshake({ server: serverIdentity, dial: "localhost" })).toBe(closedByServer);
  });

  it("is refused by the client when a client's certificate serves", async () => {
    const asServer = await ca.issueClient({ commonName: "localhost", dnsNames: ["localhost"] });
    expect(await handshake({ server: asServer, client: clientIdentity, dial: "localhost" })).toBe(
      "INVALID_PURPOSE",
    );
  });

  it("is refused by the server when a server's certificate is the client's", async () => {
    const said = await handshake({ server: serverIdentity, client: serverIdentity, dial: "localhost" });
    expect(said).toBe(closedByServer);
  });

  it("is refused by the client that trusts another authority of the same name", async () => {
    const other = await createCertificateAuthority();
    expect(
      await handshake({
        server: serverIdentity,
        client: clientIdentity,
        trust: other.certificate,
        dial: "localhost",
      }),
    ).toMatch(/^SELF_SIGNED_CERT_IN_CHAIN$|SIGNATURE/);
  });

  it("is refused by the server once the client's certificate has expired", async () => {
    const expired = await ca.issueClient({
      commonName: "analyst",
      notBefore: new Date(Date.now() - 2000_000),
      notAfter: new Date(Date.now() - 1000_000),
    });
    expect(await handshake({ server: serverIdentity, client: expired, dial: "localhost" })).toBe(
      closedByServer,
    );
  });
});

describe("createCertificateAuthority", () => {
  it("makes an authority that OpenSSL's strict check accepts, with both kinds of leaf", () => {
    const folder = mkdtempSync(join(tmpdir(), "stenogrpc-certs-"));
    try {
      writeFileSync(join(folder, "ca.crt"), ca.certificate);
      writeFileSync(join(folder, "server.crt"), serverIdentity.certificate);
      writeFileSync(join(folder, "client.crt"), clientIdentity.certificate);
      const leaves = { server: "sslserver", client: "sslclient" };
      for (const [name, purpose] of Object.entries(leaves)) {
        const strict = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.crt", `${name}.crt`];
        expect(execFileSync("openssl", strict, { cwd: folder }).toString()).toBe(`${name}.crt: OK\n`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("starts five minutes ago and marks itself an authority", () => {
    const certificate = new X509Certificate(ca.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    const ageMs = Date.now() - Date.parse(certificate.validFrom);
    expect(ageMs).toBeGreaterThanOrEqual(5 * 60 * 1000);
  });

  it("gives 128-bit serial numbers that differ", async () => {
    const serials = [ca, serverIdentity, clientIdentity].map(
      (i) => new X509Certificate(i.certificate).serialNumber,
    );
    expect(new Set(serials).size).toBe(3);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});

describe("leaves", () => {
  it("tell addresses and names apart", async () => {
    const leaf = await ca.issueServer({
      commonName: "sensor",
      hosts: [
        "sensor.example",
        "*.lab.example",
        "10.1.2.3",
        "[2001:DB8::1]",
        "::ffff:1.2.3.4",
        "bücher.example",
      ],
    });
    expect(new X509Certificate(leaf.certificate).subjectAltName).toBe(
      "DNS:sensor.example, DNS:*.lab.example, IP Address:10.1.2.3, IP Address:2001:DB8:0:0:0:0:0:1, " +
        "IP Address:0:0:0:0:0:FFFF:102:304, DNS:xn--bcher-kva.example",
    );
  });

  it("carry a client's URIs, mail addresses and names", async () => {
    const leaf = await ca.issueClient({
      commonName: "soar",
      uris: ["spiffe://corp/soar"],
      emails: ["soar@corp.example"],
      dnsNames: ["soar.corp.example"],
    });
    expect(new X509Certificate(leaf.certificate).subjectAltName).toBe(
      "URI:spiffe://corp/soar, email:soar@corp.example, DNS:soar.corp.example",
    );
  });

  it("keep a comma and an equals sign inside the common name", async () => {
    const leaf = await ca.issueClient({ commonName: "a, O=evil" });
    expect(new X509Certificate(leaf.certificate).toLegacyObject().subject).toEqual({ CN: "a, O=evil" });
  });

  it("never outlive their authority unless told to", async () => {
    const short = await createCertificateAuthority({ days: 1 });
    const leaf = await short.issueClient({ commonName: "analyst", days: 100 });
    expect(new X509Certificate(leaf.certificate).validTo).toBe(
      new X509Certificate(short.certificate).validTo,
    );
  });

  it.each([
    "",
    "a b",
    "300.1.2.3",
    "1.2.3",
    "-x.example",
    "a..b",
    "fe80::1%eth0",
    "https://x",
    `${"a".repeat(64)}.example`,
  ])("refuse the host %j", async (host) => {
    await expect(ca.issueServer({ commonName: "x", hosts: [host] })).rejects.toMatchObject({
      kind: "host-invalid",
    });
  });

  it("refuse an empty list of hosts, an empty name and an end before the start", async () => {
    await expect(ca.issueServer({ commonName: "x", hosts: [] })).rejects.toMatchObject({
      kind: "host-invalid",
    });
    await expect(ca.issueClient({ commonName: "" })).rejects.toMatchObject({ kind: "name-invalid" });
    await expect(ca.issueClient({ commonName: "x", days: 0 })).rejects.toMatchObject({
      kind: "validity-invalid",
    });
    await expect(ca.issueClient({ commonName: "x", notAfter: new Date(0) })).rejects.toBeInstanceOf(
      CertificateError,
    );
  });
});

describe("openCertificateAuthority", () => {
  it("issues certificates that the saved authority's clients trust", async () => {
    const opened = await openCertificateAuthority({ certificate: ca.certificate, privateKey: ca.privateKey });
    expect(opened.certificate).toBe(ca.certificate);
    expect(opened.privateKey).toBe(ca.privateKey);
    const late = await opened.issueClient({ commonName: "late" });
    expect(await handshake({ server: serverIdentity, client: late, dial: "localhost" })).toBe(
      "TLSv1.3 true late",
    );
  });

  it("refuses a leaf, a foreign key and what is not PEM", async () => {
    const other = await createCertificateAuthority();
    const leafAsAuthority = openCertificateAuthority(serverIdentity);
    await expect(leafAsAuthority).rejects.toMatchObject({ kind: "authority-invalid" });
    const foreignKey = openCertificateAuthority({
      certificate: ca.certificate,
      privateKey: other.privateKey,
    });
    await expect(foreignKey).rejects.toThrow("does not belong");
    const notPem = openCertificateAuthority({ certificate: "x", privateKey: "y" });
    await expect(notPem).rejects.toThrow("not PEM");
  });
});
