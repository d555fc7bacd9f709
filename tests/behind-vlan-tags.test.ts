import { createStenographerClient } from "@stenogrpc/client/node";
import { startTestSensor } from "@stenogrpc/server/testing";
import { pcapOf } from "@stenogrpc/testkit";
import { expect, it } from "vitest";

/** Second of the first packet; the others come a second apart. */
const t0 = 1_700_000_000;

/** An ARP request from 10.0.0.1, behind a VLAN tag. */
const taggedArp = Buffer.from(
  [
    "ffffffffffff020000000001", // addresses
    "81000005", // tag 5
    "0806", // ARP
    "0001080006040001", // Ethernet, IPv4, a request
    "0200000000010a000001", // sender
    "0000000000000a000009", // target
  ].join(""),
  "hex",
);

it("what matches only behind VLAN tags is never a bare no, and client and server say it in the same words", async () => {
  const packets = Array.from({ length: 27 }, (_, i) => ({
    timestampNs: BigInt(t0 + i) * 1_000_000_000n,
    data: taggedArp,
  }));
  await using sensor = await startTestSensor({ capture: pcapOf(packets) });
  await using client = createStenographerClient(sensor.clientOptions);
  const behindLast = BigInt(t0 + 26) * 1_000_000_000n + 1n;
  const asked = { from: t0, to: behindLast, filter: "host 10.0.0.1" };

  const { verdict, recordsBehindVlan, shortcomings, warnings } = await client.fetchPcap(asked).summary;
  expect([verdict, recordsBehindVlan]).toEqual(["no-packets", 27]);
  expect(shortcomings).toEqual([expect.stringMatching(/^27 packets match only behind a VLAN tag, /)]);
  // So that who shows both can leave one out.
  expect(warnings).toEqual(shortcomings);

  const transparent = await client.fetchPcap({ ...asked, vlanTransparent: true }).summary;
  expect(transparent).toMatchObject({ packets: 27, recordsBehindVlan: 0, shortcomings: [], warnings: [] });
});
