import { connect } from "node:net";
import type { SensorHealth, StenographerServer } from "@stenogrpc/server";
import { expect, it } from "vitest";
import { listenForMetrics } from "./metrics-listener.js";

const metrics: ReturnType<StenographerServer["metrics"]> = {
  retrievals: {
    ...{ running: 0, queued: 0, served: 5, canceled: 0, refused: 0, failed: 0, pcapBytes: 0, packets: 0 },
    shortfalls: [],
  },
  connections: { open: 1, accepted: 1, turnedAway: 0, tlsRefused: 0 },
  reloads: { done: 0, refused: 0 },
  certificates: { serverExpiresAt: 1, authorityExpiresAt: 2, clientsNearExpiry: 0 },
};

function listen(health: SensorHealth) {
  return listenForMetrics(
    { metrics: () => metrics, health: () => Promise.resolve(health) },
    { host: "127.0.0.1", port: 0 },
  );
}

it("gives metrics to Prometheus", async () => {
  await using listener = await listen({ isHealthy: true, newestPacketNs: 1_700_000_000_000_000_000n });
  const answer = await fetch(`${listener.url}/metrics?x=y`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await answer.text();
  expect(text).toContain('\nstenogrpc_retrievals_total{outcome="served"} 5\n');
  expect(text).toContain("\nstenogrpc_newest_packet_timestamp_seconds 1700000000\n");
});

it.each<[SensorHealth, number, string]>([
  [{ isHealthy: true }, 200, "ok\n"],
  [{ isHealthy: false, problem: "Stenographer does not answer" }, 503, "Stenographer does not answer\n"],
])("tells a probe of %j", async (health, status, text) => {
  await using listener = await listen(health);
  const answer = await fetch(`${listener.url}/healthz`);
  expect([answer.status, await answer.text()]).toEqual([status, text]);
  const head = await fetch(`${listener.url}/healthz`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([status, ""]);
});

it("has nothing else, and changes nothing", async () => {
  await using listener = await listen({ isHealthy: true });
  expect((await fetch(`${listener.url}/`)).status).toBe(404);
  expect((await fetch(`${listener.url}/metrics`, { method: "POST", body: "x" })).status).toBe(405);
});

it("closes though somebody stays connected", async () => {
  const listener = await listen({ isHealthy: true });
  const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  await listener[Symbol.asyncDispose]();
  await closed;
  await expect(fetch(`${listener.url}/healthz`)).rejects.toThrow();
});

it("fails where its port is taken", async () => {
  await using listener = await listen({ isHealthy: true });
  const port = Number(new URL(listener.url).port);
  const second = listenForMetrics(
    { metrics: () => metrics, health: () => Promise.resolve({ isHealthy: true }) },
    { host: "127.0.0.1", port },
  );
  await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
});
