import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeStenographerClient } from "@stenogrpc/client/node";
import {
  packetLine,
  type RunningStenographer,
  readPcap,
  startStenographer,
  tcpdumpSelect,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorkplace, startSensor, stenographerSources, type Workplace } from "./support/sensor.js";

/** End to end with the real capture program: tcpreplay, stenotype, stenographer, our server, our client. */
describe("packets that stenotype captured while tcpreplay sent them", () => {
  let workplace: Workplace;
  let daemon: RunningStenographer;
  let pcap = "";
  const beforeCapture = BigInt(Date.now()) * 1_000_000n;

  beforeAll(async () => {
    workplace = await createWorkplace();
    pcap = join(workplace.folder, "replayed.pcap");
    await writeSyntheticTraffic(pcap, { packets: 20_000, seed: 7 });
    daemon = await startStenographer({ pcap, mode: "capture", keys: "own" });
  });

  afterAll(async () => {
    await daemon.stop();
    workplace.remove();
  });

  async function fetchAll(client: NodeStenographerClient, from: bigint, to: bigint, filter?: string) {
    const fetch = client.fetchPcap({
      from,
      to,
      filter,
      dialect: "stenographer",
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of fetch) pieces.push(piece);
    const result = await fetch.summary;
    const bytes = Buffer.concat(pieces);
    expect(result.verdict).toBe("complete");
    return { bytes, packets: readPcap(bytes) };
  }

  it.each(["stenoread", "stenographer", "stenographer-files"] as const)(
    "come back through %s as they were sent",
    async (kind) => {
      const sensor = await startSensor(workplace, stenographerSources(daemon)[kind]);
      const client = sensor.connect();
      const now = BigInt(Date.now()) * 1_000_000n;
      const frames = (packets: readonly { data: Buffer }[]) =>
        packets.map(({ data }) => data.toString("hex"));

      const all = await fetchAll(client, beforeCapture, now);
      expect(frames(all.packets)).toEqual(frames(readPcap(pcap)));

      for (const filter of ["tcp and port 443", "vlan 1000", "mpls 300", "icmp", "port 80 or port 81"]) {
        const wanted = tcpdumpSelect(pcap, filter);
        expect(wanted.length).toBeGreaterThan(10);
        const { packets } = await fetchAll(client, beforeCapture, now, filter);
        expect(frames(packets)).toEqual(frames(wanted));
      }

      // Times are stenotype's: what came back says which, and tcpdump what lies in a slice of a few milliseconds.
      const fetched = join(workplace.folder, `${kind}.pcap`);
      writeFileSync(fetched, all.bytes);
      const window = {
        startNs: all.packets[5000]?.timestampNs ?? 0n,
        endNs: all.packets[6000]?.timestampNs ?? 0n,
      };
      const slice = await fetchAll(client, window.startNs, window.endNs, "tcp or udp");
      expect(slice.packets.length).toBeGreaterThan(500);
      // The daemon cuts times to microseconds; the window is as exact as what it serves.
      expect(slice.packets.map(packetLine)).toEqual(
        tcpdumpSelect(fetched, "tcp or udp", window).map(packetLine),
      );

      await client.close();
      await sensor.stop();
    },
  );
});
