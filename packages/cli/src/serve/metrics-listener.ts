import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { prometheusText, type StenographerServer } from "@stenogrpc/server";

/** A listener for what watches a server. */
export interface MetricsListener extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:9464`. */
  readonly url: string;
}

/** More than this are no scrapers and probes. */
const mostConnections = 32;

/**
 * Answers `/metrics` for Prometheus and `/healthz` for probes, in plain HTTP: 200 where the source of packets can be asked, and 503 with a line
 * that says why where not.
 *
 * @throws the system's error where the port is taken
 */
export async function listenForMetrics(
  server: Pick<StenographerServer, "metrics" | "health">,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsListener> {
  const listener = createServer((request, response) => {
    void answer(server, request, response);
  });
  listener.maxConnections = mostConnections;
  listener.listen({ host, port });
  await once(listener, "listening"); // rejects on "error"
  const { address, family, port: taken } = listener.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      listener.closeAllConnections();
    },
  };
}

async function answer(
  server: Pick<StenographerServer, "metrics" | "health">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.replace(/\?.*/, "");
  const say = (status: number, body: string, type = "text/plain; charset=utf-8") =>
    response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? undefined : body);
  if (path !== "/metrics" && path !== "/healthz") return void say(404, "there are /metrics and /healthz\n");
  if (request.method !== "GET" && request.method !== "HEAD") return void say(405, "only GET\n");
  const health = await server.health(); // never rejects
  if (path === "/metrics") {
    say(200, prometheusText(server.metrics(), health), "text/plain; version=0.0.4; charset=utf-8");
  } else if (health.isHealthy) say(200, "ok\n");
  else say(503, `${health.problem}\n`);
}
