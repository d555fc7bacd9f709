import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PacketRecord } from "@stenogrpc/pcap";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goodAnswer } from "../../test-support/answers.js";
import { hour, packetsFromNoon } from "../../test-support/capture.js";
import { failureOf } from "../../test-support/failure.js";
import {
  createIdentities,
  type ScriptedServer,
  startScriptedServer,
} from "../../test-support/scripted-server.js";
import { createStenographerClient, type NodeStenographerClient, type SavedPcap } from "./index.js";

const capture = packetsFromNoon(5);
let folder: string;
let server: ScriptedServer;
let client: NodeStenographerClient;
let saved: SavedPcap;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-saved-"));
  const identities = await createIdentities();
  server = await startScriptedServer(identities, (request) => goodAnswer(request, capture));
  const { authority, client: identity } = identities;
  client = createStenographerClient({
    server: `127.0.0.1:${server.port}`,
    tls: { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey },
  });
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  saved = await client.fetchPcap(hour).toFile(join(folder, "alert.pcap"));
});

async function all(packets: AsyncIterable<PacketRecord>): Promise<PacketRecord[]> {
  const list: PacketRecord[] = [];
  for await (const packet of packets) list.push(packet);
  return list;
}

describe("records() of what was saved", () => {
  it("gives the packets that records() of the fetch does, as often as wanted", async () => {
    const fetched = await all(client.fetchPcap(hour).records());
    expect(fetched).toHaveLength(5);
    expect(await all(saved.records())).toEqual(fetched);
    expect(await all(saved.records())).toEqual(fetched);
  });

  it("can be left", async () => {
    for await (const { timestampNs } of saved.records()) {
      expect(timestampNs).toBe(capture.timesNs[0]);
      break;
    }
  });

  it("fails where it is no longer the file that was saved", async () => {
    await appendFile(saved.path, capture.records[0] ?? "");
    const failure = await failureOf(all(saved.records()));
    expect(failure).toMatchObject({ reason: "FILE_FAILED", uid: saved.uid, retryable: false });
    expect(failure.message).toBe(
      `${saved.path} is no longer the file that was saved; fetch the packets again`,
    );
    await writeFile(saved.path, "no capture at all, but long enough");
    expect((await failureOf(all(saved.records()))).reason).toBe("FILE_FAILED");
    await rm(saved.path);
    expect((await failureOf(all(saved.records()))).message).toMatch(/^cannot read .* again \(ENOENT\)/);
  });

  it("is no part of the result to who compares, spreads or prints it", async () => {
    expect(Object.keys(saved)).not.toContain("records");
    expect(JSON.parse(JSON.stringify(saved))).toMatchObject({
      path: saved.path,
      manifestPath: null,
      packets: 5,
    });
  });
});
