import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FetchPcapOptions, NodeStenographerClient } from "@stenogrpc/client/node";
import {
  debianProgram,
  type PlainPacket,
  packetLine,
  type RunningStenographer,
  readPcap,
  run,
  startStenographer,
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

/** What people give tcpdump; most of it Stenographer cannot say. */
const filters = [
  "tcp port 443",
  "not port 443",
  "tcp and not port 443 and not port 80",
  "src host 10.0.0.5 or dst host 10.0.0.5",
  "src net 10.0.0.0/8 and dst port 53",
  "udp dst port 53",
  "portrange 1-1023",
  "host 10.0.0.5",
  "ip host 10.0.0.5 and tcp",
  "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
  "icmp[icmptype] == icmp-echo or icmp6",
  "arp",
  "ip6 and not icmp6",
  "ip6 proto 6",
  "ip6 protochain 6",
  "net 192.168.0.0 mask 255.255.0.0",
  "ip proto \\sctp or ip proto 47",
  "sctp port 443",
  "vlan",
  "vlan 10 and tcp port 80",
  "vlan and (vlan and tcp)",
  "mpls and udp",
  "less 100 and tcp",
  "greater 200 and not udp",
  "ip[6:2] & 0x1fff != 0",
  "ether[0] & 1 != 0",
  "ether host 02:00:00:00:00:01",
  "ip multicast or ip broadcast",
  "udp[8:2] = 0x1234 or port domain",
  "http or https or ssh",
] as const;

const second = 1_000_000_000n;
const begin = 1_700_000_000n * second;
const everything = { startNs: begin, endNs: begin + 3600n * second };
const minute = { startNs: begin + 61n * second + 5n, endNs: begin + 121n * second };

let workplace: Workplace;
let pcap = "";
let daemon: RunningStenographer;

beforeAll(async () => {
  workplace = await createWorkplace();
  mkdirSync(workplace.path("captures"));
  pcap = workplace.path("captures/replayed.pcap");
  await writeSyntheticTraffic(pcap, { packets: 6000, packetsPerSecond: 33, maxPayload: 200 });
  daemon = await startStenographer({ pcap, mode: "files" });
});

afterAll(async () => {
  await daemon.stop();
  workplace.remove();
});

/** What `tcpdump -r` selects, in the window; undefined where it refuses the filter. */
async function tcpdump(filter: string, window: typeof everything): Promise<PlainPacket[] | undefined> {
  const file = workplace.path("selected.pcap");
  try {
    await run(debianProgram("tcpdump"), ["-Z", "root", "-nr", pcap, "-w", file, filter]);
  } catch {
    return undefined;
  }
  return readPcap(file).filter(
    ({ timestampNs }) => timestampNs >= window.startNs && timestampNs < window.endNs,
  );
}

async function fetch(client: NodeStenographerClient, options: Partial<FetchPcapOptions>) {
  const file = workplace.path(`${++files}.pcap`);
  const result = await client
    .fetchPcap({ from: everything.startNs, to: everything.endNs, ...options })
    .toFile(file);
  return { result, packets: readPcap(file).map(packetLine) };
}
let files = 0;

const sources: Record<string, () => SourceConfig> = {
  stenoread: () => stenographerSources(daemon).stenoread,
  stenographer: () => stenographerSources(daemon).stenographer,
  "stenographer-files": () => ({ kind: "stenographer-files", config: daemon.configPath }),
  directory: () => ({ kind: "directory", path: workplace.path("captures") }),
};

describe.each(Object.keys(sources))("tcpdump's filters through %s", (kind) => {
  let sensor: Sensor;
  let client: NodeStenographerClient;

  beforeAll(async () => {
    sensor = await startSensor(workplace, (sources[kind] as () => SourceConfig)()); // one of its own keys
    client = sensor.connect();
  });

  afterAll(async () => {
    await client.close();
    await sensor.stop();
  });

  it("select exactly what tcpdump selects from the capture itself, in the window", async () => {
    let found = 0;
    for (const filter of filters) {
      const wanted = await tcpdump(filter, minute);
      const options = { filter, from: minute.startNs, to: minute.endNs };
      if (wanted === undefined) {
        await expect(
          client.fetchPcap(options).toFile(workplace.path("no.pcap")),
          filter,
        ).rejects.toMatchObject({
          reason: expect.stringMatching(/^FILTER_/),
        });
        continue;
      }
      const { result, packets } = await fetch(client, options);
      expect({ filter, packets: packets.length }).toEqual({ filter, packets: wanted.length });
      expect(packets).toEqual(wanted.map(packetLine));
      expect(result.filterDialect).toBe("pcap");
      found += packets.length;
    }
    expect(found).toBeGreaterThan(5000);
  });

  it("find tagged packets too where that is asked", async () => {
    const plain = await fetch(client, { filter: "tcp dst port 443" });
    const behindTags = await Promise.all(
      ["vlan and tcp dst port 443", "vlan and vlan and tcp dst port 443"].map((filter) =>
        fetch(client, { filter }),
      ),
    );
    const both = await fetch(client, { filter: "tcp dst port 443", vlanTransparent: true });
    const wanted = new Set([plain, ...behindTags].flatMap(({ packets }) => packets));
    expect(new Set(both.packets)).toEqual(wanted);
    expect(wanted.size).toBeGreaterThan(plain.packets.length);
  });

  it("are explained without a packet read", async () => {
    const plan = await client.explain({
      from: minute.startNs,
      to: minute.endNs,
      filter: "src net 10.0.0.0/8 and tcp dst port 443",
    });
    expect(plan.residual).toContain("443");
    if (kind === "directory") expect(plan).toMatchObject({ usesIndex: false, index: "" });
    else expect(plan.index).toContain("port 443");
    if (kind === "directory" || kind === "stenographer-files") expect(plan.cost?.bytes).toBeGreaterThan(0);
  });
});

describe("an answer from Stenographer's files", () => {
  let sensor: Sensor;
  let client: NodeStenographerClient;

  beforeAll(async () => {
    const packets = workplace.path("PKT");
    const index = workplace.path("IDX");
    for (const [from, to] of [
      [daemon.packetsFolder, packets],
      [daemon.indexFolder, index],
    ] as const) {
      mkdirSync(to);
      for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name));
    }
    sensor = await startSensor(workplace, {
      kind: "stenographer-files",
      threads: [{ packetsDirectory: packets, indexDirectory: index }],
    });
    client = sensor.connect();
  });

  afterAll(async () => {
    await client.close();
    await sensor.stop();
  });

  it("says what part of the window the files do not have, and can be refused for it", async () => {
    const { result } = await fetch(client, { filter: "tcp", from: begin - 600n * second, to: minute.endNs });
    expect(result.verdict).toBe("complete");
    expect(result.coverage?.gaps).toMatchObject([{ startNs: begin - 600n * second, reason: "aged-out" }]);
    const strict = { filter: "tcp", to: minute.endNs, requireCoverage: true };
    await expect(
      client.fetchPcap({ ...strict, from: begin - 600n * second }).toFile(workplace.path("never.pcap")),
    ).rejects.toMatchObject({ reason: "COVERAGE_INCOMPLETE" });
    expect(readdirSync(workplace.folder).filter((name) => name.startsWith("never"))).toEqual([]);
    const covered = await fetch(client, { ...strict, from: minute.startNs });
    expect(covered.result.coverage?.gaps).toEqual([]);
  });

  it("is incomplete where a block is damaged, and says which", async () => {
    const [name = ""] = readdirSync(workplace.path("PKT")).sort();
    const path = join(workplace.path("PKT"), name);
    const bytes = readFileSync(path);
    const { packets: whole } = await fetch(client, { filter: "tcp" });
    bytes.fill(0, 0, 64);
    writeFileSync(path, bytes);
    const { result, packets } = await fetch(client, { filter: "tcp" });
    expect(result.verdict).toBe("incomplete");
    expect(result.damage).toMatchObject([{ file: name, block: 0, losesPackets: true }]);
    expect(packets.length).toBeLessThan(whole.length);
    const all = new Set(whole);
    expect(packets.every((line) => all.has(line))).toBe(true);
  });
});
