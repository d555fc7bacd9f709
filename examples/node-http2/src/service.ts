// A service on plain node:http2 that already answers /health and /api/alerts, with a sensor on the same port.
import { readFileSync } from "node:fs";
import type { ServerHttp2Session } from "node:http2";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  clientIdentity,
  clientIdentityKey,
  directorySource,
  sendPacketsDirectly,
  stenographerRoutes,
} from "@stenogrpc/server";
import { pino } from "pino";

const { values: options } = parseArgs({
  options: {
    pki: { type: "string", default: "pki" },
    captures: { type: "string", default: "../captures" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8443" },
  },
});

// What the service is without us: its log and its routes.
const logger = pino();
const alerts = [{ id: "4711", time: "2026-11-24T05:40:27Z", client: "192.0.2.10", server: "192.0.2.80" }];

type Handler = ReturnType<typeof connectNodeAdapter>;
type Request = Parameters<Handler>[0];

const serve: Handler = (request, response) => {
  const [status, body] = answer(request);
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify(body)}\n`);
};

function answer(request: Request): [status: number, body: unknown] {
  // Without a certificate, since a load balancer has none.
  if (request.url === "/health") return [200, { status: "ok" }];
  if (request.url !== "/api/alerts") return [404, { error: "not found" }];
  const who = clientIdentity(request).get(clientIdentityKey);
  return who === undefined ? [401, { error: "a client certificate is required" }] : [200, alerts];
}

// The sensor: its handlers, and the adapter that mounts them. What is no call to the sensor falls back to the service.
const sensor = stenographerRoutes({
  sensor: "node-http2-example",
  source: directorySource({ path: options.captures, logger }),
  limits: { maxBytes: 1024 ** 3 },
  logger,
});
const handler = connectNodeAdapter({
  routes: sensor,
  // Who is asking. A call without a verified client certificate is refused, whatever the server lets in.
  contextValues: clientIdentity,
  // Packets hardly compress.
  acceptCompression: [],
  fallback: serve,
});

const pem = (name: string) => readFileSync(join(options.pki, name));
const server = createSecureServer(
  {
    ca: pem("ca.crt"),
    cert: pem("server.crt"),
    key: pem("server.key"),
    minVersion: "TLSv1.3",
    // Ask every client for its certificate, but let those without one in: for /health.
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
  },
  // What the sensor answers itself goes past the adapter, and costs less.
  (request, response) => sensor.answer(request, response) || handler(request, response),
);
// And its packets go past node:http2, where their client takes them so, as ours does.
sendPacketsDirectly(server);
const sessions = new Set<ServerHttp2Session>();
server.on("session", (session) => {
  sessions.add(session);
  session.once("close", () => sessions.delete(session));
});
server.listen(Number(options.port), options.host, () => {
  const { address, port } = server.address() as AddressInfo; // a TCP server that listens has one
  logger.info({ address, port }, "listening");
});

/** No new connections, no new calls; retrievals under way may take ten seconds more. Then nothing keeps the process. */
async function stop(signal: NodeJS.Signals): Promise<void> {
  logger.info({ signal }, "stopping");
  server.close();
  for (const session of sessions) session.close();
  await sensor.close({ graceMs: 10_000 });
}
process.once("SIGTERM", stop).once("SIGINT", stop);
