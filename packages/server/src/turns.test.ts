import { create } from "@bufbuild/protobuf";
import { createContextValues, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import { FilterDialect, Stenographer, StenoRequestSchema } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explainQuery } from "./explain-query.js";
import { fetchPcap } from "./fetch-pcap.js";
import { clientIdentityKey } from "./identity.js";
import { RequestError } from "./request-error.js";
import { SensorService } from "./sensor-service.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";

/** Turns that the event loop has taken, in which others are answered. */
let turns = 0;
let next: NodeJS.Immediate;
beforeEach(() => {
  turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  next = setImmediate(count);
});
afterEach(() => clearImmediate(next));

function contextOf(method: "fetchPcap" | "explainQuery"): HandlerContext {
  const names = { dns: [], uris: [], emails: [], ips: [] };
  const identity = { commonName: "a", subject: "CN=a", subjectAltName: undefined, fingerprint256: "AA" };
  return createHandlerContext({
    service: Stenographer,
    method: Stenographer.method[method],
    protocolName: "grpc",
    requestMethod: "POST",
    url: "https://localhost/",
    contextValues: createContextValues().set(clientIdentityKey, { ...identity, ...names }),
  });
}

const request = (bpf: string) =>
  create(StenoRequestSchema, {
    epochStart: 1_700_000_000n,
    epochEnd: 1_700_000_100n,
    bpf,
    dialect: FilterDialect.PCAP,
  });

it("others are answered between one plan and the next", async () => {
  const plannedAt: number[] = [];
  const source: PacketSource = {
    kind: "described",
    abilities: { index: true },
    describe: async () => ({}),
    open: () => {
      plannedAt.push(turns);
      return Promise.reject(new Error("no packets"));
    },
    estimate: async () => {
      plannedAt.push(turns);
      return { files: 0, bytes: 0 };
    },
  };
  const service = new SensorService({ source });
  const query = request("port 443");
  const explaining = [1, 2, 3].map(() =>
    explainQuery(service)(
      { $typeName: "stenographer.ExplainQueryRequest", query },
      contextOf("explainQuery"),
    ),
  );
  const fetching = [1, 2, 3].map(() => fetchPcap(service)(query, contextOf("fetchPcap")).next());
  await Promise.allSettled([...explaining, ...fetching]);
  expect(plannedAt).toHaveLength(6);
  expect(new Set(plannedAt).size).toBe(6);
});

describe("a filter that takes long over each packet", () => {
  const frame = new Uint8Array(80);
  frame.set([0x08, 0x00, 0x45], 12); // IPv4
  frame.set([17], 23); // UDP, between ports 0, which are in none of the ranges below
  const timestampNs = 1_700_000_001_000_000_000n;
  const capture = pcapOf(Array.from({ length: 6000 }, () => ({ timestampNs, data: frame })));
  const filter = Array.from({ length: 2000 }, (_, i) => `portrange ${i + 1000}-${i + 1001}`).join(" or ");

  it("leaves the others their turns", async () => {
    const service = new SensorService({ source: memorySource(capture) });
    const { value } = await fetchPcap(service)(request(filter), contextOf("fetchPcap")).next();
    expect(value).toMatchObject({ packets: { bytes: { length: 24 } } });
    expect(turns).toBeGreaterThan(5);
  });

  it("ends when the retrieval does", async () => {
    const service = new SensorService({ source: memorySource(capture) });
    const answer = fetchPcap(service)(request(filter), contextOf("fetchPcap")).next();
    const abandon = (): void => {
      if (turns < 4) return void setImmediate(abandon);
      for (const retrieval of service.retrievals) retrieval.abandon(new RequestError("draining", "enough"));
    };
    abandon();
    await expect(answer).rejects.toMatchObject({ rawMessage: "enough" });
    expect(service.admission.running).toBe(0);
  });
});
