// A Fastify service that already answers /health and /api/alerts, with a sensor on the same port.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import {
  clientIdentity,
  clientIdentityKey,
  directorySource,
  sendPacketsDirectly,
  stenographerRoutes,
} from "@stenogrpc/server";
import { fastify } from "fastify";

const { values: options } = parseArgs({
  options: {
    pki: { type: "string", default: "pki" },
    captures: { type: "string", default: "../captures" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8443" },
  },
});

// What the service is without us: its server, its log, its routes.
const pem = (name: string) => readFileSync(join(options.pki, name));
const app = fastify({
  logger: true,
  // On close, say goodbye to idle clients too, instead of waiting 72 seconds for them to leave.
  forceCloseConnections: true,
  http2: true,
  https: {
    ca: pem("ca.crt"),
    cert: pem("server.crt"),
    key: pem("server.key"),
    minVersion: "TLSv1.3",
    // Ask every client for its certificate, but let those without one in: for /health.
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
  },
});
app.get("/health", () => ({ status: "ok" }));
app.get("/api/alerts", (request, reply) => {
  const who = clientIdentity(request).get(clientIdentityKey);
  if (who === undefined) return reply.code(401).send({ error: "a client certificate is required" });
  return [{ id: "4711", time: "2026-11-24T05:40:27Z", client: "192.0.2.10", server: "192.0.2.80" }];
});

// The sensor: its handlers, and the plugin that mounts them.
const sensor = stenographerRoutes({
  sensor: "fastify-example",
  source: directorySource({ path: options.captures, logger: app.log }),
  limits: { maxBytes: 1024 ** 3 },
  logger: app.log,
});
await app.register(fastifyConnectPlugin, {
  routes: sensor,
  // Who is asking. A call without a verified client certificate is refused, whatever the server lets in.
  contextValues: clientIdentity,
  // Packets hardly compress.
  acceptCompression: [],
});
// What the sensor answers itself goes past the plugin, and costs less.
app.addHook("onRequest", (request, reply, done) => {
  if (sensor.answer(request.raw, reply.raw)) reply.hijack();
  done();
});
// And its packets go past node:http2, where their client takes them so, as ours does.
sendPacketsDirectly(app.server);
// Part of app.close(): retrievals under way may take ten seconds more, before Fastify closes their connections.
app.addHook("preClose", () => sensor.close({ graceMs: 10_000 }));

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => app.close());
const address = await app.listen({ host: options.host, port: Number(options.port) });
app.log.info({ port: Number(new URL(address).port) }, "listening");
