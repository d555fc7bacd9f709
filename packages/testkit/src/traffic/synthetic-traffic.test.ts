import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readPcap } from "../oracle/read-pcap.js";
import { forEachIndexKey, keyKind } from "../stenographer/index-keys.js";
import { syntheticTraffic, type TrafficOptions } from "./synthetic-traffic.js";

function generate(options: TrafficOptions) {
  const { chunks, truth } = syntheticTraffic(options);
  const bytes = Buffer.concat([...chunks]);
  return { bytes, truth, packets: readPcap(bytes) };
}

describe("syntheticTraffic", () => {
  it("gives the same bytes for the same options, and others for another seed", () => {
    const digest = (options: TrafficOptions) =>
      createHash("sha256").update(generate(options).bytes).digest("hex");
    expect(digest({ packets: 500 })).toBe(digest({ packets: 500 }));
    expect(digest({ packets: 500, seed: 2 })).not.toBe(digest({ packets: 500 }));
  });

  it("knows its own sizes and times", () => {
    const { bytes, truth, packets } = generate({
      packets: 5000,
      start: 1_600_000_000.25,
      packetsPerSecond: 500,
    });
    expect(truth.packets).toBe(5000);
    expect(packets).toHaveLength(5000);
    expect(truth.pcapBytes).toBe(bytes.length);
    expect(truth.frameBytes).toBe(packets.reduce((sum, { data }) => sum + data.length, 0));
    expect(truth.firstNs).toBe(1_600_000_000_250_000_000n);
    expect(packets[0]?.timestampNs).toBe(truth.firstNs);
    expect(packets.at(-1)?.timestampNs).toBe(truth.lastNs);
    const seconds = Number(truth.lastNs - truth.firstNs) / 1e9;
    expect(seconds).toBeGreaterThan(9);
    expect(seconds).toBeLessThan(11);
    expect(packets.every(({ timestampNs }, i) => timestampNs >= (packets[i - 1]?.timestampNs ?? 0n))).toBe(
      true,
    );
  });

  it("counts what stenotype's rules find in the frames, but for the ports of later IPv4 fragments", () => {
    const { truth, packets } = generate({ packets: 5000 });
    const found = new Map<string, number>();
    for (const { data } of packets) {
      const keys = new Set<string>();
      const isLater = isLaterIpv4Fragment(data);
      forEachIndexKey(data, (kind, value) => {
        if (!(isLater && kind === keyKind.port)) keys.add(`${kind} ${value.toString("hex")}`);
      });
      for (const key of keys) found.set(key, (found.get(key) ?? 0) + 1);
    }
    const counted = new Map<string, number>();
    const put = (kind: number, width: number, counts: Map<number, number>) => {
      for (const [value, n] of counts) counted.set(`${kind} ${value.toString(16).padStart(width, "0")}`, n);
    };
    put(keyKind.protocol, 2, truth.protocols);
    put(keyKind.port, 4, truth.ports);
    put(keyKind.vlan, 4, truth.vlans);
    put(keyKind.mpls, 8, truth.labels);
    for (const [text, n] of truth.hosts) counted.set(addressKey(text), n);
    expect(counted).toEqual(found);
  });

  it("has everything that makes filters hard", () => {
    const { truth, packets } = generate({ packets: 5000 });
    expect([...truth.kinds.keys()].sort()).toEqual(["arp", "ipv4", "ipv6", "other"]);
    expect([...truth.protocols.keys()].sort((a, b) => a - b)).toEqual([1, 6, 17, 44, 47, 58, 132]);
    expect([...truth.vlans.keys()].sort((a, b) => a - b)).toEqual([10, 20, 100, 1000, 2000, 4094]);
    expect([...truth.labels.keys()].sort((a, b) => a - b)).toEqual([16, 100, 299, 300, 1_048_575]);
    expect(packets.some(({ data }) => data.readUInt16BE(12) === 0x86dd && data.readUInt8(20) === 0)).toBe(
      true,
    );
    expect(packets.some(({ data }) => isLaterIpv4Fragment(data))).toBe(true);
  });

  it("leaves out tags and labels on request", () => {
    const { truth } = generate({ packets: 2000, plain: true });
    expect([truth.vlans.size, truth.labels.size]).toEqual([0, 0]);
  });

  it("keeps payloads as short as asked", () => {
    const { packets } = generate({ packets: 2000, maxPayload: 0, plain: true });
    // A first fragment is the longest then: Ethernet 14, IPv6 40, its header 8, and 528 of TCP 20, ordinal 8, payload 504.
    expect(Math.max(...packets.map(({ data }) => data.length))).toBe(590);
  });
});

function isLaterIpv4Fragment(frame: Buffer): boolean {
  let at = 12;
  while ([0x8100, 0x88a8].includes(frame.readUInt16BE(at))) at += 4;
  let ip = at + 2;
  if (frame.readUInt16BE(at) === 0x8847) {
    while ((frame.readUInt32BE(ip) & 0x100) === 0) ip += 4;
    ip += 4;
    if (frame.readUInt8(ip) >>> 4 !== 4) return false;
  } else if (frame.readUInt16BE(at) !== 0x0800) {
    return false;
  }
  return (frame.readUInt16BE(ip + 6) & 0x1fff) !== 0;
}

function addressKey(text: string): string {
  if (text.includes(".")) return `4 ${Buffer.from(text.split(".").map(Number)).toString("hex")}`;
  return `6 ${text
    .split(":")
    .map((group) => group.padStart(4, "0"))
    .join("")}`;
}
