import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseCaptureHeader } from "@stenogrpc/pcap";
import type { Response, StenoRequestSchema } from "@stenogrpc/protocol";
import { Completeness, FilterDialect, GapReason, Status, TimestampResolution } from "@stenogrpc/protocol";
import { ErrorInfoSchema } from "@stenogrpc/protocol/error-details";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { tcpFrame } from "../test-support/tcp-frame.js";
import { clientBy, closeAll, type SensorClient, ways } from "../test-support/ways.js";
import type { SourceAbilities } from "./sources/packet-source.js";
import type { Damage, SourceOutcome } from "./sources/source-outcome.js";
import { memorySource } from "./testing/memory-source.js";
import type { TestSensor } from "./testing/test-sensor.js";
import { startTestSensor } from "./testing/test-sensor.js";

const sensors: TestSensor[] = [];
afterEach(() => closeAll(sensors.splice(0).map(({ server }) => server)));

const t0 = 1_700_000_000;
const second = 1_000_000_000n;

/** Two packets with nanoseconds: one to port 80 without a tag, one to port 80 behind a VLAN tag. */
function capture(): Uint8Array {
  return pcapOf(
    [
      { timestampNs: BigInt(t0) * second + 123_456_789n, data: tcpFrame() },
      { timestampNs: BigInt(t0) * second + 223_456_789n, data: tcpFrame({ vlan: 5 }) },
    ],
    { resolution: "nanoseconds" },
  );
}

async function fetch(client: SensorClient, request: MessageInitShape<typeof StenoRequestSchema> = {}) {
  const messages: Response[] = [];
  const window = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 9) };
  for await (const message of client.fetchPcap({ ...window, ...request })) messages.push(message);
  const last = messages.at(-1);
  return { status: last?.status, summary: last?.summary, pcap: Buffer.concat(messages.map((m) => m.pcap)) };
}

const lost: Damage = {
  file: "1700000000000000",
  thread: 1,
  block: 7,
  offset: 7340032,
  what: "no block",
  losesPackets: true,
};

describe.each(ways)("%s:", (way) => {
  async function start(outcome: SourceOutcome | undefined, abilities: SourceAbilities = {}) {
    const packets = memorySource(capture());
    const sensor = await startTestSensor({
      source: {
        ...packets,
        abilities,
        open: async (plan, signal) => ({
          ...(await packets.open(plan, signal)),
          ...(outcome && { outcome: () => outcome }),
        }),
      },
    });
    sensors.push(sensor);
    return clientBy(way, sensor.clientOptions);
  }

  describe("an answer of a source that has damage", () => {
    it("is sent as far as it goes, and ends as incomplete, for a client that takes that", async () => {
      const { status, summary } = await fetch(await start({ damage: [lost] }), { acceptIncomplete: true });
      expect(status).toBe(Status.INCOMPLETE);
      expect(summary).toMatchObject({
        packets: 2n,
        completeness: Completeness.UNPROVED,
        damage: [
          { file: lost.file, thread: 1, block: 7, offset: 7_340_032n, what: "no block", losesPackets: true },
        ],
      });
    });

    it("tells what cost packets before a hundred things that did not", async () => {
      const harmless = Array.from({ length: 150 }, () => ({ ...lost, losesPackets: false }));
      const sensor = await start({ damage: [...harmless, lost] });
      const { status, summary } = await fetch(sensor, { acceptIncomplete: true });
      expect(status).toBe(Status.INCOMPLETE);
      expect(summary?.damage).toHaveLength(100);
      expect(summary?.damage[0]?.losesPackets).toBe(true);
    });

    it("fails for a client that would take it for whole", async () => {
      const failure = await fetch(await start({ damage: [lost] })).then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
      expect(failure?.code).toBe(Code.DataLoss);
      expect(failure?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("SOURCE_CORRUPT");
    });

    it("is whole where the damage cost no packet", async () => {
      const { status, summary } = await fetch(await start({ damage: [{ ...lost, losesPackets: false }] }));
      expect(status).toBe(Status.OK);
      expect(summary?.damage).toHaveLength(1);
    });
  });

  describe("the summary", () => {
    it("tells which part of the window the source can answer for, and that it proved its answer", async () => {
      const gap = { startNs: BigInt(t0 + 5) * second, endNs: BigInt(t0 + 10) * second };
      const expectedAtNs = BigInt(t0 + 100) * second;
      const { status, summary } = await fetch(
        await start({
          completeness: "proved",
          coverage: { oldestPacketNs: 7n, gaps: [{ ...gap, reason: "not-yet-written", expectedAtNs }] },
        }),
      );
      expect(status).toBe(Status.OK);
      expect(summary).toMatchObject({
        completeness: Completeness.PROVED,
        coverage: {
          oldestPacket: { seconds: 0n, nanos: 7 },
          gaps: [
            {
              start: { seconds: BigInt(t0 + 5) },
              end: { seconds: BigInt(t0 + 10) },
              reason: GapReason.NOT_YET_WRITTEN,
              expectedAt: { seconds: BigInt(t0 + 100) },
            },
          ],
        },
      });
    });

    it("claims nothing for a source that says nothing", async () => {
      const { summary } = await fetch(await start(undefined));
      expect(summary).toMatchObject({ completeness: Completeness.UNPROVED, damage: [] });
      expect(summary?.coverage).toBeUndefined();
    });

    it("names the language that the filter was read in", async () => {
      const client = await start(undefined);
      const dialectOf = async (bpf: string, dialect = FilterDialect.UNSPECIFIED) =>
        (await fetch(client, { bpf, dialect })).summary?.filterDialect;
      expect(await dialectOf("")).toBe(FilterDialect.UNSPECIFIED);
      expect(await dialectOf("tcp")).toBe(FilterDialect.STENOGRAPHER);
      expect(await dialectOf("tcp", FilterDialect.PCAP)).toBe(FilterDialect.PCAP);
      expect(await dialectOf("tcp port 80")).toBe(FilterDialect.PCAP);
    });
  });

  describe("a tcpdump filter", () => {
    it("selects what tcpdump would, and tagged packets too where that is asked", async () => {
      const client = await start(undefined);
      const asked = { bpf: "tcp dst port 80", dialect: FilterDialect.PCAP };
      expect((await fetch(client, asked)).summary?.packets).toBe(1n);
      expect((await fetch(client, { ...asked, vlanTransparent: true })).summary?.packets).toBe(2n);
      // Stenographer's language always looks behind tags.
      expect((await fetch(client, { bpf: "port 80" })).summary?.packets).toBe(2n);
    });

    it("that means nothing on the captures' link type is refused with that reason", async () => {
      const client = await start(undefined);
      const failure = await fetch(client, { bpf: "ifindex 3", dialect: FilterDialect.PCAP }).then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
      expect(failure?.code).toBe(Code.InvalidArgument);
      expect(failure?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("FILTER_LINK_TYPE");
    });

    it("that would take too long over each packet is refused with that reason", async () => {
      const client = await start(undefined);
      const bpf = new Array(6400).fill("geneve").join(" or ");
      const failure = await fetch(client, { bpf, dialect: FilterDialect.PCAP }).then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
      expect(failure?.code).toBe(Code.InvalidArgument);
      expect(failure?.rawMessage).toMatch(/^the filter may take \d+ comparisons a packet/);
      expect(failure?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("FILTER_TOO_COSTLY");
    });
  });

  describe("time stamps", () => {
    it.each([
      [TimestampResolution.UNSPECIFIED, "nanoseconds", 123_456_789],
      [TimestampResolution.NANOSECONDS, "nanoseconds", 123_456_789],
      [TimestampResolution.MICROSECONDS, "microseconds", 123_456],
    ])("asked for as %s come in %s", async (timestampResolution, resolution, fraction) => {
      const { pcap, summary } = await fetch(await start(undefined), { request: { timestampResolution } });
      expect(parseCaptureHeader(pcap).resolution).toBe(resolution);
      expect(pcap.readUInt32LE(28)).toBe(fraction);
      expect(summary?.packets).toBe(2n);
    });

    it("are cut only after window and filter have seen them whole", async () => {
      const client = await start(undefined);
      const { pcap } = await fetch(client);
      const first = { seconds: BigInt(pcap.readUInt32LE(24)), nanos: pcap.readUInt32LE(28) };
      const end = { seconds: first.seconds, nanos: first.nanos + 1 };
      const request = { timestampResolution: TimestampResolution.MICROSECONDS };
      const { summary } = await fetch(client, { request, start: first, end });
      expect(summary).toMatchObject({ packets: 1n, firstPacket: { nanos: 123_456_000 } });
    });

    it("come in the unit that is usual for the source, and no packet falls out of the window for it", async () => {
      const client = await start(undefined, { resolution: "microseconds" });
      const start200nsBefore = { seconds: BigInt(t0), nanos: 123_456_589 };
      const { pcap, summary } = await fetch(client, { start: start200nsBefore });
      expect(parseCaptureHeader(pcap).resolution).toBe("microseconds");
      expect(summary?.packets).toBe(2n);
    });

    it("in nanoseconds are refused by a source that has lost them", async () => {
      const client = await start(undefined, { nanoseconds: false });
      const request = { request: { timestampResolution: TimestampResolution.NANOSECONDS } };
      await expect(fetch(client, request)).rejects.toMatchObject({ code: Code.InvalidArgument });
    });
  });
});
