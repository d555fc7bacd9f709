// An Express service that already answers /health and /api/alerts, with a sensor on the same port.
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { constants, createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { expressConnectMiddleware } from "@connectrpc/connect-express";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  clientIdentity,
  clientIdentityKey,
  directorySource,
  sendPacketsDirectly,
  stenographerRoutes,
} from "@stenogrpc/server";
import express from "express";
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
const app = express();
app.get("/health", (_request, response) => void response.json({ status: "ok" }));
app.get("/api/alerts", (request, response) => {
  const who = clientIdentity(request).get(clientIdentityKey);
  if (who === undefined) response.status(401).json({ error: "a client certificate is required" });
  else
    response.json([{ id: "4711", time: "2026-11-24T05:40:27Z", client: "192.0.2.10", server: "192.0.2.80" }]);
});

// The sensor: its handlers, and how they are mounted.
const sensor = stenographerRoutes({
  sensor: "express-example",
  source: directorySource({ path: options.captures, logger }),
  limits: { maxBytes: 1024 ** 3 },
  logger,
});
const mounted = {
  routes: sensor,
  // Who is asking. A call without a verified client certificate is refused, whatever the server lets in.
  contextValues: clientIdentity,
  // Packets hardly compress.
  acceptCompression: [],
};
// HTTP/1.1 is all that Express speaks: enough for Connect and gRPC-Web clients.
app.use(expressConnectMiddleware(mounted));
// gRPC needs HTTP/2, and goes past Express. Clients that want Express' routes over it are told to use HTTP/1.1.
const http2 = connectNodeAdapter({
  ...mounted,
  fallback: (request) => "stream" in request && request.stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED),
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
  (request, response) => {
    // What the sensor answers itself goes past the adapters, and costs less.
    if (sensor.answer(request, response)) return;
    if (request.httpVersionMajor === 2) http2(request, response);
    // With allowHTTP1 these are node:http's, which Node's types don't say.
    else app(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  },
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
