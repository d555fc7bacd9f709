import { Agent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { memorySource } from "./testing/memory-source.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

let sensor: TestSensor;
let agent: Agent;

beforeEach(async () => {
  sensor = await startTestSensor({ source: memorySource(new Uint8Array(0)) });
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});

afterEach(async () => {
  agent.destroy();
  await sensor.close();
});

/** Asks in Connect over the one connection. */
function ask(rpc: string, headers: Record<string, string>, body: Uint8Array) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const request = httpsRequest(
      `https://127.0.0.1:${sensor.server.port}/stenographer.Stenographer/${rpc}`,
      { ...sensor.clientOptions.tls, agent, method: "POST", headers },
      (response) => {
        text(response).then((text) => resolve({ status: response.statusCode, text }), reject);
      },
    );
    request.on("error", reject).end(body);
  });
}

it.each([
  ["too large", { "content-type": "application/connect+proto" }, Buffer.alloc(600_000)],
  ["too large by its own words", { "content-type": "application/grpc-web+proto" }, oneMessage(700_000)],
  ["of a type that nobody knows", { "content-type": "text/plain" }, Buffer.alloc(600_000)],
])(
  "a request in HTTP/1.1 that is refused as %s does not stop the next one on its connection",
  async (_, headers, body) => {
    await ask("FetchPcap", headers, body).catch(() => {}); // its connection may end while it is still being sent
    const describe = () => ask("DescribeSensor", { "content-type": "application/json" }, Buffer.from("{}"));
    // As clients do where a connection that was kept turns out to have ended.
    const next = await describe().catch(describe);
    expect(next.status).toBe(200);
  },
);

function oneMessage(bytes: number): Buffer {
  const body = Buffer.alloc(5 + bytes);
  body.writeUInt32BE(bytes, 1);
  return body;
}
