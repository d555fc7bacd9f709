import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goodAnswer } from "../../test-support/answers.js";
import { hour, packetsFromNoon } from "../../test-support/capture.js";
import {
  createIdentities,
  type ScriptedServer,
  startScriptedServer,
  type TestIdentities,
} from "../../test-support/scripted-server.js";

const capture = packetsFromNoon(3);
const anHour = 3_600_000;

let identities: TestIdentities;
let server: ScriptedServer;
beforeAll(async () => {
  identities = await createIdentities();
  server = await startScriptedServer(identities, async function* (request, { signal }) {
    const messages = goodAnswer(request, capture);
    if (request.bpf !== "icmp") return yield* messages;
    // Asked for ICMP, it never ends. Without the last message: packets that come together with it are held back for its end.
    yield* messages.slice(0, -1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
});
afterAll(() => server.close());

describe("a process with a client", () => {
  // One process for all, since starting one is most of the time this takes.
  it("is kept alive by no call that has ended, however it ended, though each had an hour", async () => {
    const { authority, client } = identities;
    const tls = { ca: authority.certificate, cert: client.certificate, key: client.privateKey };
    const program = `
      import { createStenographerClient } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const client = createStenographerClient({ server: "127.0.0.1:${server.port}", tls: ${JSON.stringify(tls)} });
      const options = { from: ${hour.from}n, to: ${hour.to}n, timeoutMs: ${anHour} };
      const report = (what) => console.log(what, process.getActiveResourcesInfo().filter((name) => name === "Timeout").length);

      const { packets } = await client.fetchPcap(options).summary;
      report(packets);

      for await (const piece of client.fetchPcap({ ...options, filter: "icmp" })) break;
      await new Promise(setImmediate);
      report("left");

      const controller = new AbortController();
      const pieces = client.fetchPcap({ ...options, filter: "icmp", signal: controller.signal })[Symbol.asyncIterator]();
      await pieces.next();
      controller.abort();
      await new Promise(setImmediate);
      report("aborted, and nobody read on");

      await client.describeSensor({ timeoutMs: ${anHour} }).catch((error) => report(error.reason));
    `;
    const arguments_ = [
      "--conditions=@stenogrpc/source",
      "--import",
      import.meta.resolve("tsx"),
      "--input-type=module",
    ];
    const output = await new Promise<string>((resolve, reject) => {
      // The client stays open: the process has to end for want of anything to do.
      execFile(
        process.execPath,
        [...arguments_, "-e", program],
        { timeout: 50_000 },
        (error, stdout, stderr) => {
          if (error)
            reject(
              new Error(`the process did not end well (${error.signal ?? error.code}): ${stdout}${stderr}`),
            );
          else resolve(stdout);
        },
      );
    });
    expect(output.trim().split("\n")).toEqual([
      "3 0",
      "left 0",
      "aborted, and nobody read on 0",
      "UNIMPLEMENTED 0",
    ]);
  }, 60_000);
});
