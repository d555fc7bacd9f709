import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { expect, it } from "vitest";

/** A server is closed whose one connection, in its handshake, holds no process, as Node 20 leaves some that were reset. */
const program = (tls: object): string => `
  import { subscribe } from "node:diagnostics_channel";
  import { connect } from "node:net";
  import { createStenographerServer } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
  const accepted = new Promise((resolve) => subscribe("net.server.socket", ({ socket }) => resolve(socket.unref())));
  const source = { kind: "none", open: async () => { throw new Error("nobody asks"); }, describe: async () => ({}) };
  const server = await createStenographerServer({ source, tls: ${JSON.stringify(tls)}, host: "127.0.0.1", port: 0 });
  connect(server.port, "127.0.0.1").unref();
  await accepted;
  await server.close();
  console.log("closed");
`;

it("closing a server holds the process until it has closed, and no longer", async () => {
  const authority = await createCertificateAuthority();
  const { certificate, privateKey } = await authority.issueServer({
    commonName: "sensor",
    hosts: ["localhost"],
  });
  const tls = { ca: authority.certificate, cert: certificate, key: privateKey };
  const options = [
    "--conditions=@stenogrpc/source",
    "--import",
    import.meta.resolve("tsx"),
    "--input-type=module",
  ];
  // The half minute that connections get would take it beyond the timeout.
  const running = promisify(execFile)(process.execPath, [...options, "-e", program(tls)], {
    timeout: 25_000,
  });
  expect((await running).stdout.trim().split("\n").at(-1)).toBe("closed");
}, 40_000);
