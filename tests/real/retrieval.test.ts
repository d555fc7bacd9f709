import { join } from "node:path";
import type { NodeStenographerClient } from "@stenogrpc/client/node";
import {
  type PlainPacket,
  packetLine,
  type RunningStenographer,
  readPcap,
  startStenographer,
  tcpdumpSelect,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createWorkplace,
  type Sensor,
  startSensor,
  stenographerSources,
  type Workplace,
} from "./support/sensor.js";
import type { SourceConfig } from "./support/source-config.js";

interface Window {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

const start = 1_700_000_000;
const packetCount = 6000;
/** Packets for three minutes, over four of Stenographer's files. */
const packetsPerSecond = 33;
const second = 1_000_000_000n;
const begin = BigInt(start) * second;

const filters = [
  undefined,
  "tcp",
  "udp and port 53",
  "icmp",
  "port 80 or port 81",
  "udp and port 514 or tcp and port 80",
  "(port 443 or port 8443) and (net 10.0.0.0/8 or ip proto 17)",
  "net 192.168.1.0/24 and net 10.0.0.0/9",
  "net 2001:db8::/32 and tcp",
  "host fe80::1",
  "vlan 10",
  "vlan 1000 and vlan 20 and tcp",
  "mpls 299 or mpls 1048575",
  "ip proto 47 or ip proto 132",
  "ip proto 44",
  "port 80 and before 2023-11-14T22:14:30Z",
  "after 2023-11-14T22:15:00Z and icmp",
] as const;

const everything: Window = { startNs: begin, endNs: begin + 3600n * second };

let workplace: Workplace;
let pcap = "";
let sent: PlainPacket[];

beforeAll(async () => {
  workplace = await createWorkplace();
  pcap = join(workplace.folder, "replayed.pcap");
  await writeSyntheticTraffic(pcap, { packets: packetCount, start, packetsPerSecond, maxPayload: 200 });
  sent = readPcap(pcap);
});

afterAll(() => workplace.remove());

/** Windows that lie across and within files, and on the microsecond of packets. */
function windows(): Record<string, Window> {
  const at = (i: number): bigint => sent[i]?.timestampNs ?? 0n;
  return {
    "the whole capture": everything,
    "a quarter of a second": { startNs: begin + 100n * second, endNs: begin + 100n * second + second / 4n },
    "the minute where one file ends and the next begins": {
      startNs: begin + 30n * second,
      endNs: begin + 90n * second,
    },
    "from one packet to just before another": { startNs: at(2700), endNs: at(3000) },
    "the microsecond after a packet to the one after another": {
      startNs: at(2700) + 1000n,
      endNs: at(3000) + 1000n,
    },
  };
}

const narrow: Window = { startNs: begin + 150n * second, endNs: begin + 152n * second };

/** @param given what lies in which is to come; else in the window itself */
async function expectSameAsTcpdump(
  client: NodeStenographerClient,
  filter: string | undefined,
  window: Window,
  given = window,
) {
  const wanted = tcpdumpSelect(pcap, filter, given).map(packetLine);
  const fetch = client.fetchPcap({
    from: window.startNs,
    to: window.endNs,
    filter,
    dialect: "stenographer",
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of fetch) pieces.push(piece);
  const got = readPcap(Buffer.concat(pieces)).map(packetLine);
  expect({ filter, packets: got.length }).toEqual({ filter, packets: wanted.length });
  expect(got).toEqual(wanted);
  const result = await fetch.summary;
  expect(result).toMatchObject({
    verdict: wanted.length === 0 ? "no-packets" : "complete",
    packets: wanted.length,
    verification: "full",
  });
  return wanted.length;
}

/** What a Stenographer with given certificates answers, through one of our sources. */
function comparesWithTcpdump(open: () => SourceConfig): void {
  let sensor: Sensor;
  let client: NodeStenographerClient;

  beforeAll(async () => {
    sensor = await startSensor(workplace, open());
    client = sensor.connect();
  });

  afterAll(async () => {
    await client.close();
    await sensor.stop();
  });

  it("gives for every filter what tcpdump finds", async () => {
    let found = 0;
    for (const filter of filters) found += await expectSameAsTcpdump(client, filter, everything);
    // That the filters find something is the test's own business.
    expect(found).toBeGreaterThan(2 * packetCount);
  });

  it("gives for every window what lies in it, to the packet", async () => {
    for (const window of Object.values(windows())) {
      expect(await expectSameAsTcpdump(client, "tcp or udp", window)).toBeGreaterThan(0);
    }
  });

  it("gives what lies in a window of nanoseconds, or in its whole microseconds where it has no more", async () => {
    const { startNs, endNs } = windows()["from one packet to just before another"] ?? everything;
    const finer = { startNs: startNs + 1n, endNs: endNs + 1n };
    const isExact = open().kind === "directory";
    const given = isExact ? finer : { startNs, endNs: endNs + 1000n };
    expect(await expectSameAsTcpdump(client, undefined, finer, given)).toBe(isExact ? 300 : 301);
  });

  it("gives nothing for windows before and after the capture", async () => {
    expect(
      await expectSameAsTcpdump(client, undefined, { startNs: begin - 3600n * second, endNs: begin }),
    ).toBe(0);
    const last = sent.at(-1)?.timestampNs ?? 0n;
    const behind = { startNs: last + 1000n, endNs: last + second };
    expect(await expectSameAsTcpdump(client, undefined, behind)).toBe(0);
  });

  it("lets no `or` out of a narrow window", async () => {
    const inside = await expectSameAsTcpdump(client, "port 80 or port 443", narrow);
    expect(inside).toBeGreaterThan(0);
    expect(inside).toBeLessThan(60);
  });

  it("cuts at the first packets when a limit says so", async () => {
    const fetch = client.fetchPcap({
      from: everything.startNs,
      to: everything.endNs,
      filter: "udp",
      dialect: "stenographer",
      maxPackets: 7,
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of fetch) pieces.push(piece);
    const first = tcpdumpSelect(pcap, "udp").slice(0, 7).map(packetLine);
    expect(readPcap(Buffer.concat(pieces)).map(packetLine)).toEqual(first);
    expect(await fetch.summary).toMatchObject({ verdict: "truncated", stoppedBy: "max-packets", packets: 7 });
  });
}

for (const keys of ["own", "stenokeys"] as const) {
  describe(`a real Stenographer with ${keys === "own" ? "our own certificates" : "the certificates of stenokeys"}`, () => {
    let daemon: RunningStenographer;

    beforeAll(async () => {
      daemon = await startStenographer({ pcap, mode: "files", keys, secondsPerFile: 60 });
    });

    afterAll(() => daemon.stop());

    describe("through stenoread", () => comparesWithTcpdump(() => stenographerSources(daemon).stenoread));
    describe("through HTTPS", () => comparesWithTcpdump(() => stenographerSources(daemon).stenographer));
  });
}

describe("a directory with the same capture", () => {
  comparesWithTcpdump(() => ({ kind: "directory", path: workplace.folder, pattern: "replayed.pcap" }));
});
