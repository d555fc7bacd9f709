import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TrafficTruth, tcpdumpSelect, writeSyntheticTraffic } from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** tcpdump is what our answers are held against; here it is held against what the generator counted. */
describe("tcpdumpSelect", () => {
  let folder = "";
  let pcap = "";
  let truth: TrafficTruth;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "oracle-"));
    pcap = join(folder, "traffic.pcap");
    truth = await writeSyntheticTraffic(pcap, { packets: 8_000, maxPayload: 64 });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const found = (filter?: string) => tcpdumpSelect(pcap, filter).length;

  it("finds every packet without a filter", () => {
    expect(found()).toBe(8_000);
  });

  it("finds each protocol, VLAN and label as often as it was generated", () => {
    for (const [number, count] of truth.protocols)
      expect([number, found(`ip proto ${number}`)]).toEqual([number, count]);
    for (const [id, count] of truth.vlans) expect([id, found(`vlan ${id}`)]).toEqual([id, count]);
    for (const [label, count] of truth.labels)
      expect([label, found(`mpls ${label}`)]).toEqual([label, count]);
  });

  it("finds the frequent ports and hosts, and some rare ones, as often as they were generated", () => {
    const ends = <K>(counts: Map<K, number>) => {
      const sorted = [...counts].sort(([, a], [, b]) => b - a);
      return [...sorted.slice(0, 6), ...sorted.slice(-4)];
    };
    for (const [port, count] of ends(truth.ports))
      expect([port, found(`port ${port}`)]).toEqual([port, count]);
    for (const [host, count] of ends(truth.hosts))
      expect([host, found(`host ${host}`)]).toEqual([host, count]);
  });
});
