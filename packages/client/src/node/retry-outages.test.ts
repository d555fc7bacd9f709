import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { goodAnswer } from "../../test-support/answers.js";
import { hour, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import type { Script } from "../../test-support/in-memory.js";
import { activeResources, expectNothingLeft } from "../../test-support/leaks.js";
import {
  createIdentities,
  startScriptedServer,
  type TestIdentities,
} from "../../test-support/scripted-server.js";
import { createStenographerClient, verifyEvidence } from "./index.js";

const capture = packetsFromNoon(3);
/** Twelve packets of 60 000 bytes: more than the client gathers before it writes. */
const large = packetsFromNoon(12, 60_000);

let identities: TestIdentities;
let folder: string;
let before: string[];
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  identities = await createIdentities();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-retry-"));
  before = activeResources();
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  await rm(folder, { recursive: true });
  await expectNothingLeft(before);
});
afterAll(() => {
  expect(opened).toEqual([]);
});

async function serve(script: Script, port: number) {
  const server = await startScriptedServer(identities, script, { port });
  opened.push(server);
  return server;
}

function connectTo(port: number) {
  const { authority, client: identity } = identities;
  const client = createStenographerClient({
    server: `127.0.0.1:${port}`,
    tls: { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey },
    retryOutages: true,
  });
  opened.push(client);
  return client;
}

/** A port where nothing listens yet. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends a capture without its end, and waits until the call is cancelled. */
const unfinished: Script = async function* (request, { signal }) {
  yield* goodAnswer(request, large).slice(0, -1);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

it("finds a server that starts late", async () => {
  const port = await freePort();
  const fetching = connectTo(port).fetchPcap(hour).summary;
  await new Promise((resolve) => setTimeout(resolve, 300));
  await serve((request) => goodAnswer(request, capture), port);
  const result = await fetching;
  expect(result.verdict).toBe("complete");
  expect(result.retries).toBeGreaterThan(0);
});

it("gives up on a server that does not start in time, with the connection's error", async () => {
  const fetch = connectTo(await freePort()).fetchPcap({ ...hour, retryForMs: 700 });
  const startedAtMs = performance.now();
  expect(await failureOf(fetch.summary)).toMatchObject({ reason: "CONNECTION_FAILED", retryable: true });
  expect(performance.now() - startedAtMs).toBeGreaterThan(100);
});

it("saves the whole answer of a server that restarts in the middle, and nothing of the first one", async () => {
  const first = await serve(unfinished, 0);
  const target = join(folder, "alert.pcap");
  const reports: number[] = [];
  const saving = connectTo(first.port)
    .fetchPcap({ ...hour, uid: "u1" })
    .toFile(target, { manifest: true, onProgress: ({ packets }) => reports.push(packets) });
  const partial = join(folder, ".alert.pcap.u1.partial");
  await expect
    .poll(() =>
      stat(partial).then(
        ({ size }) => size,
        () => 0,
      ),
    )
    .toBeGreaterThan(0);
  await first.close();
  await serve((request) => goodAnswer(request, capture), first.port);
  const saved = await saving;
  expect(saved).toMatchObject({ verdict: "complete", packets: 3, uid: "u1" });
  expect(saved.retries).toBeGreaterThan(0);
  expect(new Uint8Array(await readFile(target))).toEqual(capture.bytes);
  expect(await verifyEvidence(target)).toMatchObject({ isGood: true, packets: 3 });
  expect(await readdir(folder)).toEqual(["alert.pcap", "alert.pcap.manifest.json"]);
  expect(reports.at(-1)).toBe(3);
  expect(JSON.parse(JSON.stringify(saved))).toMatchObject({
    path: target,
    manifestPath: `${target}.manifest.json`,
    firstPacket: "2026-07-01T12:00:00Z",
    retries: saved.retries,
  });
});

it("leaves no file where the answer stays lost", async () => {
  const server = await serve(unfinished, 0);
  const saving = failureOf(
    connectTo(server.port)
      .fetchPcap({ ...hour, uid: "u1", retryForMs: 500 })
      .toFile(join(folder, "alert.pcap")),
  );
  const partial = join(folder, ".alert.pcap.u1.partial");
  await expect
    .poll(() =>
      stat(partial).then(
        ({ size }) => size,
        () => 0,
      ),
    )
    .toBeGreaterThan(0);
  await server.close();
  expect((await saving).code).toBe("unavailable");
  expect(await readdir(folder)).toEqual([]);
});

it("fails at once where the hour's budget is used up, and says when there is more", async () => {
  let requests = 0;
  const server = await serve(() => {
    requests++;
    throw new ConnectError("the budget is used up", Code.ResourceExhausted, undefined, [
      { desc: ErrorInfoSchema, value: { reason: "BUDGET_EXHAUSTED", domain: "stenogrpc" } },
      { desc: RetryInfoSchema, value: { retryDelay: { seconds: 3000n } } },
    ]);
  }, 0);
  const failure = await failureOf(connectTo(server.port).fetchPcap(hour).toFile(join(folder, "alert.pcap")));
  expect(failure).toMatchObject({ reason: "BUDGET_EXHAUSTED", retryable: true, retryAfterMs: 3_000_000 });
  expect(requests).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

it("stops asking when it is closed", async () => {
  const client = connectTo(await freePort());
  const failing = failureOf(client.fetchPcap(hour).summary);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await client.close();
  expect((await failing).reason).toBe("CANCELED");
});
