import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { StenoRequestSchema } from "@stenogrpc/protocol";
import { FilterDialect, FilterProblemSchema, Stenographer } from "@stenogrpc/protocol";
import { ErrorInfoSchema } from "@stenogrpc/protocol/error-details";
import { afterEach, describe, expect, it } from "vitest";
import type { LimitsOptions } from "./limits.js";
import type { PacketSource } from "./sources/packet-source.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

const sensors: TestSensor[] = [];
afterEach(() => Promise.all(sensors.splice(0).map((sensor) => sensor.close())));

/** A source that is asked for no packet here. */
function describedSource(parts: Partial<PacketSource>): PacketSource {
  return {
    kind: "described",
    open: () => Promise.reject(new Error("was opened")),
    describe: async () => ({}),
    ...parts,
  };
}

async function start(source: PacketSource, limits: LimitsOptions = {}, now = Date.now) {
  const sensor = await startTestSensor({ source, limits, sensor: "edge-1", now });
  sensors.push(sensor);
  const { server, tls } = sensor.clientOptions;
  return createClient(Stenographer, createGrpcTransport({ baseUrl: `https://${server}`, nodeOptions: tls }));
}

const window = { epochStart: 100n, epochEnd: 199n };
const pcap = (bpf: string): MessageInitShape<typeof StenoRequestSchema> => ({
  ...window,
  bpf,
  dialect: FilterDialect.PCAP,
});

describe("explainQuery", () => {
  it("tells what the index is asked, what is matched here, and what is read at most, and opens nothing", async () => {
    const source = describedSource({
      abilities: { index: true },
      estimate: async ({ window }) => ({ files: 3, bytes: Number(window.endNs - window.startNs) }),
    });
    const client = await start(source);
    const { explanation, ...answer } = await client.explainQuery({ query: pcap("tcp dst port 443") });
    expect(answer).toMatchObject({
      filterDialect: FilterDialect.PCAP,
      filter: "tcp dst port 443",
      residual: "tcp dst port 443",
      windowStart: { seconds: 100n },
      windowEnd: { seconds: 200n },
      source: "described",
      sensor: "edge-1",
      usesIndex: true,
      cost: { files: 3n, bytes: 100_000_000_000n },
    });
    expect(answer.index).toContain("port 443");
    expect(explanation.length).toBeGreaterThan(0);
  });

  it("says of a source without an index that everything in the window is read", async () => {
    const client = await start(describedSource({}));
    const answer = await client.explainQuery({ query: pcap("port 443") });
    expect(answer).toMatchObject({ index: "", usesIndex: false });
    expect(answer.cost).toBeUndefined();
    expect(answer.explanation[0]).toContain("no index");
  });

  it("says that tcpdump's language does not look behind VLAN tags, unless it does", async () => {
    for (const abilities of [{}, { index: true }]) {
      const client = await start(describedSource({ abilities }));
      const explain = async (query: MessageInitShape<typeof StenoRequestSchema>) =>
        (await client.explainQuery({ query })).explanation.join("\n");
      const tags = "The filter does not look behind VLAN tags";
      expect(await explain(pcap("port 443"))).toContain(tags);
      expect(await explain({ ...pcap("port 443"), vlanTransparent: true })).not.toContain(tags);
      expect(await explain({ ...window, bpf: "port 443" })).not.toContain(tags);
    }
  });

  it("says of a filter that costs too much a packet that it would be refused, if captures are of Ethernet", async () => {
    const client = await start(describedSource({}));
    const explain = async (bpf: string) =>
      (await client.explainQuery({ query: pcap(bpf) })).explanation.join("\n");
    expect(await explain(new Array(6400).fill("geneve").join(" or "))).toMatch(
      /FILTER_TOO_COSTLY\): the filter may take \d+ comparisons a packet/,
    );
    expect(await explain("port 443")).not.toContain("FILTER_TOO_COSTLY");
    // Which Ethernet has not.
    expect(await explain("ifindex 3")).not.toContain("refuse");
  });

  it("explains a window without a filter", async () => {
    const client = await start(describedSource({}));
    const answer = await client.explainQuery({ query: window });
    expect(answer).toMatchObject({ filter: "", residual: "", filterDialect: FilterDialect.UNSPECIFIED });
  });

  it("takes a clock that knows fractions of a millisecond", async () => {
    const client = await start(describedSource({}), {}, () => 1_700_000_000_000.25);
    expect(await client.explainQuery({ query: window })).toMatchObject({ sensor: "edge-1" });
  });

  it("refuses what fetchPcap would refuse, with the same reasons", async () => {
    const client = await start(describedSource({ abilities: { index: true } }), {
      allowTimeOnlyQueries: false,
    });
    const reason = async (query: MessageInitShape<typeof StenoRequestSchema>) => {
      const failure = await client.explainQuery({ query }).then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
      return [
        failure?.findDetails(ErrorInfoSchema)[0]?.reason,
        failure?.findDetails(FilterProblemSchema)[0]?.offset,
      ];
    };
    expect(await reason(pcap("not port 22"))).toEqual(["INDEX_CANT_HELP", undefined]);
    expect(await reason(pcap("tcp prt 22"))).toEqual(["FILTER_SYNTAX", 4]);
    expect(await reason({})).toEqual(["WINDOW_INVALID", undefined]);
    expect(await reason({ ...pcap("port 22"), restoreVlanTags: true })).toEqual([
      "OPTION_UNSUPPORTED",
      undefined,
    ]);
  });
});
