import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { type ExplainQueryRequest, FilterDialect, Stenographer } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { hour, noonNs, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { createStenographerClient } from "./index.js";

function clientThatHears(explainQuery: (request: ExplainQueryRequest) => object) {
  const requests: ExplainQueryRequest[] = [];
  const transport = createRouterTransport((router) =>
    router.service(Stenographer, {
      explainQuery(request) {
        requests.push(request);
        return explainQuery(request);
      },
    }),
  );
  return { client: createStenographerClient({ transport }), requests };
}

const answer = ({ query }: ExplainQueryRequest) => ({
  filterDialect: query?.dialect,
  filter: "tcp dst port 80",
  windowStart: query?.start,
  windowEnd: query?.end,
  index: "(tcp and port 80)",
  residual: "tcp dst port 80",
  explanation: ["the index does not tell source from destination"],
  source: "stenographer",
  sensor: "edge-1",
  usesIndex: true,
  cost: { files: 3n, bytes: 12_884_901_888n },
});

describe("explain", () => {
  it("asks with the request that a fetch would send, and gives a plain object", async () => {
    const { client, requests } = clientThatHears(answer);
    const options = { ...hour, filter: "tcp dst port 80", vlanTransparent: true, restoreVlanTags: true };
    expect(await client.explain({ ...options, timestampResolution: "nanoseconds" })).toEqual({
      filterDialect: "pcap",
      filter: "tcp dst port 80",
      window: { startNs: noonNs, endNs: noonNs + 3600n * second },
      index: "(tcp and port 80)",
      residual: "tcp dst port 80",
      explanation: ["the index does not tell source from destination"],
      source: "stenographer",
      sensor: "edge-1",
      usesIndex: true,
      cost: { files: 3, bytes: 12_884_901_888 },
    });
    expect(requests).toMatchObject([
      {
        query: {
          bpf: "tcp dst port 80",
          dialect: FilterDialect.PCAP,
          vlanTransparent: true,
          restoreVlanTags: true,
          start: { seconds: noonNs / second },
        },
      },
    ]);
  });

  it("needs no filter, and no source that knows the cost", async () => {
    const { client } = clientThatHears(() => ({ usesIndex: false }));
    const { filterDialect, filter, usesIndex, cost } = await client.explain(hour);
    expect({ filterDialect, filter, usesIndex, cost }).toEqual({ filter: "", usesIndex: false });
  });

  it("refuses an explanation of the filter in another language", async () => {
    const { client } = clientThatHears((request) => ({
      ...answer(request),
      filterDialect: FilterDialect.STENOGRAPHER,
    }));
    const failure = await failureOf(client.explain({ ...hour, filter: "tcp" }));
    expect(failure).toMatchObject({ reason: "DIALECT_MISMATCH", code: "data_loss" });
  });

  it("refuses a window that no calendar has", async () => {
    const { client } = clientThatHears(() => ({ windowStart: { seconds: 2n ** 60n } }));
    expect((await failureOf(client.explain(hour))).reason).toBe("MALFORMED_ANSWER");
  });

  it("rejects, and sends nothing, for options that make no sense", async () => {
    const { client, requests } = clientThatHears(answer);
    expect((await failureOf(client.explain({ ...hour, to: hour.from }))).reason).toBe("WINDOW_INVALID");
    expect((await failureOf(client.explain({ from: "yesterday", to: hour.to }))).reason).toBe("TIME_INVALID");
    expect(requests).toEqual([]);
  });

  it("says what fails, as a fetch does", async () => {
    const { client } = clientThatHears(() => {
      throw new ConnectError("no such method", Code.Unimplemented);
    });
    const failure = await failureOf(client.explain(hour));
    expect(failure).toMatchObject({ code: "unimplemented", reason: "UNIMPLEMENTED" });
    expect(failure.message).toMatch(/nor explain a query/);
  });

  it("is cancelled by its signal, ends with its time limit, and with its client", async () => {
    const { client } = clientThatHears(() => new Promise(() => {}));
    const signal = AbortSignal.abort();
    expect((await failureOf(client.explain({ ...hour, signal }))).reason).toBe("CANCELED");
    expect((await failureOf(client.explain({ ...hour, timeoutMs: 20 }))).reason).toBe("TIMEOUT");
    const waiting = failureOf(client.explain(hour));
    await client.close();
    expect((await waiting).message).toBe("the client was closed");
  });
});
