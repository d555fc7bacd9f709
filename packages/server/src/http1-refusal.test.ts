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

/** Asks in Connect over the one connection; resolves with the answer, and where it came from. */
function ask(rpc: string, headers: Record<string, string>, body: Uint8Array) {
  return new Promise<{ status: number | undefined; text: string; localPort: number | undefined }>(
    (resolve, reject) => {
      const request = httpsRequest(
        `https://127.0.0.1:${sensor.server.port}/stenographer.Stenographer/${rpc}`,
        { ...sensor.clientOptions.tls, agent, method: "POST", headers },
        (response) => {
          const { localPort } = response.socket;
          text(response).then((text) => resolve({ status: response.statusCode, text, localPort }), reject);
        },
      );
      request.on("error", reject).end(body);
    },
  );
}

it.each([
  ["too large", { "content-type": "application/connect+proto" }, Buffer.alloc(600_000)],
  ["of a type that nobody knows", { "content-type": "text/plain" }, Buffer.alloc(600_000)],
])(
  "a request in HTTP/1.1 that is refused as %s does not stop the next one on its connection",
  async (_, headers, body) => {
    const refused = await ask("FetchPcap", headers, body);
    const next = await ask("DescribeSensor", { "content-type": "application/json" }, Buffer.from("{}"));
    expect(next.status).toBe(200);
    expect(next.localPort).toBe(refused.localPort);
  },
);
